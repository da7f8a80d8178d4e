//! A configuration file as text, and its reading to a raw shape.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde_saphyr::Error;

use super::environment::Environment;
use super::moved::Moved;
use super::report::{Place, Report, nearest};
use super::variables;

/// A configuration file's name and text.
#[derive(Clone)]
pub struct Source {
    name: String,
    text: String,
    /// The text that was parsed, which places point into.
    parsed: OnceLock<Moved>,
}

impl Source {
    /// Text that is already here.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            parsed: OnceLock::new(),
        }
    }

    /// Reads a file; a failure becomes a problem.
    pub fn read(path: &Path, report: &mut Report) -> Option<Self> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
                Some(Self::new(name, text))
            }
            Err(error) => {
                let remedy = "check the path and its permissions, or pass --config DIR".to_owned();
                report.file(&name, format!("cannot be read: {error}"), remedy);
                None
            }
        }
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A line of the file, one-based.
    pub fn line(&self, number: u64) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.text.lines().nth(index)
    }

    /// The place of a byte of the file.
    pub(super) fn place_of(&self, at: usize) -> Place {
        place_in(&self.text, at)
    }

    /// The place in the file of a place in the text that was parsed, where variables are filled in.
    pub(super) fn original(&self, place: Place) -> Place {
        let Some(parsed) = self.parsed.get() else {
            return place;
        };
        let offset = offset_in(parsed.text(), place);
        place_in(&self.text, parsed.original(offset))
    }

    /// Reads the text to a raw shape, with its variables filled in; what fails becomes a problem.
    pub fn parse<T: DeserializeOwned>(&self, env: &Environment, report: &mut Report) -> Option<T> {
        let mut wrong = Report::new();
        let filled = variables::fill(self, env, &mut wrong);
        if !wrong.is_empty() {
            report.extend(wrong);
            return None;
        }
        let is_yaml = filled.is_some();
        let parsed = self
            .parsed
            .get_or_init(|| filled.unwrap_or_else(|| Moved::unchanged(&self.text)));
        // An empty file is an empty mapping: every key then takes its default.
        let is_blank = |line: &str| line.trim().is_empty() || line.trim().starts_with('#');
        let text = if self.text.lines().all(is_blank) {
            "{}"
        } else {
            parsed.text()
        };
        let options = serde_saphyr::options! { with_snippet: false };
        match serde_saphyr::from_str_with_options(text, options) {
            Ok(raw) if is_yaml => Some(raw),
            Ok(_) => {
                self.blame_reference(report);
                None
            }
            Err(error) => {
                self.blame(&error, parsed, report);
                None
            }
        }
    }

    /// A reference that makes YAML of something else, such as one that ends behind its quotes.
    fn blame_reference(&self, report: &mut Report) {
        let at = self.text.find("${").unwrap_or(0);
        let remedy = "close each `${` inside its value; $${ is a `${` that stays as it is";
        let what = "the variables from here on cannot be told from the text around them";
        report.at(self, self.place_of(at), what, remedy.to_owned());
    }

    fn blame(&self, error: &Error, parsed: &Moved, report: &mut Report) {
        let plain = error.without_snippet();
        let what = plain
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        let what = parsed.without_values(what);
        let Some(at) = plain.location().filter(|at| at.line() > 0) else {
            report.file(&self.name, what, None);
            return;
        };
        let place = Place {
            line: at.line(),
            column: at.column(),
        };
        let unknown = match plain {
            Error::SerdeUnknownField { expected, .. } => self.word(place).zip(Some(expected)),
            _ => None,
        };
        match unknown {
            Some((word, known)) => {
                let what = format!("there is no key `{word}` here");
                report.at(self, place, what, nearest(word, known));
            }
            None => report.at(self, place, what, None),
        }
    }

    /// The key that begins at a place, as it was typed.
    fn word(&self, at: Place) -> Option<&str> {
        let at = self.original(at);
        let before = usize::try_from(at.column).ok()?.checked_sub(1)?;
        let line = self.line(at.line)?;
        let (start, _) = line.char_indices().nth(before)?;
        let word = line.get(start..)?.split(':').next()?.trim();
        (!word.is_empty()).then_some(word)
    }
}

impl fmt::Debug for Source {
    /// The text may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What some editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

fn place_in(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Place {
        line: count(before.matches('\n').count() + 1),
        column: count(line.chars().count() + 1),
    }
}

fn offset_in(text: &str, place: Place) -> usize {
    let count = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(count(place.line)).map(str::len).sum();
    let line = lines.next().unwrap_or_default();
    let inside = line.char_indices().nth(count(place.column));
    before + inside.map_or(line.len(), |(at, _)| at)
}
