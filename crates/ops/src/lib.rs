//! Looks after a set-up that runs.
//!
//! - [`daemon`]: the daemon of the same files, asked over its console.

pub mod daemon;
