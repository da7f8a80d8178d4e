//! Cutting text into pieces that are said in one breath.

use std::ops::Range;

/// A sentence longer than this is cut at a comma, or at a space: the voice model loses its tune
/// in longer ones, and memory grows with the length.
const LONGEST: usize = 220;

/// A comma is looked for after this much of a long sentence.
const EARLIEST: usize = 80;

/// Words whose full stop does not end a sentence.
const ABBREVIATIONS: [&str; 22] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "e.g", "i.e", "inc", "ltd", "co",
    "dept", "approx", "ext", "jr", "sr", "mt", "ave", "rd",
];

/// The sentences of `text`, as byte ranges on character boundaries, in order. Together they cover
/// all of it except white space.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if c == '\n' || is_end(text, at, c) {
            push(text, start..end, &mut found);
            start = end;
        }
    }
    push(text, start..text.len(), &mut found);
    found
}

/// Whether the sign at `at` ends a sentence.
fn is_end(text: &str, at: usize, sign: char) -> bool {
    if !matches!(sign, '.' | '!' | '?' | '\u{2026}') {
        return false;
    }
    let (before, from) = text.split_at(at);
    let mut after = from.chars().skip(1);
    let next = after.next();
    // The last of several signs, or of a closing quote after them, is the end.
    if next.is_some_and(|c| !c.is_whitespace()) {
        return false;
    }
    if sign != '.' {
        return true;
    }
    let word = before.rsplit(char::is_whitespace).next().unwrap_or(before);
    let word = word
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic) && word != "i";
    let more = from.chars().skip(1).find(|c| !c.is_whitespace());
    // "3 p.m. on Monday", but "at 3 p.m. Then we close".
    let clock = matches!(word.as_str(), "a.m" | "p.m") && more.is_some_and(char::is_lowercase);
    !(clock || more.is_some() && (initial || ABBREVIATIONS.contains(&word.as_str())))
}

/// Adds a sentence, cut if it is long, unless it is blank.
fn push(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let Some(sentence) = text.get(range.clone()) else {
        return;
    };
    let lead = sentence.len() - sentence.trim_start().len();
    let trimmed = sentence.trim();
    if trimmed.is_empty() {
        return;
    }
    let start = range.start + lead;
    if trimmed.len() <= LONGEST {
        found.push(start..start + trimmed.len());
        return;
    }
    let cut = start + cut_point(trimmed);
    found.push(start..cut);
    push(text, cut..range.end, found);
}

/// Where to cut a long sentence: after a clause if there is one in time, else at a space, else
/// anywhere.
fn cut_point(sentence: &str) -> usize {
    let within = |(at, c): &(usize, char)| *at + c.len_utf8() <= LONGEST;
    let chars: Vec<(usize, char)> = sentence.char_indices().take_while(within).collect();
    let after = |wanted: fn(char) -> bool, earliest: usize| {
        let followed_by_space = |at: usize| {
            sentence
                .get(at..)
                .is_some_and(|rest| rest.starts_with(char::is_whitespace))
        };
        let mut ends = chars.iter().rev().map(|(at, c)| (at + c.len_utf8(), *c));
        ends.find(|(end, c)| *end >= earliest && wanted(*c) && followed_by_space(*end))
            .map(|(end, _)| end)
    };
    after(|c| matches!(c, ',' | ';' | ':' | ')'), EARLIEST)
        .or_else(|| after(|c| !c.is_whitespace(), 1))
        .or_else(|| chars.last().map(|(at, c)| at + c.len_utf8()))
        .unwrap_or(sentence.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text)
            .into_iter()
            .map(|range| text.get(range).unwrap())
            .collect()
    }

    #[test]
    fn sentences_end_where_a_reader_would_breathe() {
        assert_eq!(
            cut("Hello. How are you?  Fine!"),
            ["Hello.", "How are you?", "Fine!"]
        );
        assert_eq!(
            cut("Dr. Smith is in. Really?!"),
            ["Dr. Smith is in.", "Really?!"]
        );
        assert_eq!(
            cut("It costs 3.50 a day.\nBye"),
            ["It costs 3.50 a day.", "Bye"]
        );
        assert_eq!(
            cut("At 3 p.m. on Monday. Ok."),
            ["At 3 p.m. on Monday.", "Ok."]
        );
        assert_eq!(
            cut("We close at 5 p.m. Come early."),
            ["We close at 5 p.m.", "Come early."]
        );
        assert_eq!(cut("J. Smith called."), ["J. Smith called."]);
        assert_eq!(cut(" \n "), Vec::<&str>::new());
    }

    #[test]
    fn a_long_sentence_is_cut_at_a_comma_and_nothing_is_lost() {
        let clause = "and then we went on for quite a while without any stop, ";
        let text = clause.repeat(12);
        let pieces = cut(&text);
        assert!(pieces.len() > 2 && pieces.iter().all(|p| p.len() <= LONGEST));
        assert!(pieces.iter().all(|p| p.ends_with(',')), "{pieces:?}");
        assert_eq!(pieces.join(" "), text.trim());
        let solid = "\u{e9}".repeat(500);
        assert_eq!(cut(&solid).concat(), solid);
    }
}
