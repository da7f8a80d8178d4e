//! Text on its way to a voice: where sentences end, and how what is written is said.

mod amounts;
mod sentences;
mod spoken;

pub use sentences::sentences;
pub use spoken::{spoken, unmarked};
