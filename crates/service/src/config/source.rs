//! A configuration file as text, and its reading to a raw shape.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::Error;

use super::report::{Place, Report, nearest};

/// What `${NAME}` may name. Passed in, so that tests need no process environment.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// One variable.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        )
    }
}

/// A configuration file's name and text.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// Text that is already here.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Reads a file; a failure becomes a problem.
    pub fn read(path: &Path, report: &mut Report) -> Option<Self> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Some(Self { name, text }),
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

    /// A line of the file, one-based.
    pub fn line(&self, number: u64) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.text.lines().nth(index)
    }

    /// Reads the text to a raw shape; a failure becomes a problem.
    pub fn parse<T: DeserializeOwned>(&self, env: &Environment, report: &mut Report) -> Option<T> {
        let variables = env.0.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let options = serde_saphyr::options! { with_snippet: false }.with_properties(variables);
        // An empty file is an empty mapping: every key then takes its default.
        let only_comments = self
            .text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim().starts_with('#'));
        let text = if only_comments {
            "{}"
        } else {
            self.text.as_str()
        };
        match serde_saphyr::from_str_with_options(text, options) {
            Ok(raw) => Some(raw),
            Err(error) => {
                self.blame(&error, report);
                None
            }
        }
    }

    fn blame(&self, error: &Error, report: &mut Report) {
        let plain = error.without_snippet();
        let what = plain
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
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
        let before = usize::try_from(at.column).ok()?.checked_sub(1)?;
        let line = self.line(at.line)?;
        let (start, _) = line.char_indices().nth(before)?;
        let word = line.get(start..)?.split(':').next()?.trim();
        (!word.is_empty()).then_some(word)
    }
}
