//! One conversation led by a language model.

use std::sync::Arc;

use time::OffsetDateTime;

use super::ChatConfig;
use super::course::Course;
use super::history::{mend, trim};
use super::patience::Ladder;
use super::work::Work;
use crate::brain::{
    Brain, Facts, Farewell, Line, Memory, Mind, Progress, Question, Spoken, Thought,
};
use crate::flow::{refuses, tokens};
use crate::provider::{Llm, Message, Role};
use crate::tools::{Context, Powers, Toolbox};
use crate::turn::{DigitPlan, Heard, Keys, Verdict};

/// Leads one conversation with a language model.
pub struct ChatBrain {
    config: Arc<ChatConfig>,
    llm: Arc<dyn Llm>,
    tools: Arc<Toolbox>,
    call: Arc<Facts>,
    course: Course,
    /// The latest answer as it was meant, while less of it was heard.
    planned: Option<Option<String>>,
}

/// Makes brains that share one model.
pub struct ChatMind {
    config: Arc<ChatConfig>,
    llm: Arc<dyn Llm>,
    tools: Arc<Toolbox>,
}

/// What the endpoint is told when a transfer it takes for made was refused in time.
const UNDONE: &str = " (The transfer that was announced was not made.)";

impl ChatMind {
    /// A mind on a model.
    pub fn new(config: Arc<ChatConfig>, llm: Arc<dyn Llm>, tools: Arc<Toolbox>) -> Self {
        Self { config, llm, tools }
    }
}

impl Mind for ChatMind {
    fn brain(&self, call: &Facts) -> Box<dyn Brain> {
        let mut history = vec![Message::text(
            Role::System,
            self.config.instructions.clone(),
        )];
        history.extend(
            self.config
                .greeting
                .iter()
                .map(|text| Message::text(Role::Assistant, text.clone())),
        );
        Box::new(ChatBrain {
            config: Arc::clone(&self.config),
            llm: Arc::clone(&self.llm),
            tools: Arc::clone(&self.tools),
            call: Arc::new(call.clone()),
            course: Course {
                history,
                ladder: Ladder::default(),
                promised: None,
            },
            planned: None,
        })
    }

    fn phrases(&self) -> Vec<String> {
        self.config
            .greeting
            .iter()
            .chain([&self.config.apology])
            .cloned()
            .collect()
    }
}

impl Brain for ChatBrain {
    fn greeting(&self) -> Option<Line> {
        let text = self.config.greeting.clone()?;
        Some(Line {
            text,
            interruptible: true,
        })
    }

    fn think(&self, question: &Question, now: OffsetDateTime) -> Thought {
        let mut course = self.course.clone();
        let patience = &self.config.patience;
        let (text, farewell) = match question {
            Question::Heard(Heard::Speech(text)) => {
                let text = text.expose();
                let asked = latest(&course.history).is_some_and(|said| said.contains('?'));
                let farewell = course.ladder.hear(text, asked, patience);
                let machine = farewell == Some(Farewell::Machine);
                let refused = !machine && refuses(text) && course.promised.take().is_some();
                let note = if refused { UNDONE } else { "" };
                (format!("{text}{note}"), farewell)
            }
            Question::Heard(Heard::Digits(keys)) => {
                course.ladder.advance();
                (
                    format!("(The caller pressed the keys {}.)", keys.expose()),
                    None,
                )
            }
            Question::Silence(times) => (
                format!("(The caller has been silent for a while, {times} times in a row.)"),
                course.ladder.silence(*times, patience),
            ),
            Question::Undone(undone) => (
                format!(
                    "(What was announced was not done: {}. Tell the caller.)",
                    undone.why
                ),
                None,
            ),
        };
        mend(&mut course.history);
        trim(&mut course.history);
        course.history.push(Message::text(Role::User, text));
        let context = Context {
            now,
            call: Arc::clone(&self.call),
        };
        let work = Work::new(
            (Arc::clone(&self.llm), Arc::clone(&self.config)),
            Arc::clone(&self.tools),
            context,
            course,
        );
        // Who presses keys talks to machines.
        let presses = self.tools.powers().send_dtmf;
        let farewell = farewell.filter(|why| *why != Farewell::Machine || !presses);
        // Whatever ends the call here is a guess: how finished the caller sounds decides.
        Thought::spawn(Verdict::Unknown, move |ideas, permission| async move {
            match farewell {
                Some(farewell) => work.leave(farewell, ideas).await,
                None => work.run(ideas, permission).await,
            }
        })
    }

    fn remember(&mut self, memory: Memory) -> Memory {
        let before = self.course.clone();
        if let Some(course) = memory.open::<Course>() {
            self.course = course;
            self.planned = None;
        }
        Memory::new(before)
    }

    fn spoke(&mut self, spoken: &Spoken) {
        match spoken.progress {
            Progress::Cut if !spoken.text.is_empty() => {
                let course = &mut self.course;
                let powers = self.tools.powers();
                let now = promised(&course.history, powers);
                course.promised = now.or_else(|| course.promised.take());
            }
            Progress::Whole => self.course.promised = None,
            Progress::Cut | Progress::Going => {}
        }
        // An answer that was cut before its first word has left nothing here.
        if spoken.text.is_empty() && spoken.progress == Progress::Cut && self.planned.is_none() {
            return;
        }
        // Only what was heard was said; what is still to come may yet be.
        let last = self
            .course
            .history
            .last_mut()
            .filter(|last| last.role == Role::Assistant);
        if let Some(last) = last {
            let planned = self.planned.get_or_insert_with(|| last.content.clone());
            last.content = match spoken.progress {
                Progress::Whole => planned.clone(),
                Progress::Going | Progress::Cut => Some(spoken.text.clone()),
            };
        } else if spoken.progress == Progress::Cut && !spoken.text.is_empty() {
            self.course
                .history
                .push(Message::text(Role::Assistant, spoken.text.clone()));
        }
    }

    /// Keys are an input when they were asked for; others do not cut an answer.
    fn digits(&self) -> DigitPlan {
        let asked = latest(&self.course.history).is_some_and(asks_for_keys);
        DigitPlan {
            max: 32,
            wanted: if asked { Keys::ALL } else { Keys::of([]) },
            ..DigitPlan::default()
        }
    }

    fn apology(&self) -> &str {
        &self.config.apology
    }
}

/// What the agent said last.
fn latest(history: &[Message]) -> Option<&str> {
    let said = history.iter().rev();
    said.filter(|message| message.role == Role::Assistant)
        .find_map(|message| message.content.as_deref())
}

/// "Press one", "enter your number", "with the keys of your phone".
fn asks_for_keys(text: &str) -> bool {
    const KEYS: &[&str] = &[
        "press", "key", "keys", "keypad", "dial", "enter", "type", "punch", "button", "hash",
        "pound", "star",
    ];
    tokens(text)
        .iter()
        .any(|token| KEYS.contains(&token.as_str()))
}

/// Whom the latest answer put the caller through to, if there is such a one.
fn promised(history: &[Message], powers: &Powers) -> Option<String> {
    let answer = history
        .iter()
        .rev()
        .take_while(|message| message.role != Role::User);
    let mut calls = answer.flat_map(|message| &message.tool_calls);
    let call = calls.find(|call| call.name == "transfer")?;
    let arguments: serde_json::Value = serde_json::from_str(&call.arguments).ok()?;
    let to = arguments.get("to")?.as_str()?.to_owned();
    (powers.transfer && powers.targets.contains_key(&to)).then_some(to)
}
