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

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use super::aside::{ASIDE, Aside};
use super::environment::Environment;
use super::moved::Moved;
use super::nothing::{Nothing, hole};
use super::outline::Outline;
use super::reference::{Wrong, expand};
use super::report::Report;
use super::source::Source;
use super::syntax;

/// The text with its variables filled in, those that are not set by a word that says nothing, and where
/// each part of it was before. What is not set is told in `unset`. `None` where the text is no YAML.
pub(super) fn fill(
    source: &Source,
    env: &Environment,
    nothing: &mut Nothing,
    (report, unset): (&mut Report, &mut Report),
) -> Option<Moved> {
    let text = source.text();
    if let Some((at, _)) = text.char_indices().find(|(_, c)| ASIDE.contains(c)) {
        let what = "this character is kept for the program's own use";
        report.at(source, source.place_of(at), what, None);
        return None;
    }
    let aside = if source.is_foreign() {
        Aside::nothing(text)
    } else {
        Aside::of(text)
    };
    let mut moved = Moved::default();
    // A block's sign stands between the scalar before it and its text.
    let mut before = 0;
    let mut outline = Outline::default();
    for event in Parser::new_from_str(aside.text()) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                no_yaml(source, &aside, &error, report);
                return None;
            }
        };
        let place = aside.place(span.start.index(), span.end.index());
        outline.see(&event, place.start, source, report);
        let Event::Scalar(value, style, ..) = event else {
            continue;
        };
        if let Some(meant) = nothing.meant(place.start, &value, style) {
            moved.replace(text, hole(text, place.clone()), meant);
        } else if value.contains(ASIDE) {
            match expand(&value, env) {
                Ok(filled) => {
                    let old = whole(text, before, place.clone(), style);
                    let raw = text.get(place.clone()).unwrap_or_default();
                    moved.replace(text, old, &written(&filled, style));
                    moved.hide(filled, raw);
                }
                Err(wrong) => {
                    blame(source, aside.nth(&place, wrong.nth), wrong, unset);
                    unset.mute(source.name(), source.place_of(place.start));
                    let old = whole(text, before, place.clone(), style);
                    moved.replace(text, old, STAND_IN);
                }
            }
        }
        before = place.end.max(before);
    }
    moved.finish(text);
    Some(moved)
}

/// What the parser stumbled over; or a reference that makes YAML of something else, such as one
/// that ends behind its quotes.
fn no_yaml(source: &Source, aside: &Aside, error: &ScanError, report: &mut Report) {
    let text = source.text();
    let is_yaml = || Parser::new_from_str(text).all(|event| event.is_ok());
    if let Some(at) = text.find("${").filter(|_| is_yaml()) {
        let what = "the variables from here on cannot be told from the text around them";
        let remedy = "close each `${` inside its value; $${ is a `${` that stays as it is";
        report.at(source, source.place_of(at), what, remedy.to_owned());
        return;
    }
    let at = error.marker().index();
    let wrong = syntax::wrong(error.kind(), text, aside.place(at, at).start);
    report.at(source, source.place_of(wrong.at), wrong.what, wrong.remedy);
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

/// What stands where a variable is not set, so that the rest of the file is judged all the same.
const STAND_IN: &str = "\"unset\"";

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
