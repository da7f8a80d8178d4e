//! A text some parts of which have given way to others, and where each place of it was before.

use std::ops::Range;

/// The new text.
#[derive(Clone, Default)]
pub(super) struct Moved {
    text: String,
    /// How much of the old text is in the new one.
    done: usize,
    parts: Vec<Part>,
    hidden: Vec<(String, String)>,
}

#[derive(Clone)]
struct Part {
    new: Range<usize>,
    old: Range<usize>,
}

impl Moved {
    /// The parts are replaced in their order.
    pub(super) fn replace(&mut self, text: &str, old: Range<usize>, by: &str) {
        self.text
            .push_str(text.get(self.done..old.start).unwrap_or_default());
        let start = self.text.len();
        self.text.push_str(by);
        self.done = old.end;
        self.parts.push(Part {
            new: start..self.text.len(),
            old,
        });
    }

    /// Takes over what is left.
    pub(super) fn finish(&mut self, text: &str) {
        self.text
            .push_str(text.get(self.done..).unwrap_or_default());
        self.done = text.len();
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A value that a message may not show, and what it shows instead.
    pub(super) fn hide(&mut self, value: String, instead: &str) {
        // A short word is no secret, and may be a word of the message.
        if value.len() >= SHORTEST_SECRET {
            self.hidden.push((value, instead.to_owned()));
        }
    }

    /// A message without the values that came from variables.
    pub(super) fn without_values(&self, message: String) -> String {
        let hide =
            |message: String, (value, instead): &(String, String)| message.replace(value, instead);
        self.hidden.iter().fold(message, hide)
    }

    /// Where an offset in the new text was in the old one; anything inside a replaced part was at
    /// its beginning.
    pub(super) fn original(&self, at: usize) -> usize {
        let before = self.parts.iter().take_while(|part| part.new.start <= at);
        match before.last() {
            Some(part) if at < part.new.end => part.old.start,
            Some(part) => part.old.end + (at - part.new.end),
            None => at,
        }
    }
}

const SHORTEST_SECRET: usize = 6;
