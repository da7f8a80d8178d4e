//! One conversation led by a program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use tokio::time::Instant;
use trunkline_base::id::guid;

use super::config::ExternalConfig;
use super::course::{Course, Heard as HeardOf, Role, Said};
use super::lines::{Lines, Source};
use super::socket::{Asker, Socket};
use super::wire::{Setting, act_name};
use super::{http, wire};
use crate::brain::{
    Brain, BrainError, ExternalError, Facts, Idea, Ideas, Line, Memory, Mind, Permission, Progress,
    Question, Spoken, Thought,
};
use crate::outside::Outside;
use crate::tools::Powers;
use crate::turn::{DigitPlan, Heard, Verdict};

/// Letters of one answer: minutes of speech, and more than anybody listens to.
const MOST_TEXT: usize = 8000;

/// Keys that are collected into one input.
const MOST_KEYS: usize = 32;

/// Makes brains that are led by one program.
#[derive(Debug)]
pub struct ExternalMind {
    config: Arc<ExternalConfig>,
    outside: Outside,
    powers: Arc<Powers>,
}

/// Leads one conversation as a program says.
pub struct ExternalBrain {
    config: Arc<ExternalConfig>,
    way: Way,
    powers: Arc<Powers>,
    call: Arc<Facts>,
    /// What the program knows the conversation by.
    conversation: Arc<str>,
    turns: AtomicU64,
    kept: Kept,
}

/// What stays of an answer.
#[derive(Clone, Debug, Default)]
struct Kept {
    course: Course,
    turn: u64,
    /// All that there was of the latest answer.
    planned: String,
}

enum Way {
    Http(reqwest::Client),
    Socket(Socket),
}

impl ExternalMind {
    /// A mind in another program.
    pub fn new(config: Arc<ExternalConfig>, outside: Outside, powers: Arc<Powers>) -> Self {
        Self {
            config,
            outside,
            powers,
        }
    }
}

impl Mind for ExternalMind {
    fn brain(&self, call: &Facts) -> Box<dyn Brain> {
        let config = Arc::clone(&self.config);
        let way = if config.is_socket() {
            let tls = Arc::clone(self.outside.tls());
            Way::Socket(Socket::new(Arc::clone(&config), tls))
        } else {
            Way::Http(self.outside.held().clone())
        };
        let mut course = Course::default();
        course
            .history
            .extend(config.greeting.clone().map(|text| Said {
                role: Role::Assistant,
                text,
            }));
        Box::new(ExternalBrain {
            config,
            way,
            powers: Arc::clone(&self.powers),
            call: Arc::new(call.clone()),
            conversation: guid("CV_", &mut rand::rng()).into(),
            turns: AtomicU64::new(0),
            kept: Kept {
                planned: self.config.greeting.clone().unwrap_or_default(),
                course,
                turn: 0,
            },
        })
    }

    fn phrases(&self) -> Vec<String> {
        let ExternalConfig {
            greeting, apology, ..
        } = &*self.config;
        greeting.iter().chain([apology]).cloned().collect()
    }
}

impl Brain for ExternalBrain {
    fn greeting(&self) -> Option<Line> {
        Some(Line {
            text: self.config.greeting.clone()?,
            interruptible: true,
        })
    }

    fn think(&self, question: &Question, now: OffsetDateTime) -> Thought {
        let number = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
        let setting = Setting {
            conversation: &self.conversation,
            call: &self.call,
            powers: &self.powers,
        };
        let turn = setting.turn(number, question, &self.kept.course, now);
        let mut course = self.kept.course.clone();
        course.refused.clear();
        course.ask(match question {
            Question::Heard(Heard::Speech(text) | Heard::Digits(text)) => {
                Some(text.expose().as_str())
            }
            Question::Silence(_) | Question::Undone(_) => None,
        });
        let work = Work {
            config: Arc::clone(&self.config),
            way: match &self.way {
                Way::Http(client) => Sender::Http(client.clone()),
                Way::Socket(socket) => Sender::Socket(socket.asker()),
            },
            powers: Arc::clone(&self.powers),
            kept: Kept {
                course,
                turn: number,
                planned: String::new(),
            },
        };
        Thought::spawn(Verdict::Unknown, move |ideas, permission| {
            work.run(turn, ideas, permission)
        })
    }

    fn remember(&mut self, memory: Memory) -> Memory {
        let before = self.kept.clone();
        if let Some(kept) = memory.open::<Kept>() {
            self.kept = kept;
        }
        Memory::new(before)
    }

    fn spoke(&mut self, spoken: &Spoken) {
        let Kept {
            course,
            turn,
            planned,
        } = &mut self.kept;
        course.spoke(*turn, planned, spoken);
        let (Way::Socket(socket), Some(heard)) = (&self.way, &course.heard) else {
            return;
        };
        if spoken.progress != Progress::Going {
            let HeardOf { turn, text, whole } = heard;
            socket.note(json!({"type": "heard", "turn": turn, "text": text, "whole": whole}));
        }
    }

    fn digits(&self) -> DigitPlan {
        DigitPlan {
            max: MOST_KEYS,
            ..DigitPlan::default()
        }
    }

    fn apology(&self) -> &str {
        &self.config.apology
    }
}

enum Sender {
    Http(reqwest::Client),
    Socket(Asker),
}

/// One answer in the making.
struct Work {
    config: Arc<ExternalConfig>,
    way: Sender,
    powers: Arc<Powers>,
    kept: Kept,
}

impl Work {
    async fn run(mut self, turn: Json, ideas: Ideas, mut permission: Permission) {
        self.keep(&ideas).await;
        if !self.config.early_turns {
            permission.wait().await;
        }
        if let Err(error) = self.follow(turn, &ideas).await {
            let error = BrainError::External(error);
            ideas.push(Idea::Failed(error)).await;
        }
    }

    async fn follow(&mut self, turn: Json, ideas: &Ideas) -> Result<(), ExternalError> {
        let asked = Instant::now();
        let number = self.kept.turn;
        let source = match &self.way {
            Sender::Http(client) => {
                Source::Http(http::send(&self.config, client, &turn, asked).await?)
            }
            Sender::Socket(asker) => Source::Socket(asker.ask(number, turn).await),
        };
        let mut lines = Lines::new(source, &self.config, asked);
        let mut length = 0;
        while let Some(line) = lines.next().await {
            let line = line?;
            let text = line.text();
            length += text.chars().count();
            if length > MOST_TEXT {
                return Err(ExternalError::TooLong);
            }
            let done = line.done;
            self.take(line, text, ideas).await;
            if done {
                break;
            }
        }
        Ok(())
    }

    async fn take(&mut self, line: wire::Line, text: String, ideas: &Ideas) {
        if !text.is_empty() {
            self.kept.course.answer(&text);
            self.kept.planned.push_str(&text);
            self.keep(ideas).await;
            ideas.push(Idea::Text(text)).await;
        }
        for act in line.acts() {
            match self.powers.allow(&act) {
                Ok(()) => drop(ideas.push(Idea::Act(act)).await),
                Err(refusal) => {
                    let name = act_name(&act);
                    tracing::warn!(act = name, "the external brain may not do this");
                    self.kept.course.refused.push(format!("{name}: {refusal}"));
                    self.keep(ideas).await;
                }
            }
        }
    }

    async fn keep(&self, ideas: &Ideas) {
        let memory = Memory::new(self.kept.clone());
        ideas.push(Idea::Memory(memory)).await;
    }
}
