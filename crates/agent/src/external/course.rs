//! What a conversation has come to, as far as the caller heard it.

use serde::Serialize;

use crate::brain::{Progress, Spoken};

/// Pieces of a conversation sent along; older ones are left out.
const MEMORY: usize = 60;

/// What was said, and what of it was heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    pub(super) history: Vec<Said>,
    /// What the caller heard of the latest answer.
    pub(super) heard: Option<Heard>,
    /// Wishes of the latest answer that were not granted.
    pub(super) refused: Vec<String>,
}

/// One piece of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Assistant,
}

/// What of an answer was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Heard {
    /// The turn it answered.
    pub(super) turn: u64,
    pub(super) text: String,
    /// All of it.
    pub(super) whole: bool,
}

impl Course {
    /// A turn begins: what the caller said, if it was words.
    pub(super) fn ask(&mut self, text: Option<&str>) {
        self.history.retain(|said| !said.text.is_empty());
        self.history.extend(text.map(|text| Said {
            role: Role::User,
            text: text.to_owned(),
        }));
        let surplus = self.history.len().saturating_sub(MEMORY);
        self.history.drain(..surplus);
        self.history.push(Said {
            role: Role::Assistant,
            text: String::new(),
        });
    }

    /// More of the answer to it is known.
    pub(super) fn answer(&mut self, text: &str) {
        if let Some(last) = self.history.last_mut() {
            last.text.push_str(text);
        }
    }

    /// So much of the answer was heard; `planned` is what there was of it.
    pub(super) fn spoke(&mut self, turn: u64, planned: &str, spoken: &Spoken) {
        let whole = spoken.progress == Progress::Whole;
        let text = if whole { planned } else { &spoken.text };
        if let Some(last) = self.history.last_mut()
            && last.role == Role::Assistant
        {
            text.trim().clone_into(&mut last.text);
        }
        self.heard = Some(Heard {
            turn,
            text: text.trim().to_owned(),
            whole,
        });
    }
}
