//! How a thing is said, beyond which words are in it: in which clauses, whether as a wish or as
//! its opposite, as a question, a condition or a report, and whether it is a goodbye.
//!
//! The words of "please don't hang up" are those of "hang up". Whatever cannot be undone looks
//! here before it is done.

mod clauses;
mod closing;
mod mood;
mod phrases;
mod unfinished;
mod yes_no;

pub(super) use clauses::{Clause, clauses};
pub(super) use closing::{Closing, closing};
pub(super) use mood::{Mood, Wish, mood, wish};
pub(super) use phrases::{Courtesy, courtesy};
pub(super) use unfinished::unfinished;
pub(crate) use yes_no::{refuses, yes_no};

#[cfg(test)]
mod tests;
