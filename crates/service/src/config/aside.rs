//! References set aside, so that the YAML around them can be read.
//!
//! `${NAME:-a: b}` holds signs that end a plain value or begin a mapping. Each such sign of a
//! reference is exchanged for a character that means nothing to YAML, one for one: every other
//! character stays where it is.

use std::ops::Range;

/// The `$` that begins a reference.
pub(super) const DOLLAR: char = '\u{10ff00}';
pub(super) const OPEN: char = '\u{10ff01}';
pub(super) const CLOSE: char = '\u{10ff02}';
/// The first `$` of `$${`, which is not meant.
pub(super) const ESCAPE: char = '\u{10ff03}';
const LITERAL: char = '\u{10ff04}';

/// What stands for what.
const SIGNS: &[(char, char)] = &[
    ('$', DOLLAR),
    ('{', OPEN),
    ('}', CLOSE),
    ('$', ESCAPE),
    ('$', LITERAL),
    (',', '\u{10ff05}'),
    ('[', '\u{10ff06}'),
    (']', '\u{10ff07}'),
    (':', '\u{10ff08}'),
    ('#', '\u{10ff09}'),
];

/// The characters that stand for others, which a file may not hold itself.
pub(super) const ASIDE: &[char] = &[
    DOLLAR,
    OPEN,
    CLOSE,
    ESCAPE,
    LITERAL,
    '\u{10ff05}',
    '\u{10ff06}',
    '\u{10ff07}',
    '\u{10ff08}',
    '\u{10ff09}',
];

/// What a character stands for.
pub(super) fn back(c: char) -> char {
    let sign = SIGNS.iter().find(|(_, aside)| *aside == c);
    sign.map_or(c, |(sign, _)| *sign)
}

/// A text with its references set aside.
pub(super) struct Aside {
    text: String,
    chars: Vec<char>,
    /// Where each character was in bytes.
    offsets: Vec<usize>,
}

impl Aside {
    pub(super) fn of(text: &str) -> Self {
        let mut aside = Self::nothing(text);
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(rest) = aside.chars.get_mut(at..).filter(|rest| !rest.is_empty()) {
            at += step(rest, &mut depth);
        }
        aside.text = aside.chars.iter().collect();
        aside
    }

    /// A text without references.
    pub(super) fn nothing(text: &str) -> Self {
        let mut offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        offsets.push(text.len());
        Self {
            text: text.to_owned(),
            chars: text.chars().collect(),
            offsets,
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the original between two characters.
    pub(super) fn place(&self, start: usize, end: usize) -> Range<usize> {
        let byte = |index: usize| {
            let last = self.offsets.last().copied().unwrap_or(0);
            self.offsets.get(index).copied().unwrap_or(last)
        };
        byte(start)..byte(end)
    }

    /// Where the reference of this number begins in a range of the original.
    pub(super) fn nth(&self, place: &Range<usize>, nth: usize) -> usize {
        let dollars = self
            .chars
            .iter()
            .zip(&self.offsets)
            .filter(|(c, at)| **c == DOLLAR && place.contains(at));
        dollars.map(|(_, at)| *at).nth(nth).unwrap_or(place.start)
    }
}

/// Sets the signs at the beginning aside, and says how many characters that were. A reference ends
/// with its line at the latest.
fn step(rest: &mut [char], depth: &mut usize) -> usize {
    match rest {
        [escape @ '$', literal @ '$', open @ '{', ..] => {
            (*escape, *literal, *open) = (ESCAPE, LITERAL, OPEN);
            *depth += 1;
            3
        }
        [dollar @ '$', open @ '{', ..] => {
            (*dollar, *open) = (DOLLAR, OPEN);
            *depth += 1;
            2
        }
        ['\n', ..] => {
            *depth = 0;
            1
        }
        [sign, ..] if *depth > 0 => {
            match *sign {
                '{' => *depth += 1,
                '}' => *depth -= 1,
                _ => {}
            }
            if let Some((_, aside)) = SIGNS.iter().find(|(known, _)| known == sign)
                && *sign != '$'
            {
                *sign = *aside;
            }
            1
        }
        _ => 1,
    }
}
