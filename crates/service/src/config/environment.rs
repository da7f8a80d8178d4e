//! The variables that configuration may name: those of the process, and beneath them those of a
//! `.env` file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::dotenv;
use super::report::Report;
use super::source::Source;

/// What `${NAME}` may name. Passed in, so that tests need no process environment. Its values may
/// be secrets, so it prints its names only.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// One variable.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// These variables, and beneath them those of a `.env` file: what is set here wins. Mistakes
    /// of the file are problems, and nothing of it counts then.
    #[must_use]
    pub fn over_file(mut self, path: &Path, report: &mut Report) -> Self {
        let mut found = Report::new();
        let lines = Source::read(path, &mut found).map(|file| dotenv::parse(&file, &mut found));
        if found.is_empty() {
            let file: Self = lines.into_iter().flatten().collect();
            for (name, value) in file.0 {
                self.0.entry(name).or_insert(value);
            }
        }
        report.extend(found);
        self
    }
}

impl FromIterator<(String, String)> for Environment {
    /// The line end that a value read from a file often keeps is no part of it.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let trimmed = |value: String| value.trim_end_matches(['\r', '\n']).to_owned();
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name, trimmed(value)))
                .collect(),
        )
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        pairs.into_iter().map(owned).collect()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
