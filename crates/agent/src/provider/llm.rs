//! Answers of a language model.

use serde_json::Value as Json;

use super::pieces::Pieces;
use super::usage::Used;

/// An answer on its way: text as it comes, then whole tool calls.
pub type LlmStream = Pieces<LlmEvent>;

/// Answers a conversation.
pub trait Llm: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &'static str;

    /// Begins to answer. Dropping the stream stops the work and closes the connection. Needs a
    /// tokio runtime around it; a connection that cannot be made is the stream's first piece.
    fn answer(&self, request: LlmRequest) -> LlmStream;
}

/// What is to be answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmRequest {
    /// The conversation, oldest first; the instructions stand before all else.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
    /// Randomness; the model's own default when absent.
    pub temperature: Option<f32>,
    /// Longest answer, in tokens.
    pub max_tokens: Option<u32>,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LlmEvent {
    /// More text.
    Text(String),
    /// A whole tool call.
    Tool(ToolCall),
    /// What is to be paid for.
    Used(Used),
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The instructions.
    System,
    /// The caller.
    User,
    /// The agent.
    Assistant,
    /// What a tool brought.
    Tool,
}

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    /// What; absent beside tool calls.
    pub content: Option<String>,
    /// Tools the agent wants.
    pub tool_calls: Vec<ToolCall>,
    /// Which call a tool's message answers.
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message of plain text.
    pub fn text(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: Some(content.into()),
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// What a tool brought.
    pub fn result(call: &ToolCall, content: impl Into<String>) -> Self {
        Self {
            tool_call_id: Some(call.id.clone()),
            ..Self::text(Role::Tool, content)
        }
    }
}

/// A tool the model wants called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id, for the answer.
    pub id: String,
    pub name: String,
    /// JSON.
    pub arguments: String,
}

/// A tool offered to the model.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    /// JSON schema of its arguments.
    pub parameters: Json,
}
