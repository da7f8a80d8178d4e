//! What a brain can do besides talking: one trait, and a box of what fills it.
//!
//! ```text
//!  ready    hang_up, transfer, send_dtmf, current_time ┐
//!  http     a web service, as `tools:` of agent.yaml   ├─► Toolbox ─► llm, flow, your own brain
//!  mcp      the tools of servers under `mcp:`          │
//!  yours    anything that is a `Tool`                  ┘
//! ```
//! A tool answers with text and data, or with why it could not; it never ends a conversation by
//! failing. What it does to the call is an [`Act`], done when the agent has finished speaking and
//! only if the file allows it ([`Powers`]).

mod check;
mod cut;
mod error;
mod http;
mod mcp;
mod powers;
mod raw;
mod ready;
mod schema;
mod template;
#[cfg(test)]
mod tests;
mod tool;
mod toolbox;
mod waiting;

pub use check::{Sections, check, headers};
pub use error::ToolError;
pub(crate) use http::Request;
pub use http::{Auth, Exchange, HttpTool};
pub use mcp::{McpConfig, McpReach};
pub use powers::{Powers, Refusal, Target};
pub use raw::{RawAuth, RawMcp, RawTarget, RawTool};
pub use tool::{Arguments, Context, Filler, Outcome, Tool};
pub use toolbox::{Offer, ToolConfig, Toolbox};
pub(crate) use waiting::waiting;

#[cfg(doc)]
use crate::brain::Act;
