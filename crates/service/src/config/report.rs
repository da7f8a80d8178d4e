//! What is wrong with a configuration, where, and how to mend it.

use std::fmt::{self, Write as _};

use serde_saphyr::Spanned;

use super::source::Source;

/// A position in a file, one-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
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
        write!(f, ": {}", self.what)?;
        if let (Some(place), Some(text)) = (self.place, &self.text) {
            let caret = usize::try_from(place.column.saturating_sub(1)).unwrap_or(0);
            write!(f, "\n  {:>4} | {text}\n       | {:caret$}^", place.line, "")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "\n       = {remedy}")?;
        }
        Ok(())
    }
}

/// Every problem found so far, in the order found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    problems: Vec<Problem>,
}

impl Report {
    /// Nothing found yet.
    pub const fn new() -> Self {
        Self {
            problems: Vec::new(),
        }
    }

    /// Adds a problem at a place of what was read from `source`, with the line it stands on.
    pub fn at(
        &mut self,
        source: &Source,
        place: impl Into<Place>,
        what: impl Into<String>,
        remedy: impl Into<Option<String>>,
    ) {
        let place = source.original(place.into());
        self.problems.push(Problem {
            file: source.name().to_owned(),
            place: Some(place),
            text: source.line(place.line).map(str::to_owned),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// Adds a problem at a place whose line is not shown, since it may hold a secret.
    pub(super) fn unseen(&mut self, source: &Source, place: Place, what: String, remedy: String) {
        self.problems.push(Problem {
            file: source.name().to_owned(),
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

    /// The problems.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Takes over the problems of another report.
    pub fn extend(&mut self, other: Self) {
        self.problems.extend(other.problems);
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

/// "did you mean …" when a known word is near `typed`, else the list of known words.
pub fn nearest(typed: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|word| (distance(typed, word), *word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .min();
    match near {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None => {
            let mut text = String::from("allowed: ");
            for (index, word) in known.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let _ = write!(text, "{comma}{word}");
            }
            text
        }
    }
}

/// Edit distance; inputs are configuration words, so the square is small.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().take(64).enumerate() {
        let mut corner = i;
        let mut before = i + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (b, cell) in right.iter().zip(row.iter_mut().skip(1)) {
            let cost = usize::from(a != *b);
            let best = (corner + cost).min(*cell + 1).min(before + 1);
            corner = *cell;
            *cell = best;
            before = best;
        }
    }
    row.last().copied().unwrap_or(0)
}
