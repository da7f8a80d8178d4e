//! The latest answer: what was planned of it, and what the caller heard.
//!
//! A question opens when it was heard, not when it was planned: a "yes" that comes before is no
//! answer to it.

use crate::brain::{Act, Progress, Spoken};

/// The answer that was begun last.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    lines: Vec<String>,
    acts: Vec<Act>,
    /// Words of it that were heard.
    heard: usize,
    whole: bool,
}

impl Default for Answer {
    /// Nothing is owed to the caller yet.
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            acts: Vec::new(),
            heard: 0,
            whole: true,
        }
    }
}

/// What of an answer the caller did not hear.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rest {
    pub(super) lines: Vec<String>,
    pub(super) acts: Vec<Act>,
}

impl Answer {
    /// A new answer begins; none of it was heard.
    pub(super) fn begin(&mut self) {
        *self = Self {
            whole: false,
            ..Self::default()
        };
    }

    pub(super) fn say(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    pub(super) fn act(&mut self, act: Act) {
        self.acts.push(act);
    }

    /// Takes in how much was heard. What was heard whole stays so, whatever else is said after it.
    pub(super) fn hear(&mut self, spoken: &Spoken) {
        if self.whole || (spoken.text.is_empty() && spoken.progress != Progress::Whole) {
            return;
        }
        self.heard = words(&spoken.text);
        self.whole = spoken.progress == Progress::Whole;
    }

    /// Everything was heard.
    #[cfg(test)]
    pub(super) fn hear_all(&mut self) {
        self.whole = true;
    }

    /// No more than this was heard.
    #[cfg(test)]
    pub(super) fn hear_only(&mut self, text: &str) {
        self.whole = false;
        self.heard = words(text);
    }

    /// Whether the question at its end was heard: half of its words tell which one it is.
    pub(super) fn question_heard(&self) -> bool {
        if self.whole || self.lines.is_empty() {
            return true;
        }
        let mut sentences = self.sentences();
        let last = sentences.next_back().map_or(0, words);
        let before: usize = sentences.map(words).sum();
        self.heard >= before + last.div_ceil(2)
    }

    /// What was not heard, from the beginning of the sentence that was cut.
    pub(super) fn rest(&self) -> Option<Rest> {
        if self.whole {
            return None;
        }
        let mut passed = 0;
        let lines: Vec<String> = self
            .sentences()
            .filter(|sentence| {
                passed += words(sentence);
                passed > self.heard
            })
            .map(str::to_owned)
            .collect();
        (!lines.is_empty()).then(|| Rest {
            lines,
            acts: self.acts.clone(),
        })
    }

    /// Whether something was to be done after it.
    pub(super) fn acts(&self) -> bool {
        !self.acts.is_empty()
    }

    /// A person was promised, and the caller spoke before the end of it. What was said is done all the
    /// same, unless none of it was heard.
    pub(super) fn promised(&self) -> impl Iterator<Item = &Act> {
        let cut = !self.whole && self.heard > 0;
        let acts = self.acts.iter().filter(move |_| cut);
        acts.filter(|act| matches!(act, Act::Transfer { .. }))
    }

    fn sentences(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines
            .iter()
            .flat_map(|line| line.split_inclusive(['.', '?', '!']))
            .map(str::trim)
            .filter(|sentence| !sentence.is_empty())
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Answer {
        let mut answer = Answer::default();
        answer.begin();
        answer.say("We are open until six.");
        answer.say("Is there anything else?");
        answer.hear(&Spoken {
            text: text.to_owned(),
            progress: Progress::Going,
        });
        answer
    }

    #[test]
    fn a_question_is_heard_once_half_of_it_was() {
        assert!(!cut("").question_heard());
        assert!(!cut("We are open until six.").question_heard());
        assert!(!cut("We are open until six. Is").question_heard());
        assert!(cut("We are open until six. Is there").question_heard());
    }

    #[test]
    fn the_rest_begins_with_the_sentence_that_was_cut() {
        let lines = |text: &str| cut(text).rest().map(|rest| rest.lines);
        let question = "Is there anything else?".to_owned();
        assert_eq!(
            lines("We are open"),
            Some(vec!["We are open until six.".to_owned(), question.clone()])
        );
        assert_eq!(lines("We are open until six."), Some(vec![question]));
        let mut whole = cut("");
        whole.hear_all();
        assert_eq!(whole.rest(), None);
    }
}
