//! Any OpenAI-compatible chat endpoint: streamed answers, tools, deadlines, typed errors; and a
//! brain that leads a conversation with it.

mod brain;
mod chat;
mod course;
mod history;
mod patience;
mod sse;
#[cfg(test)]
mod tests;
mod wire;
mod work;

pub use crate::brain::ChatError;
pub use brain::{ChatBrain, ChatMind};
pub use chat::{ChatClient, ChatEvent, ChatStream, ToolCall};
pub use patience::Patience;
pub use wire::{Message, Role, ToolSpec};

use std::time::Duration;

use trunkline_base::secret::Secret;

/// How to reach a chat endpoint and what to tell it.
#[derive(Clone, Debug)]
pub struct ChatConfig {
    /// Up to and with `/v1`.
    pub base_url: String,
    /// Sent as a bearer token; empty sends none.
    pub api_key: Secret<String>,
    pub model: String,
    /// The system message.
    pub instructions: String,
    /// The first words; none waits for the caller.
    pub greeting: Option<String>,
    /// Said when a part of the agent fails.
    pub apology: String,
    /// Randomness; the endpoint's own default when absent.
    pub temperature: Option<f32>,
    /// Longest answer.
    pub max_tokens: Option<u32>,
    /// Until the first piece of the answer.
    pub first_byte: Duration,
    /// Silence inside an answer that counts as cut.
    pub stall: Duration,
    /// Until the last piece.
    pub total: Duration,
    /// Tries again before the first piece came.
    pub retries: u32,
    /// Wait before the first of them; doubled each time.
    pub retry_interval: Duration,
    /// Rounds of tools in one answer.
    pub max_tool_steps: usize,
    /// When a conversation that leads nowhere ends.
    pub patience: Patience,
}

impl ChatConfig {
    /// The defaults of livekit/agents, with deadlines fit for a telephone.
    pub fn new(base_url: String, api_key: Secret<String>, model: String) -> Self {
        Self {
            base_url,
            api_key,
            model,
            instructions: String::new(),
            greeting: None,
            apology: "I'm sorry, could you say that once more?".to_owned(),
            temperature: None,
            max_tokens: None,
            first_byte: Duration::from_secs(5),
            stall: Duration::from_secs(5),
            total: Duration::from_secs(30),
            retries: 3,
            retry_interval: Duration::from_millis(100),
            max_tool_steps: 3,
            patience: Patience::default(),
        }
    }
}
