//! When a conversation led by a chat endpoint leads nowhere: the ladder that a flow has, with what can
//! be known without understanding. New words, keys and tools are progress; saying the same again and
//! saying nothing are not; a yes or a no to a question is neither. A machine is known by what it says,
//! as in a flow.

use std::collections::BTreeSet;

use crate::brain::Farewell;
use crate::flow::{Recording, tokens, yes_no};

/// What a chat endpoint's conversation is ended by, and with which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Turns in a row without anything new that end the call.
    pub turns: u32,
    /// Silences in a row that do.
    pub silences: u32,
    /// Said then.
    pub say: String,
    /// Said to a machine before the call is ended; nothing when absent.
    pub machine: Option<String>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            turns: 6,
            silences: 3,
            say: "I'm sorry, we are not getting anywhere. Please call again. Goodbye.".to_owned(),
            machine: None,
        }
    }
}

/// Words of one call that are kept apart; who says more has had his say.
const MOST_WORDS: usize = 2000;

/// Shorter words bring nothing new.
const SHORTEST: usize = 3;

/// A yes or a no is no longer than this.
const ANSWER: usize = 6;

/// Where a conversation stands on the ladder.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ladder {
    stalls: u32,
    said: BTreeSet<String>,
    recording: Recording,
}

impl Ladder {
    /// Takes in what the caller said, to a question or not; why the call ends, if it does.
    pub(super) fn hear(
        &mut self,
        text: &str,
        asked: bool,
        patience: &Patience,
    ) -> Option<Farewell> {
        if self.recording.hear(text) {
            return Some(Farewell::Machine);
        }
        let words = tokens(text);
        let answers = asked && words.len() <= ANSWER && yes_no(text).is_some();
        let mut fresh = false;
        for word in words {
            let counts =
                word.chars().count() >= SHORTEST || word.bytes().all(|b| b.is_ascii_digit());
            if counts && self.said.len() < MOST_WORDS {
                fresh |= self.said.insert(word);
            }
        }
        if fresh {
            self.stalls = 0;
            return None;
        }
        if answers {
            return None;
        }
        self.stall(patience)
    }

    /// The caller said nothing, for the n-th time in a row.
    pub(super) fn silence(&mut self, times: u32, patience: &Patience) -> Option<Farewell> {
        let over = times >= patience.silences;
        let stalled = self.stall(patience);
        if over {
            Some(Farewell::Silence)
        } else {
            stalled
        }
    }

    /// A key was pressed, or the endpoint did something for the caller.
    pub(super) fn advance(&mut self) {
        self.stalls = 0;
    }

    fn stall(&mut self, patience: &Patience) -> Option<Farewell> {
        self.stalls += 1;
        (self.stalls >= patience.turns).then_some(Farewell::NoProgress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_again_and_again_leads_to_an_end_and_something_new_away_from_it() {
        let (mut ladder, patience) = (Ladder::default(), Patience::default());
        let mut hear = |text: &str| ladder.hear(text, false, &patience);
        assert_eq!(hear("where is my parcel"), None);
        for _ in 1..patience.turns {
            assert_eq!(hear("Where is my parcel?"), None);
        }
        assert_eq!(hear("my number is 427"), None);
        for _ in 1..patience.turns {
            assert_eq!(hear("where is it"), None);
        }
        assert_eq!(hear("where is my parcel"), Some(Farewell::NoProgress));
    }

    /// "Is it a box?" "Yes." "Is it heavy?" "No."
    #[test]
    fn answering_question_after_question_does_not_end_a_call_but_agreeing_to_nothing_does() {
        let patience = Patience::default();
        let last = |asked| {
            let mut ladder = Ladder::default();
            let texts = ["yes", "No.", "yes please", "no thank you"].iter().cycle();
            let mut hear = |text: &&str| ladder.hear(text, asked, &patience);
            texts.take(20).map(&mut hear).last().flatten()
        };
        assert_eq!(last(true), None);
        assert_eq!(last(false), Some(Farewell::NoProgress));
    }

    #[test]
    fn machines_and_the_silent_are_left() {
        let (mut ladder, patience) = (Ladder::default(), Patience::default());
        assert_eq!(ladder.silence(1, &patience), None);
        assert_eq!(ladder.silence(2, &patience), None);
        assert_eq!(ladder.silence(3, &patience), Some(Farewell::Silence));
        let greeting = "Hi, you've reached Anna. Please leave a message after the tone.";
        assert_eq!(
            ladder.hear(greeting, false, &patience),
            Some(Farewell::Machine)
        );
    }
}
