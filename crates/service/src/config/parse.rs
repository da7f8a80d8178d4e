//! The reading of a file to a raw shape.

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location};

use super::environment::Environment;
use super::moved::Moved;
use super::nothing::Nothing;
use super::report::{Place, Report};
use super::source::{Source, offset_in};
use super::typing::{self, Found};
use super::{text, variables};

impl Source {
    /// Reads the text to a raw shape, with its variables filled in; what fails becomes a problem.
    pub fn parse<T: DeserializeOwned>(&self, env: &Environment, report: &mut Report) -> Option<T> {
        let mut nothing = Nothing::default();
        loop {
            let mut wrong = Report::new();
            let mut unset = Report::new();
            let filled = variables::fill(self, env, &mut nothing, (&mut wrong, &mut unset));
            let Some(filled) = filled.filter(|_| wrong.is_empty()) else {
                report.extend(unset);
                report.extend(wrong);
                return None;
            };
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
                    report.extend(unset);
                    let parsed = self.keep(filled);
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
            None => report.file(self.name(), what, wrong.remedy),
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
