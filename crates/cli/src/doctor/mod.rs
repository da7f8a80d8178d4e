//! The doctor's hands: what the files say of a set-up, and telephones, names and a call to look at it
//! with. What is looked at, and what it means, is [`trunkline_ops::doctor`]'s.

mod patient;
mod reach;
mod trial;

pub(crate) use patient::{Outside, patient};
pub(crate) use reach::Hands;
