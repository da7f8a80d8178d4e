//! One conversation led by a chat endpoint.

use std::sync::Arc;

use time::OffsetDateTime;

use super::chat::{ChatClient, ChatEvent, ToolCall};
use super::patience::Ladder;
use super::wire::{CallWire, FunctionWire, Message, Role, ToolSpec};
use super::{ChatConfig, ChatError};
use crate::brain::{
    Act, Brain, BrainError, Farewell, Idea, Ideas, Line, Memory, Mind, Permission, Progress,
    Question, Spoken, Thought,
};
use crate::flow::{refuses, tokens};
use crate::turn::{DigitPlan, Heard, Keys, Verdict};

/// Leads one conversation with a chat endpoint.
#[derive(Debug)]
pub struct ChatBrain {
    config: Arc<ChatConfig>,
    client: ChatClient,
    course: Course,
    /// The latest answer as it was meant, while less of it was heard.
    planned: Option<Option<String>>,
}

/// What a conversation has come to: the messages, how patient the agent still is, and what it owes.
#[derive(Clone, Debug)]
struct Course {
    history: Vec<Message>,
    ladder: Ladder,
    /// A person who was promised in an answer that was cut short.
    promised: Option<String>,
}

/// Makes brains that share one endpoint.
#[derive(Debug)]
pub struct ChatMind {
    config: Arc<ChatConfig>,
    client: ChatClient,
}

/// Messages of a conversation sent along; older ones are left out.
const MEMORY: usize = 60;

/// What the endpoint is told when a hand-over it takes for made was refused in time.
const UNDONE: &str = " (The hand-over that was announced was not made.)";

impl ChatMind {
    /// A mind on an endpoint.
    pub fn new(config: Arc<ChatConfig>, http: reqwest::Client) -> Self {
        Self {
            client: ChatClient::new(Arc::clone(&config), http),
            config,
        }
    }
}

impl Mind for ChatMind {
    fn brain(&self) -> Box<dyn Brain> {
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
            client: self.client.clone(),
            course: Course {
                history,
                ladder: Ladder::default(),
                promised: None,
            },
            planned: None,
        })
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
        };
        let mut work = Work {
            client: self.client.clone(),
            config: Arc::clone(&self.config),
            course,
            steps: self.config.max_tool_steps,
            now,
        };
        work.trim();
        work.course.history.push(Message::text(Role::User, text));
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
                course.promised = promised(&course.history).or_else(|| course.promised.take());
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

    fn phrases(&self) -> Vec<String> {
        self.config
            .greeting
            .iter()
            .chain([&self.config.apology])
            .cloned()
            .collect()
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

/// Whom the latest answer asked to take over.
fn promised(history: &[Message]) -> Option<String> {
    let answer = history
        .iter()
        .rev()
        .take_while(|message| message.role != Role::User);
    let mut calls = answer.flat_map(|message| &message.tool_calls);
    let call = calls.find(|call| call.function.name == "hand_off")?;
    Some(addressee(&call.function.arguments))
}

fn addressee(arguments: &str) -> String {
    let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap_or_default();
    let to = arguments.get("to").and_then(|to| to.as_str());
    to.unwrap_or("operator").to_owned()
}

struct Work {
    client: ChatClient,
    config: Arc<ChatConfig>,
    course: Course,
    steps: usize,
    now: OffsetDateTime,
}

impl Work {
    fn trim(&mut self) {
        if self.course.history.len() > MEMORY {
            let surplus = self.course.history.len() - MEMORY;
            // The instructions stay; a tool's answer is not parted from its call.
            let mut end = 1 + surplus;
            while self
                .course
                .history
                .get(end)
                .is_some_and(|message| message.role == Role::Tool)
            {
                end += 1;
            }
            self.course
                .history
                .drain(1..end.min(self.course.history.len()));
        }
    }

    async fn run(mut self, ideas: Ideas, mut permission: Permission) {
        self.keep(&ideas).await;
        self.keep_promise(&ideas).await;
        for _ in 0..=self.steps {
            match self.round(&ideas).await {
                Ok(calls) if calls.is_empty() => return,
                Ok(calls) => {
                    permission.wait().await;
                    let ended = self.use_tools(calls, &ideas).await;
                    self.keep(&ideas).await;
                    if ended {
                        return;
                    }
                }
                Err(error) => {
                    ideas.push(Idea::Failed(BrainError::Service(error))).await;
                    return;
                }
            }
        }
        ideas
            .push(Idea::Failed(BrainError::TooManySteps(self.steps)))
            .await;
    }

    /// Ends a call that leads nowhere, without asking the endpoint.
    async fn leave(mut self, farewell: Farewell, ideas: Ideas) {
        let patience = &self.config.patience;
        let line = match farewell {
            Farewell::Machine => patience.machine.clone(),
            Farewell::Done | Farewell::Silence | Farewell::NoProgress => Some(patience.say.clone()),
        };
        if let Some(line) = &line {
            let said = Message::text(Role::Assistant, line.clone());
            self.course.history.push(said);
        }
        self.keep(&ideas).await;
        if let Some(line) = line {
            ideas.push(Idea::Text(line)).await;
        }
        self.keep_promise(&ideas).await;
        ideas.push(Idea::Act(Act::HangUp(farewell))).await;
    }

    /// Does what was announced and cut short; it stays owed until an answer was heard whole.
    async fn keep_promise(&self, ideas: &Ideas) {
        if let Some(to) = self.course.promised.clone() {
            ideas.push(Idea::Act(Act::HandOff { to })).await;
        }
    }

    async fn keep(&self, ideas: &Ideas) {
        ideas
            .push(Idea::Memory(Memory::new(self.course.clone())))
            .await;
    }

    /// One request: text goes out as it comes, tool calls are returned.
    async fn round(&mut self, ideas: &Ideas) -> Result<Vec<ToolCall>, ChatError> {
        let mut stream = self.client.ask(&self.course.history, &tools()).await?;
        let mut text = String::new();
        let mut calls = Vec::new();
        while let Some(event) = stream.next().await {
            match event? {
                ChatEvent::Text(part) => {
                    text.push_str(&part);
                    if !ideas.push(Idea::Text(part)).await {
                        return Ok(Vec::new());
                    }
                }
                ChatEvent::Tool(call) => calls.push(call),
            }
        }
        if !text.is_empty() || !calls.is_empty() {
            self.course.history.push(Message {
                role: Role::Assistant,
                content: (!text.is_empty()).then_some(text),
                tool_calls: calls.iter().map(to_wire).collect(),
                tool_call_id: None,
            });
            self.keep(ideas).await;
        }
        Ok(calls)
    }

    /// Runs the tools; true when the answer ends with them.
    async fn use_tools(&mut self, calls: Vec<ToolCall>, ideas: &Ideas) -> bool {
        let mut ended = false;
        for call in calls {
            let result = match call.name.as_str() {
                "hang_up" => {
                    ideas.push(Idea::Act(Act::HangUp(Farewell::Done))).await;
                    ended = true;
                    "the call ends when you have finished speaking".to_owned()
                }
                "hand_off" => {
                    self.course.ladder.advance();
                    let to = addressee(&call.arguments);
                    // Who is owed already is not called twice.
                    if self.course.promised.as_ref() != Some(&to) {
                        ideas.push(Idea::Act(Act::HandOff { to })).await;
                    }
                    "a person has been asked to call back".to_owned()
                }
                "current_time" => self.now.to_string(),
                _ => "there is no such tool".to_owned(),
            };
            self.course.history.push(Message {
                role: Role::Tool,
                content: Some(result),
                tool_calls: Vec::new(),
                tool_call_id: Some(call.id),
            });
        }
        ended
    }
}

fn to_wire(call: &ToolCall) -> CallWire {
    CallWire {
        id: call.id.clone(),
        kind: "function".to_owned(),
        function: FunctionWire {
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        },
    }
}

/// The tools every chat brain has.
fn tools() -> Vec<ToolSpec> {
    let none = serde_json::json!({"type": "object", "properties": {}});
    vec![
        ToolSpec {
            name: "hang_up".into(),
            description: "End the call after you have said goodbye in the same answer.".into(),
            parameters: none.clone(),
        },
        ToolSpec {
            name: "hand_off".into(),
            description: "Ask a person to take over or call back.".into(),
            parameters: serde_json::json!({
                "type": "object",
                "properties": {"to": {"type": "string", "description": "which team"}}
            }),
        },
        ToolSpec {
            name: "current_time".into(),
            description: "The date and time where the caller is.".into(),
            parameters: none,
        },
    ]
}
