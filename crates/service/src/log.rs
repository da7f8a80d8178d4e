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
    let filter = discreet(filter)?;
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

/// Libraries that print what they carry, words of callers among it. Who wants to see them names them.
const INDISCREET: &[&str] = &["rmcp"];

fn discreet(filter: &str) -> Result<EnvFilter, ParseError> {
    let mut all = EnvFilter::try_new(filter)?;
    for library in INDISCREET {
        if !filter.contains(library) {
            all = all.add_directive(format!("{library}=off").parse()?);
        }
    }
    Ok(all)
}

/// A file is read by programs; and whoever sets `NO_COLOR` to anything wants none (no-color.org).
fn has_colours(terminal: bool, no_colour: Option<&OsStr>) -> bool {
    terminal && no_colour.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_print_words_of_callers_are_heard_only_by_their_names() {
        assert!(discreet("trace").unwrap().to_string().contains("rmcp=off"));
        let named = discreet("info,rmcp=debug").unwrap().to_string();
        assert!(
            named.contains("rmcp=debug") && !named.contains("rmcp=off"),
            "{named}"
        );
        assert!(discreet("rtc=no_level").is_err());
    }

    #[test]
    fn colours_are_for_terminals_whose_user_does_not_mind() {
        assert!(has_colours(true, None) && has_colours(true, Some(OsStr::new(""))));
        assert!(!has_colours(true, Some(OsStr::new("1"))));
        assert!(!has_colours(false, None));
    }
}
