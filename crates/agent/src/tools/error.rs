//! Why a tool gave no result. Its words go to a model, which may tell the caller.

use std::time::Duration;

use trunkline_base::class::{Class, Classified};

/// Why a tool gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// There is none of this name.
    #[error("there is no tool called `{0}`")]
    Unknown(String),
    /// What it was called with is no JSON object.
    #[error("the arguments are no JSON object: {0}")]
    NoObject(String),
    /// An argument is missing, of another type, or not one of those allowed.
    #[error("{0}")]
    Argument(String),
    /// The file does not allow it.
    #[error("{0}")]
    Refused(String),
    /// Nobody there.
    #[error("the service cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("the service did not answer within {}", seconds(.0))]
    Slow(Duration),
    /// It answered with a failure.
    #[error("the service answered with status {0}")]
    Status(u16),
    /// The answer is no JSON, or too much of it.
    #[error("the answer of the service cannot be used")]
    Answer,
    /// A tool server is not there, or broke off.
    #[error("the tool server `{0}` is not there at the moment")]
    NoServer(String),
    /// The tool said itself that it failed.
    #[error("the tool failed: {0}")]
    Failed(String),
    /// The table has no such row.
    #[error("nothing is known of that")]
    NoRow,
}

fn seconds(time: &Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

impl Classified for ToolError {
    fn class(&self) -> Class {
        match self {
            Self::Unknown(_) | Self::NoRow => Class::Missing,
            Self::NoObject(_) | Self::Argument(_) => Class::Invalid,
            Self::Refused(_) => Class::Denied,
            Self::Unreachable | Self::Slow(_) | Self::NoServer(_) => Class::Unavailable,
            Self::Status(_) | Self::Answer | Self::Failed(_) => Class::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "agent.tool.unknown",
            Self::NoObject(_) => "agent.tool.no_object",
            Self::Argument(_) => "agent.tool.argument",
            Self::Refused(_) => "agent.tool.refused",
            Self::Unreachable => "agent.tool.unreachable",
            Self::Slow(_) => "agent.tool.slow",
            Self::Status(_) => "agent.tool.status",
            Self::Answer => "agent.tool.answer",
            Self::NoServer(_) => "agent.tool.no_server",
            Self::Failed(_) => "agent.tool.failed",
            Self::NoRow => "agent.tool.no_row",
        }
    }
}
