//! Sentences out of text that comes in pieces, cleaned of what cannot be spoken.

use crate::speech::text::unmarked;

/// Cuts streamed text into sentences.
#[derive(Debug, Default)]
pub(super) struct Sentences {
    pending: String,
}

/// A sentence is cut at a comma from here on, so that its sound begins early.
const LONG: usize = 160;

/// What may stand between the end of a sentence and the space behind it.
const CLOSING: &[char] = &['*', '_', '`', '~', '"', '\u{201d}'];

/// Words that end with a full stop inside a sentence.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "st", "no", "vs", "etc", "e.g", "i.e", "approx", "dept", "a.m", "p.m",
];

impl Sentences {
    /// Takes more text; returns the sentences it completed.
    pub(super) fn push(&mut self, text: &str) -> Vec<String> {
        self.pending.push_str(text);
        let mut whole = Vec::new();
        while let Some(end) = end_of_sentence(&self.pending) {
            let rest = self.pending.split_off(end);
            let sentence = std::mem::replace(&mut self.pending, rest);
            keep(&sentence, &mut whole);
        }
        whole
    }

    /// The rest.
    pub(super) fn finish(&mut self) -> Option<String> {
        let mut rest = Vec::new();
        keep(&std::mem::take(&mut self.pending), &mut rest);
        rest.pop()
    }

    /// All sentences of a whole text.
    pub(super) fn of(text: &str) -> Vec<String> {
        let mut sentences = Self::default();
        let mut all = sentences.push(text);
        all.extend(sentences.finish());
        all
    }
}

fn keep(sentence: &str, whole: &mut Vec<String>) {
    let sentence = unmarked(sentence);
    let words: Vec<&str> = sentence.split_whitespace().collect();
    if words
        .iter()
        .any(|word| word.chars().any(char::is_alphanumeric))
    {
        whole.push(words.join(" "));
    }
}

/// The byte after the first sentence, if it is known to be whole.
fn end_of_sentence(text: &str) -> Option<usize> {
    let mut word_start = 0;
    let mut count = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        count += 1;
        if letter.is_whitespace() {
            word_start = at + letter.len_utf8();
            if letter == '\n' && count > 1 {
                return Some(word_start);
            }
            continue;
        }
        let (end, _) = letters.peek().copied()?;
        let rest = text.get(end..)?.trim_start_matches(CLOSING);
        if !rest.chars().next()?.is_whitespace() {
            continue;
        }
        let end = text.len() - rest.len();
        match letter {
            '!' | '?' => return Some(end),
            '.' | ':' if letter == ':' || !is_abbreviation(text, word_start, at) => {
                return Some(end);
            }
            ',' | ';' if count >= LONG => return Some(end),
            _ => {}
        }
    }
    None
}

fn is_abbreviation(text: &str, start: usize, end: usize) -> bool {
    let Some(word) = text.get(start..end) else {
        return false;
    };
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let word = word.to_lowercase();
    word.chars().count() == 1 && word.chars().all(char::is_alphabetic)
        || ABBREVIATIONS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_a_speaker_breathes() {
        assert_eq!(
            Sentences::of("Good day. Mr. Smith is here! It is 3.5 km away, isn't it? Yes"),
            [
                "Good day.",
                "Mr. Smith is here!",
                "It is 3.5 km away, isn't it?",
                "Yes"
            ]
        );
    }

    #[test]
    fn pieces_come_out_as_whole_sentences() {
        let mut sentences = Sentences::default();
        let mut all = Vec::new();
        for piece in ["Hel", "lo the", "re. How", " are", " you", "? ", "I"] {
            all.extend(sentences.push(piece));
        }
        assert_eq!(all, ["Hello there.", "How are you?"]);
        assert_eq!(sentences.finish().as_deref(), Some("I"));
        assert_eq!(sentences.finish(), None);
    }

    #[test]
    fn markup_is_not_read_aloud() {
        assert_eq!(Sentences::of("**Sure!** \u{1f600} `ok`"), ["Sure!", "ok"]);
        assert!(Sentences::of("... \u{1f600}").is_empty());
        let list = "Here **you are. There** are:\n- [vans](https://x.test/a)\n- `bikes`\n";
        assert_eq!(
            Sentences::of(list),
            ["Here you are.", "There are:", "vans", "bikes"]
        );
    }

    #[test]
    fn a_sentence_without_end_is_cut() {
        let long = "word, ".repeat(60);
        assert!(Sentences::of(&long).len() > 1);
    }
}
