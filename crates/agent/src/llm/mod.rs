//! A brain that leads a conversation with a language model, whichever it is.

mod brain;
mod course;
mod history;
mod patience;
#[cfg(test)]
mod tests;
mod work;

pub use brain::{ChatBrain, ChatMind};
pub use patience::Patience;

/// What a language model is told, and how patient the agent is.
#[derive(Clone, Debug)]
pub struct ChatConfig {
    /// The system message.
    pub instructions: String,
    /// The first words; none waits for the caller.
    pub greeting: Option<String>,
    /// Said when a part of the agent fails.
    pub apology: String,
    /// Randomness; the model's own default when absent.
    pub temperature: Option<f32>,
    /// Longest answer.
    pub max_tokens: Option<u32>,
    /// Rounds of tools in one answer.
    pub max_tool_steps: usize,
    /// When a conversation that leads nowhere ends.
    pub patience: Patience,
}

impl Default for ChatConfig {
    /// The defaults of livekit/agents.
    fn default() -> Self {
        Self {
            instructions: String::new(),
            greeting: None,
            apology: "I'm sorry, could you say that once more?".to_owned(),
            temperature: None,
            max_tokens: None,
            max_tool_steps: 3,
            patience: Patience::default(),
        }
    }
}
