//! `${NAME}` in a YAML file, whatever its quotes.
//!
//! | written | is |
//! |---|---|
//! | `${NAME}` | the variable, which must be set |
//! | `${NAME:-text}`, `${NAME-text}` | the text where it is not set (with `:`, or is empty) |
//! | `${NAME:+text}`, `${NAME+text}` | the text where it is set (with `:`, and not empty), else nothing |
//! | `${NAME:?text}`, `${NAME?text}` | an error with this text where it is not set (with `:`, or is empty) |
//! | `$${` | `${` itself |
//!
//! The text may name variables in turn; what a variable holds is never looked at again. A `${`
//! that is none of these is an error: it is likely a secret that was not filled in.
//!
//! The parser says which characters are a scalar, and what they mean without their quotes; so
//! that it does, the signs of YAML inside a reference stand aside while it reads. Each scalar that
//! names a variable then gives way to its value, written so that it means just that: a number or
//! a yes where nothing was quoted, else a text.

use std::fmt::Write as _;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};

use super::aside::{ASIDE, Aside};
use super::environment::Environment;
use super::moved::Moved;
use super::reference::{Wrong, expand};
use super::report::Report;
use super::source::Source;

/// The text with its variables filled in, and where each part of it was before. `None` where the
/// text is no YAML, which whoever reads it next will say.
pub(super) fn fill(source: &Source, env: &Environment, report: &mut Report) -> Option<Moved> {
    let text = source.text();
    if let Some((at, _)) = text.char_indices().find(|(_, c)| ASIDE.contains(c)) {
        let what = "this character is kept for the program's own use";
        report.at(source, source.place_of(at), what, None);
        return None;
    }
    let aside = Aside::of(text);
    let mut moved = Moved::default();
    // A block's sign stands between the scalar before it and its text.
    let mut before = 0;
    for event in Parser::new_from_str(aside.text()) {
        let (event, span) = event.ok()?;
        let Event::Scalar(value, style, ..) = event else {
            continue;
        };
        let place = aside.place(span.start.index(), span.end.index());
        if value.contains(ASIDE) {
            match expand(&value, env) {
                Ok(filled) => {
                    let old = whole(text, before, place.clone(), style);
                    let raw = text.get(place.clone()).unwrap_or_default();
                    moved.replace(text, old, &written(&filled, style));
                    moved.hide(filled, raw);
                }
                Err(wrong) => blame(source, aside.nth(&place, wrong.nth), wrong, report),
            }
        }
        before = place.end.max(before);
    }
    moved.finish(text);
    Some(moved)
}

fn blame(source: &Source, at: usize, wrong: Wrong, report: &mut Report) {
    report.at(source, source.place_of(at), wrong.what, wrong.remedy);
}

/// All that stands for a scalar: a block begins with its sign, and the lines after its text are
/// not its own.
fn whole(text: &str, before: usize, place: Range<usize>, style: ScalarStyle) -> Range<usize> {
    if !is_block(style) {
        return place;
    }
    let between = text.get(before..place.start).unwrap_or_default();
    let sign = between.find(['|', '>']);
    let raw = text.get(place.clone()).unwrap_or_default();
    let end = place.start + raw.trim_end().len();
    sign.map_or(place.start, |at| before + at)..end
}

const fn is_block(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

/// The value as YAML: plain where it was plain and is a number or a yes, else in double quotes.
fn written(value: &str, style: ScalarStyle) -> String {
    if style == ScalarStyle::Plain && is_simple(value) {
        return value.to_owned();
    }
    let mut quoted = String::from('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => escape(&mut quoted, c),
            c if c.is_control() => escape(&mut quoted, c),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn escape(quoted: &mut String, c: char) {
    // Writing to a text does not fail.
    let _ = write!(quoted, "\\u{:04x}", u32::from(c));
}

/// What may be a number, and the words for yes and no. A word for nothing is a text.
fn is_simple(value: &str) -> bool {
    let number = value.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && value.contains(|c: char| c.is_ascii_digit())
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c));
    number
        || ["true", "false"]
            .iter()
            .any(|word| value.eq_ignore_ascii_case(word))
}
