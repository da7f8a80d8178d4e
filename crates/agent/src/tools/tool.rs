//! The seam: what every tool is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::ToolError;
use crate::brain::{Act, Facts};

/// What a tool is called with: an object that its schema describes.
pub type Arguments = serde_json::Map<String, Json>;

/// Something a brain can do besides talking.
#[async_trait]
pub trait Tool: Send + Sync {
    /// Letters, digits, `_` and `-`, 64 of them at most.
    fn name(&self) -> &str;

    /// What it is for, to a model.
    fn description(&self) -> &str;

    /// The JSON schema of its arguments, an object.
    fn parameters(&self) -> Json;

    /// Whether it changes something in the world. An answer that called such a tool is not taken
    /// back.
    fn changes(&self) -> bool {
        true
    }

    /// What the caller is told when it takes long.
    fn filler(&self) -> Option<&Filler> {
        None
    }

    /// Does it. A caller who interrupts drops the future.
    async fn call(&self, arguments: Arguments, context: &Context) -> Result<Outcome, ToolError>;
}

/// When and where a tool is called.
#[derive(Clone, Debug)]
pub struct Context {
    /// On the caller's clock.
    pub now: OffsetDateTime,
    /// In which call.
    pub call: Arc<Facts>,
}

/// Said while a tool works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filler {
    /// The words.
    pub say: String,
    /// A tool that is done by then needs none.
    pub after: Duration,
}

/// What came of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// For a model.
    pub text: String,
    /// For a program, where all of it is known.
    pub data: Option<Json>,
    /// What is to be done to the call.
    pub act: Option<Act>,
}

impl Outcome {
    /// Words and nothing else.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            data: Some(Json::String(text.clone())),
            text,
            act: None,
        }
    }

    /// Something to be done to the call, and what a model is told of it.
    pub fn act(act: Act, text: impl Into<String>) -> Self {
        Self {
            act: Some(act),
            ..Self::text(text)
        }
    }
}
