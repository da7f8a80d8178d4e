//! One conversation's place in the dialogue.

use std::collections::BTreeMap;

use super::answer::Answer;
use super::slots::Value;

/// Where a conversation stands. Small, because a copy of it is made for every prepared answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) doing: Option<Doing>,
    /// The named state, if any.
    pub(super) place: Option<String>,
    /// An intent that was asked back and waits for yes or no.
    pub(super) offered: Option<String>,
    /// Utterances in a row that were not understood.
    pub(super) misses: usize,
    pub(super) answer: Answer,
}

/// A request that is being served.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doing {
    pub(super) intent: String,
    /// The slot asked for.
    pub(super) slot: Option<String>,
    /// How often it was asked for.
    pub(super) tries: usize,
    /// Digits given so far.
    pub(super) partial: String,
    /// Slots whose value the caller confirmed.
    pub(super) confirmed: Vec<String>,
    /// The value waits for a yes.
    pub(super) confirming: bool,
}

impl Doing {
    pub(super) fn new(intent: &str) -> Self {
        Self {
            intent: intent.to_owned(),
            slot: None,
            tries: 0,
            partial: String::new(),
            confirmed: Vec::new(),
            confirming: false,
        }
    }
}
