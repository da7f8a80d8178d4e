//! How a sentence is pronounced.

use super::espeak::Phonemizer;
use crate::speech::text::spoken;

/// Phonemes of a sentence, with the signs that shape its tune. Empty when there is nothing to
/// say.
pub(super) fn phonemes(phonemizer: &Phonemizer, sentence: &str) -> String {
    let text = spoken(sentence);
    let mut out = String::new();
    for (clause, sign) in clauses(&text) {
        let part = phonemizer.phonemes(clause).unwrap_or_default();
        if part.trim().is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(part.trim());
        out.push(sign);
    }
    out
}

/// Clauses with the sign that ends each; the last one ends like a sentence in any case.
fn clauses(text: &str) -> Vec<(&str, char)> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, sign)) = chars.next() {
        let ends_word = chars.peek().is_none_or(|(_, next)| next.is_whitespace());
        if !matches!(sign, '.' | ',' | '!' | '?' | ';' | ':') || !ends_word {
            continue;
        }
        found.push((text.get(start..at).unwrap_or_default(), sign));
        start = at + sign.len_utf8();
    }
    found.push((text.get(start..).unwrap_or_default(), '.'));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_keep_their_signs() {
        let found = clauses("Hello, it is 3.5 now. Right?");
        let expected = [
            ("Hello", ','),
            (" it is 3.5 now", '.'),
            (" Right", '?'),
            ("", '.'),
        ];
        assert_eq!(found, expected);
        assert_eq!(clauses("no end"), [("no end", '.')]);
    }
}
