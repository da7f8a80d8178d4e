//! The variables that count: those of this process, and beneath them those of `.env`. Flags that
//! have a variable take it from here too.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};
use trunkline_service::config::{Environment, Report};

use crate::args::Cli;
use crate::failure::{self, Failure};
use crate::output;

/// The file in the working directory.
const USUAL: &str = ".env";
/// Names another file; empty, there is none.
const NAMED: &str = "TRUNKLINE_ENV_FILE";

/// The variables of this process and of the file.
///
/// # Errors
/// Every mistake of the file.
pub(crate) fn load() -> Result<Environment, Failure> {
    let process = Environment::of_process();
    let Some(path) = file(&process) else {
        return Ok(process);
    };
    warn_of_readers(&path, "secrets");
    let mut report = Report::new();
    let env = process.over_file(&path, &mut report);
    report
        .finish(Some(env))
        .map_err(|report| failure::config(&report))
}

fn file(process: &Environment) -> Option<PathBuf> {
    match process.var(NAMED) {
        Some("") => None,
        Some(named) => Some(PathBuf::from(named)),
        // A directory of this name is somebody's Python, and one that cannot be looked at is
        // worth a word.
        None => match fs::metadata(USUAL) {
            Ok(found) if found.is_dir() => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Ok(_) | Err(_) => Some(PathBuf::from(USUAL)),
        },
    }
}

/// Warns where others on this machine may read a file that holds secrets.
pub(crate) fn warn_of_readers(path: &Path, what: &str) {
    let open = fs::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o077 != 0);
    if open {
        let path = path.display();
        output::note(&format!(
            "warning: {path} holds {what} and others may read it; run chmod 600 {path}"
        ));
    }
}

/// Parses the command line, with variables from `env`.
///
/// # Errors
/// What was typed wrong, or the help asked for.
pub(crate) fn parse(env: &Environment) -> Result<Cli, clap::Error> {
    let mut command = filled(Cli::command(), env);
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn filled(command: Command, env: &Environment) -> Command {
    command
        .mut_args(|arg| with_variable(arg, env))
        .mut_subcommands(|verb| filled(verb, env))
}

/// An argument whose variable is not just as this process has it: the parser knows only those.
fn with_variable(arg: Arg, env: &Environment) -> Arg {
    let Some(name) = arg.get_env().map(ToOwned::to_owned) else {
        return arg;
    };
    let value = name
        .to_str()
        .and_then(|name| env.var(name))
        .unwrap_or_default();
    let set = std::env::var_os(&name).unwrap_or_default();
    match value {
        // An empty variable says nothing.
        "" => arg.env(None::<&str>),
        value if set == value => arg,
        value => arg
            .env(None::<&str>)
            .default_value(value.to_owned())
            .hide_default_value(true),
    }
}

#[cfg(test)]
mod tests;
