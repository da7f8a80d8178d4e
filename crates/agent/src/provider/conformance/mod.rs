//! What any provider must do: suites that the tests of each run against a server of its protocol.
//!
//! Each function takes a provider and answers what it did wrong, in words. Nothing here knows a wire:
//! whether a connection was closed, only the server can tell, and `closed` asks it.

mod answer;
mod breach;
mod listen;
mod speak;

pub use answer::{answering_fails, answers};
pub use breach::Breach;
pub use listen::{listening_fails, listens};
pub use speak::{speaking_fails, speaks};
