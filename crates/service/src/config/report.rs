//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;

use serde_saphyr::Spanned;

/// A position in a file, one-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u64,
    /// Column, in characters.
    pub column: u64,
}

impl<T> From<&Spanned<T>> for Place {
    fn from(value: &Spanned<T>) -> Self {
        let at = value.referenced;
        Self {
            line: at.line(),
            column: at.column(),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    file: String,
    place: Option<Place>,
    text: Option<String>,
    what: String,
    remedy: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", shown(&self.what))?;
        if let (Some(place), Some(text)) = (self.place, &self.text) {
            let column = usize::try_from(place.column.saturating_sub(1)).unwrap_or(0);
            let (text, caret) = window(text, column);
            write!(f, "\n  {:>4} | {text}\n       | {:caret$}^", place.line, "")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "\n       = {}", shown(remedy))?;
        }
        Ok(())
    }
}

/// A text as a terminal may have it, one sign for each.
fn shown(text: &str) -> String {
    let sign = |c: char| match c {
        '\t' => ' ',
        c if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
        {
            char::REPLACEMENT_CHARACTER
        }
        c => c,
    };
    text.chars().map(sign).collect()
}

/// The part of a line around a column, and where the column is in it.
fn window(line: &str, column: usize) -> (String, usize) {
    let from = column.saturating_sub(WIDEST / 2);
    let cut = from > 0;
    let mut text: String = if cut { "\u{2026}" } else { "" }.to_owned();
    text.extend(line.chars().skip(from).take(WIDEST));
    if line.chars().nth(from + WIDEST).is_some() {
        text.push('\u{2026}');
    }
    (shown(&text), column - from + usize::from(cut))
}

/// More of a line helps nobody.
const WIDEST: usize = 120;

/// Where a value was typed, with the line it stands on.
#[derive(Clone, Debug)]
pub struct Origin {
    pub(super) file: String,
    pub(super) place: Place,
    /// Not there when it may hold a secret.
    pub(super) text: Option<String>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.place.line, self.place.column)
    }
}

/// Every problem found so far, in the order found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    problems: Vec<Problem>,
    /// Where something is known to be missing: what it would lead to is not told.
    muted: Vec<(String, Place)>,
}

impl Report {
    /// Nothing found yet.
    pub const fn new() -> Self {
        Self {
            problems: Vec::new(),
            muted: Vec::new(),
        }
    }

    /// Adds a problem at a place that was kept.
    pub fn from(
        &mut self,
        origin: Origin,
        what: impl Into<String>,
        remedy: impl Into<Option<String>>,
    ) {
        if self.is_muted(&origin.file, origin.place) {
            return;
        }
        self.problems.push(Problem {
            file: origin.file,
            place: Some(origin.place),
            text: origin.text,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// Says that no more is to be told of what begins here.
    pub(super) fn mute(&mut self, file: &str, place: Place) {
        self.muted.push((file.to_owned(), place));
    }

    fn is_muted(&self, file: &str, place: Place) -> bool {
        self.muted
            .iter()
            .any(|(name, at)| name == file && *at == place)
    }

    /// Adds a problem at a place whose line is not shown, since it may hold a secret.
    pub(super) fn unseen(&mut self, file: &str, place: Place, what: String, remedy: String) {
        self.problems.push(Problem {
            file: file.to_owned(),
            place: Some(place),
            text: None,
            what,
            remedy: Some(remedy),
        });
    }

    /// Adds a problem of the file as a whole.
    pub fn file(&mut self, name: &str, what: impl Into<String>, remedy: impl Into<Option<String>>) {
        self.problems.push(Problem {
            file: name.to_owned(),
            place: None,
            text: None,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// Whether nothing is wrong.
    pub const fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems, to be told one by one.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Takes over the problems of another report.
    pub fn extend(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.muted.extend(other.muted);
    }

    /// The value, if nothing is wrong.
    ///
    /// # Errors
    /// The report itself when something is.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            Some(_) | None => Err(self),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        let plural = if self.problems.len() == 1 {
            "problem"
        } else {
            "problems"
        };
        write!(f, "{} {plural}", self.problems.len())
    }
}

impl std::error::Error for Report {}
