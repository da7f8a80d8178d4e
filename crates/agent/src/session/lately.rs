//! What the agent said in the last seconds, to know its own words when the line returns them.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::turn::{ReplyId, words};

/// Words kept: more than are said within any echo and any one sound of the caller.
const KEPT: usize = 120;

/// An echo is this late at most.
const LATEST: Duration = Duration::from_millis(1500);

/// Fewer words may well be repeated on purpose.
const FEWEST: usize = 3;

/// The agent's latest words, each with the time it was known to be said.
#[derive(Debug, Default)]
pub(super) struct Lately {
    words: VecDeque<(Instant, String)>,
    /// The answer they are from, and how many of its words are among them.
    reply: Option<(ReplyId, usize)>,
}

impl Lately {
    /// This much of an answer has been said by now.
    pub(super) fn said(&mut self, reply: ReplyId, text: &str) {
        let known = self.reply.filter(|(of, _)| *of == reply);
        let known = known.map_or(0, |(_, count)| count);
        let now = Instant::now();
        let mut count = 0;
        for word in words(text) {
            count += 1;
            if count > known {
                self.words.push_back((now, word));
            }
        }
        self.reply = Some((reply, count.max(known)));
        let surplus = self.words.len().saturating_sub(KEPT);
        self.words.drain(..surplus);
    }

    /// Whether a text heard in sound that began at this time is mostly what was said then.
    pub(super) fn repeats(&self, text: &str, since: Instant) -> bool {
        let heard: Vec<String> = words(text).collect();
        if heard.len() < FEWEST {
            return false;
        }
        let early = since.checked_sub(LATEST).unwrap_or(since);
        let said: Vec<&str> = self
            .words
            .iter()
            .filter(|(at, _)| *at >= early)
            .map(|(_, word)| word.as_str())
            .collect();
        // A recogniser mishears an echo here and there: three words of four are enough.
        common(&heard, &said) * 4 >= heard.len() * 3
    }
}

/// The most words two texts have in common in the same order.
fn common(heard: &[String], said: &[&str]) -> usize {
    let mut best = vec![0; said.len() + 1];
    for word in heard {
        let mut corner = 0;
        for (at, other) in said.iter().enumerate() {
            let above = best.get(at + 1).copied().unwrap_or_default();
            let left = best.get(at).copied().unwrap_or_default();
            let here = if word == other {
                corner + 1
            } else {
                above.max(left)
            };
            corner = above;
            if let Some(cell) = best.get_mut(at + 1) {
                *cell = here;
            }
        }
    }
    best.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_repeats_what_was_just_said_and_a_caller_does_not() {
        let mut lately = Lately::default();
        let began = Instant::now();
        lately.said(ReplyId(1), "We are open Monday");
        lately.said(
            ReplyId(1),
            "We are open Monday to Friday from eight in the morning",
        );
        assert!(lately.repeats("are open Monday to fry day from eight", began));
        assert!(!lately.repeats("where is my parcel from Monday", began));
        assert!(
            !lately.repeats("Monday to", began),
            "that may be asked back"
        );
        let later = began + Duration::from_secs(4);
        assert!(!lately.repeats("Monday to Friday", later));
    }
}
