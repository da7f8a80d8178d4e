//! How a process lives: tasks with owners, an orderly end, configuration that reports every
//! problem at once, and metrics and logs with fixed names.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use std::time::Duration;
//! use trunkline_service::tasks::{Limits, Tasks};
//!
//! let tasks = Tasks::new();
//! let stop = tasks.stop();
//! tasks.session("greeter", async move { stop.draining().await });
//! tasks.begin_drain("example is over");
//! let report = tasks.finish(Limits::default()).await;
//! assert!(report.is_clean());
//! # }
//! ```

pub mod config;
pub mod files;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod priority;
mod stop;
pub mod tasks;
pub mod watch;
