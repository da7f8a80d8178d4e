//! What a conversation has come to.

use super::patience::Ladder;
use crate::provider::Message;

/// What a conversation has come to: the messages, how patient the agent still is, and what it owes.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) history: Vec<Message>,
    pub(super) ladder: Ladder,
    /// Who was promised in an answer that was cut short.
    pub(super) promised: Option<String>,
}
