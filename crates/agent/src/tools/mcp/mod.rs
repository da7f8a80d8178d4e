//! Tools of MCP servers: processes of ours (stdio) and services (streamable HTTP).
//!
//! Each server has a task that connects, lists, listens for changes of the list, and connects anew
//! when the server is gone. While it is away its tools stay on offer and say that it is away: a
//! conversation goes on without them. The task ends with the [`Toolbox`](super::Toolbox), and a
//! process with the task, along with all that it started.

mod config;
mod connect;
mod keep;
mod server;
mod tool;

pub use config::{McpConfig, McpReach};
pub(super) use server::Server;
