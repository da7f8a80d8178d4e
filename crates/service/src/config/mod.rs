//! Configuration files that explain themselves.
//!
//! A file is read to a *raw* shape (what was typed, with positions), then judged: every rule about
//! meaning pushes a [`Problem`] and goes on, so that one run shows every mistake. `${NAME}` and
//! `${NAME:-default}` come from the environment the caller passes in.

mod aside;
mod dotenv;
mod duration;
mod environment;
mod moved;
mod reference;
mod report;
mod source;
mod variables;

pub use duration::{DurationError, parse_duration};
pub use environment::Environment;
pub use report::{Place, Problem, Report, nearest};
pub use serde_saphyr::Spanned;
pub use source::Source;

#[cfg(test)]
mod tests;
