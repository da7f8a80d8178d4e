//! One conversation's place in the dialogue.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Answer;
use super::recording::Recording;
use super::slots::Value;

/// Where a conversation stands. Small, because a copy of it is made for every prepared answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) doing: Option<Doing>,
    /// The named state, if any.
    pub(super) place: Option<String>,
    /// An intent that was asked back and waits for yes or no.
    pub(super) offered: Option<Offered>,
    /// Utterances in a row that were not understood.
    pub(super) misses: usize,
    /// Steps in a row that led nowhere, in halves.
    pub(super) stalls: usize,
    /// What was achieved so far: only something new is progress.
    pub(super) reached: BTreeSet<String>,
    /// The caller was asked whether he is still there.
    pub(super) presence: bool,
    pub(super) recording: Recording,
    pub(super) answer: Answer,
}

/// A request that was asked back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offered {
    pub(super) intent: String,
    /// What was said, for the values in it.
    pub(super) text: String,
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
    /// What cannot be undone was surely asked for.
    pub(super) sure: bool,
    /// Values that were said together, of which one is meant.
    pub(super) choices: Vec<Value>,
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
            sure: false,
            choices: Vec::new(),
        }
    }
}
