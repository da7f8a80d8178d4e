//! Asks before something is ended or removed.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use trunkline_base::class::Class;

use crate::failure::Failure;
use crate::global::Global;

/// Goes on when `--yes` was typed, when a person at a terminal says so, or when nothing will be
/// called anyway; refuses otherwise, and never guesses for a script.
///
/// # Errors
/// A refusal that names the way out.
pub(crate) fn sure(question: &str, global: &Global) -> Result<(), Failure> {
    if global.yes || global.curl {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let text = format!("{question} Nobody can be asked here");
        return Err(
            Failure::new(Class::Invalid, "cli.not_confirmed", text).or_else("pass --yes to do it")
        );
    }
    let mut err = io::stderr().lock();
    // A terminal that cannot be written to cannot be read from either.
    let _ = write!(err, "{question} [y/N] ");
    let _ = err.flush();
    let mut answer = String::new();
    let _ = io::stdin().lock().read_line(&mut answer);
    if said_yes(&answer) {
        return Ok(());
    }
    let text = "nothing was done";
    Err(Failure::new(Class::Invalid, "cli.not_confirmed", text))
}

fn said_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y\n", "Y", " yes \n", "YES\r\n"] {
            assert!(said_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "no", "yess", "j"] {
            assert!(!said_yes(no), "{no:?}");
        }
    }
}
