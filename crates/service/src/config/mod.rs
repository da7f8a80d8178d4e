//! Configuration files that explain themselves.
//!
//! A file is read to a *raw* shape (what was typed, with positions), then judged: every rule about
//! meaning pushes a [`Problem`] and goes on, so that one run shows every mistake. `${NAME}` and
//! `${NAME:-default}` in plain values come from the environment the caller passes in.

mod duration;
mod report;
mod source;

pub use duration::{DurationError, parse_duration};
pub use report::{Place, Problem, Report, nearest};
pub use serde_saphyr::Spanned;
pub use source::{Environment, Source};

#[cfg(test)]
mod tests;
