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
mod nearest;
mod nothing;
mod outline;
mod parse;
mod reference;
mod report;
mod section;
mod source;
mod syntax;
mod text;
mod typing;
mod variables;

pub use duration::{DurationError, parse_duration};
pub use environment::Environment;
pub use nearest::nearest;
pub use nothing::or_default;
pub use report::{Origin, Place, Problem, Report};
pub use section::{Node, Section, Typed};
pub use serde_saphyr::Spanned;
pub use source::Source;

#[cfg(test)]
mod slips;
#[cfg(test)]
mod tests;
