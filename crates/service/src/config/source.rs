//! A configuration file as text, and the places in it.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::OnceLock;

use serde_saphyr::Spanned;

use super::moved::Moved;
use super::report::{Origin, Place, Report};
use super::text;

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

    /// The text as it was parsed, with its variables filled in; it may hold secrets.
    pub fn filled(&self) -> Option<&str> {
        self.parsed.get().map(Moved::text)
    }

    /// A line of the file, one-based.
    pub fn line(&self, number: u64) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.text.lines().nth(index)
    }

    /// The line that a value stands on, as it was typed.
    pub fn line_of<T>(&self, value: &Spanned<T>) -> Option<&str> {
        self.line(self.original(value.into()).line)
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

    /// A value of one word at a place of the text that was parsed, as it stands there.
    pub(super) fn scalar(&self, at: Place) -> Option<String> {
        let text = self.filled()?;
        let rest = text.get(offset_in(text, at)..)?;
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}'));
        let word = rest.get(..end.unwrap_or(rest.len()))?;
        Some(word.to_owned()).filter(|word| !word.is_empty())
    }

    /// Where a value stands, for a rule that is judged when the file is no longer at hand.
    pub fn origin<T>(&self, value: &Spanned<T>) -> Origin {
        self.origin_at(value.into())
    }

    fn origin_at(&self, place: Place) -> Origin {
        let place = self.original(place);
        let line = self.line(place.line).filter(|_| !self.foreign);
        Origin {
            file: self.name.clone(),
            place,
            text: line.map(str::to_owned),
        }
    }

    /// Keeps the text that is parsed, so that places in it can be told; the first one stays.
    pub(super) fn keep(&self, parsed: Moved) -> &Moved {
        self.parsed.get_or_init(|| parsed)
    }
}

impl Report {
    /// Adds a problem at a place of what was read from `source`, with the line it stands on.
    pub fn at(
        &mut self,
        source: &Source,
        place: impl Into<Place>,
        what: impl Into<String>,
        remedy: impl Into<Option<String>>,
    ) {
        self.from(source.origin_at(place.into()), what, remedy);
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

fn place_in(text: &str, at: usize) -> Place {
    text::end_of(text.get(..at).unwrap_or(text))
}

pub(super) fn offset_in(text: &str, place: Place) -> usize {
    let count = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(count(place.line)).map(str::len).sum();
    let line = lines.next().unwrap_or_default();
    let inside = line.char_indices().nth(count(place.column));
    before + inside.map_or(line.len(), |(at, _)| at)
}
