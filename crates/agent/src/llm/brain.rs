//! One conversation led by a chat endpoint.

use std::sync::Arc;

use time::OffsetDateTime;

use super::chat::{ChatClient, ChatEvent, ToolCall};
use super::wire::{CallWire, FunctionWire, Message, Role, ToolSpec};
use super::{ChatConfig, ChatError};
use crate::brain::{
    Act, Brain, BrainError, Farewell, Idea, Ideas, Line, Memory, Mind, Permission, Progress,
    Question, Spoken, Thought,
};
use crate::turn::{DigitPlan, Heard, Verdict};

/// Leads one conversation with a chat endpoint.
#[derive(Debug)]
pub struct ChatBrain {
    config: Arc<ChatConfig>,
    client: ChatClient,
    history: Vec<Message>,
    /// The latest answer as it was meant, while less of it was heard.
    planned: Option<Option<String>>,
}

/// Makes brains that share one endpoint.
#[derive(Debug)]
pub struct ChatMind {
    config: Arc<ChatConfig>,
    client: ChatClient,
}

/// Messages of a conversation sent along; older ones are left out.
const MEMORY: usize = 60;

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
            history,
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
        let text = match question {
            Question::Heard(Heard::Speech(text)) => text.expose().clone(),
            Question::Heard(Heard::Digits(keys)) => {
                format!("(The caller pressed the keys {}.)", keys.expose())
            }
            Question::Silence(times) => {
                format!("(The caller has been silent for a while, {times} times in a row.)")
            }
        };
        let mut work = Work {
            client: self.client.clone(),
            history: self.history.clone(),
            steps: self.config.max_tool_steps,
            now,
        };
        work.trim();
        work.history.push(Message::text(Role::User, text));
        Thought::spawn(Verdict::Unknown, move |ideas, permission| {
            work.run(ideas, permission)
        })
    }

    fn remember(&mut self, memory: Memory) -> Memory {
        let before = self.history.clone();
        if let Some(history) = memory.open::<Vec<Message>>() {
            self.history = history;
            self.planned = None;
        }
        Memory::new(before)
    }

    fn spoke(&mut self, spoken: &Spoken) {
        // An answer that was cut before its first word has left nothing here.
        if spoken.text.is_empty() && spoken.progress == Progress::Cut && self.planned.is_none() {
            return;
        }
        // Only what was heard was said; what is still to come may yet be.
        let last = self
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
            self.history
                .push(Message::text(Role::Assistant, spoken.text.clone()));
        }
    }

    fn digits(&self) -> DigitPlan {
        DigitPlan {
            max: 32,
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

struct Work {
    client: ChatClient,
    history: Vec<Message>,
    steps: usize,
    now: OffsetDateTime,
}

impl Work {
    fn trim(&mut self) {
        if self.history.len() > MEMORY {
            let surplus = self.history.len() - MEMORY;
            // The instructions stay; a tool's answer is not parted from its call.
            let mut end = 1 + surplus;
            while self
                .history
                .get(end)
                .is_some_and(|message| message.role == Role::Tool)
            {
                end += 1;
            }
            self.history.drain(1..end.min(self.history.len()));
        }
    }

    async fn run(mut self, ideas: Ideas, mut permission: Permission) {
        self.keep(&ideas).await;
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

    async fn keep(&self, ideas: &Ideas) {
        ideas
            .push(Idea::Memory(Memory::new(self.history.clone())))
            .await;
    }

    /// One request: text goes out as it comes, tool calls are returned.
    async fn round(&mut self, ideas: &Ideas) -> Result<Vec<ToolCall>, ChatError> {
        let mut stream = self.client.ask(&self.history, &tools()).await?;
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
            self.history.push(Message {
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
            let arguments: serde_json::Value =
                serde_json::from_str(&call.arguments).unwrap_or_default();
            let result = match call.name.as_str() {
                "hang_up" => {
                    ideas.push(Idea::Act(Act::HangUp(Farewell::Done))).await;
                    ended = true;
                    "the call ends when you have finished speaking".to_owned()
                }
                "hand_off" => {
                    let to = arguments
                        .get("to")
                        .and_then(|to| to.as_str())
                        .unwrap_or("operator");
                    ideas
                        .push(Idea::Act(Act::HandOff { to: to.to_owned() }))
                        .await;
                    "a person has been asked to call back".to_owned()
                }
                "current_time" => self.now.to_string(),
                _ => "there is no such tool".to_owned(),
            };
            self.history.push(Message {
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
