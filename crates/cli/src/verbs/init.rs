//! `init`: the configuration files as they ship, written to be changed.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use trunkline_base::class::Class;

use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::settings::{FILES, USUAL};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  trunkline init")]
pub(crate) struct Init {
    /// Replace files that are there already
    #[arg(long, short)]
    pub(crate) force: bool,
}

/// The variables that the files name, for `.env` in the working directory.
const VARIABLES: (&str, &str) = (".env.example", include_str!("../../../../.env.example"));

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Written,
    Replaced,
    /// It was there, and it stays.
    Kept,
}

pub(crate) fn run(typed: &Init, global: &Global) -> Result<(), Failure> {
    let dir = global.config.clone().unwrap_or_else(|| USUAL.into());
    fs::create_dir_all(&dir).map_err(|error| cannot("make", &dir, &error))?;
    let mut files: Vec<(PathBuf, &str)> = Vec::new();
    files.extend(FILES.iter().map(|(name, text)| (dir.join(name), *text)));
    files.push((PathBuf::from(VARIABLES.0), VARIABLES.1));
    let mut fates = Vec::new();
    for (path, text) in files {
        let fate = write(&path, text, typed.force);
        fates.push((fate.map_err(|error| cannot("write", &path, &error))?, path));
    }
    tell(&fates, &dir, global);
    Ok(())
}

/// Writes a file. What is there stays, unless `force` says otherwise; then it is either the old or
/// the new file at every moment.
fn write(path: &Path, text: &str, force: bool) -> io::Result<Fate> {
    match File::create_new(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            Ok(Fate::Written)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && !force => Ok(Fate::Kept),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && !path.is_dir() => {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(".new");
            let new = path.with_file_name(name);
            fs::write(&new, text)?;
            fs::rename(&new, path)?;
            Ok(Fate::Replaced)
        }
        Err(error) => Err(error),
    }
}

fn tell(fates: &[(Fate, PathBuf)], dir: &Path, global: &Global) {
    let of = |wanted: &[Fate]| -> Vec<&Path> {
        let found = fates.iter().filter(|(fate, _)| wanted.contains(fate));
        found.map(|(_, path)| path.as_path()).collect()
    };
    if global.json {
        return output::json(&json!({
            "written": of(&[Fate::Written, Fate::Replaced]),
            "kept": of(&[Fate::Kept]),
        }));
    }
    for (fate, path) in fates {
        let path = path.display();
        output::line(&match fate {
            Fate::Written => format!("wrote     {path}"),
            Fate::Replaced => format!("replaced  {path}"),
            Fate::Kept => format!("kept      {path}, which was there already"),
        });
    }
    if fates.iter().any(|(fate, _)| *fate == Fate::Kept) {
        global.tell("--force replaces what was there");
    }
    let named = match &global.config {
        Some(_) => format!(" --config {}", dir.display()),
        None => String::new(),
    };
    global.tell(&format!(
        "next: trunkline serve --dev{named}; after a change: trunkline config check{named}"
    ));
}

fn cannot(act: &str, path: &Path, error: &io::Error) -> Failure {
    let class = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Class::Denied,
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => Class::Conflict,
        _ => Class::Unavailable,
    };
    let text = format!("cannot {act} {}: {error}", path.display());
    Failure::new(class, "init.write", text).or_else("name another folder with --config DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_until_told_otherwise() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("livekit.yaml");
        assert_eq!(write(&path, "shipped", false).unwrap(), Fate::Written);
        fs::write(&path, "mine").unwrap();
        assert_eq!(write(&path, "shipped", false).unwrap(), Fate::Kept);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(write(&path, "shipped", true).unwrap(), Fate::Replaced);
        assert_eq!(fs::read_to_string(&path).unwrap(), "shipped");
        let left = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(left, 1, "nothing else is left behind");
    }

    #[test]
    fn a_folder_in_the_place_of_a_file_is_nothing_to_replace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.yaml");
        fs::create_dir(&path).unwrap();
        assert!(write(&path, "shipped", true).is_err());
        assert!(path.is_dir());
    }
}
