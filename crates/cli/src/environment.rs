//! The variables that count: those of this process, and beneath them those of `.env`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use trunkline_service::config::{Environment, Report};

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
    if let Some(path) = file(&Environment::of_process()) {
        warn_of_readers(&path, "secrets");
    }
    again().map_err(|report| failure::config(&report))
}

/// The same, of a file that may have changed since.
///
/// # Errors
/// Every mistake of the file.
pub(crate) fn again() -> Result<Environment, Report> {
    let process = Environment::of_process();
    let Some(path) = file(&process) else {
        return Ok(process);
    };
    let mut report = Report::new();
    let env = process.over_file(&path, &mut report);
    report.finish(Some(env))
}

/// Where the file is, or would be.
pub(crate) fn place() -> PathBuf {
    let process = Environment::of_process();
    PathBuf::from(process.var(NAMED).unwrap_or(USUAL))
}

fn file(process: &Environment) -> Option<PathBuf> {
    match process.var(NAMED) {
        Some("") => None,
        Some(named) => Some(PathBuf::from(named)),
        // A directory of this name is somebody's Python, a pipe would be waited for, and one that
        // cannot be looked at is worth a word.
        None => match fs::metadata(USUAL) {
            Ok(found) if !found.is_file() => {
                output::note("warning: .env is no file, so that nothing is read from it");
                None
            }
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
