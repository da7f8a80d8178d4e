//! Logs: one line an event on standard error, for people or as JSON. Standard output belongs to
//! the verbs. Lines are coloured on a terminal, unless `NO_COLOR` says otherwise.

use std::ffi::OsStr;
use std::io::IsTerminal as _;

use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, layer::SubscriberExt as _};

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `filter` is a level (`info`) or a list of `target=level`. A process that logs
/// already keeps its logger.
///
/// # Errors
/// When the filter does not parse.
pub fn init(filter: &str, format: Format) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(filter)?;
    let no_colour = std::env::var_os("NO_COLOR");
    let coloured = has_colours(std::io::stderr().is_terminal(), no_colour.as_deref());
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        Format::Text => lines.with_target(false).with_ansi(coloured).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    let _ = Registry::default()
        .with(lines.with_filter(filter))
        .try_init();
    Ok(())
}

/// A file is read by programs; and whoever sets `NO_COLOR` to anything wants none (no-color.org).
fn has_colours(terminal: bool, no_colour: Option<&OsStr>) -> bool {
    terminal && no_colour.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_whose_user_does_not_mind() {
        assert!(has_colours(true, None) && has_colours(true, Some(OsStr::new(""))));
        assert!(!has_colours(true, Some(OsStr::new("1"))));
        assert!(!has_colours(false, None));
    }
}
