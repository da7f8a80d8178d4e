//! A configuration file as text, and its reading to a raw shape.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::OnceLock;

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location, Spanned};

use super::environment::Environment;
use super::moved::Moved;
use super::nothing::Nothing;
use super::report::{Origin, Place, Report};
use super::typing::{self, Found};
use super::{text, variables};

/// A configuration file's name and text.
#[derive(Clone)]
pub struct Source {
    name: String,
    text: String,
    /// Another program's: nothing in it is a reference, and none of its lines is shown.
    foreign: bool,
    /// The text that was parsed, which places point into.
    parsed: OnceLock<Moved>,
}

impl Source {
    /// Text that is already here.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            foreign: false,
            parsed: OnceLock::new(),
        }
    }

    /// Text of another program's file: it names no variables, and its lines may hold secrets.
    pub fn foreign(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            foreign: true,
            ..Self::new(name, text)
        }
    }

    /// Reads a file; a failure becomes a problem.
    pub fn read(path: &Path, report: &mut Report) -> Option<Self> {
        let name = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => text::decode(&name, bytes, report).map(|text| Self::new(name, text)),
            Err(error) => {
                let (what, remedy) = unreadable(error.kind());
                let what = what.map_or_else(|| format!("cannot be read: {error}"), str::to_owned);
                report.file(&name, what, remedy.to_owned());
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

    pub(super) fn is_foreign(&self) -> bool {
        self.foreign
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

    /// Where a value stands, for a rule that is judged when the file is no longer at hand.
    pub fn origin<T>(&self, value: &Spanned<T>) -> Origin {
        Origin::new(self, value.into())
    }

    /// Reads the text to a raw shape, with its variables filled in; what fails becomes a problem.
    pub fn parse<T: DeserializeOwned>(&self, env: &Environment, report: &mut Report) -> Option<T> {
        let mut nothing = Nothing::default();
        loop {
            let mut wrong = Report::new();
            let filled = variables::fill(self, env, &mut nothing, &mut wrong);
            let filled = filled.filter(|_| wrong.is_empty());
            report.extend(wrong);
            let filled = filled?;
            let options = serde_saphyr::options! { with_snippet: false };
            // What is in no section of its own is an empty one: every key then takes its default.
            let text = match filled.text() {
                text if is_blank(text) => "{}",
                text => text,
            };
            let read = serde_saphyr::from_str_with_options(text, options);
            let known = read.as_ref().err().and_then(|error| {
                let at = typing::place(error.without_snippet()).map(place)?;
                Some(filled.original(offset_in(filled.text(), at)))
            });
            match read {
                // Each time one more place is known, and there are no more than in the file.
                Err(error)
                    if known.is_some_and(|at| nothing.learn(error.without_snippet(), at)) => {}
                read => {
                    let parsed = self.parsed.get_or_init(|| filled);
                    let blame = |error| self.blame(&error, parsed, report);
                    return read.map_err(blame).ok();
                }
            }
        }
    }

    fn blame(&self, error: &Error, parsed: &Moved, report: &mut Report) {
        let error = error.without_snippet();
        let place = typing::place(error).map(place);
        let found = place
            .and_then(|place| self.found(place))
            .unwrap_or_default();
        let wrong = typing::wrong(error, found);
        let what = parsed.without_values(wrong.what);
        match place {
            Some(place) => report.at(self, place, what, wrong.remedy),
            None => report.file(&self.name, what, wrong.remedy),
        }
    }

    /// What begins at a place, as it was typed.
    fn found(&self, at: Place) -> Option<Found<'_>> {
        let at = self.original(at);
        let before = usize::try_from(at.column).ok()?.checked_sub(1)?;
        let line = self.line(at.line)?;
        let (start, _) = line.char_indices().nth(before)?;
        Some(text::found(line.get(start..)?))
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

/// Words for why a file cannot be read, and what to do about it.
fn unreadable(kind: ErrorKind) -> (Option<&'static str>, &'static str) {
    match kind {
        ErrorKind::IsADirectory => (
            Some("is a directory, where a file is wanted"),
            "take the directory away, and put the file in its place",
        ),
        ErrorKind::PermissionDenied => (
            Some("may not be read by the user who runs this"),
            "give that user the right to read it, with chmod or chown",
        ),
        _ => (
            None,
            "check the path and its permissions, or pass --config DIR",
        ),
    }
}

fn is_blank(text: &str) -> bool {
    let blank = |line: &str| line.trim().is_empty() || line.trim().starts_with('#');
    text.lines().all(blank)
}

fn place(at: Location) -> Place {
    Place {
        line: at.line(),
        column: at.column(),
    }
}

fn place_in(text: &str, at: usize) -> Place {
    text::end_of(text.get(..at).unwrap_or(text))
}

fn offset_in(text: &str, place: Place) -> usize {
    let count = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(count(place.line)).map(str::len).sum();
    let line = lines.next().unwrap_or_default();
    let inside = line.char_indices().nth(count(place.column));
    before + inside.map_or(line.len(), |(at, _)| at)
}
