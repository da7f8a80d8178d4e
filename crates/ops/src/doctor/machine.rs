//! What must be on the disk: room and rights for what is kept, and the agent's models.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::finding::Finding;
use super::patient::{AgentModels, Patient};

pub(super) const STORE: &str = "store";
pub(super) const MODELS: &str = "models";

pub(super) async fn store(patient: Arc<Patient>) -> Vec<Finding> {
    let files = patient.store.clone();
    let looked = spawn_blocking(move || {
        let mut found =
            vec![folder(&parent(&files.store)).about(files.store.display().to_string())];
        found.extend(readers(&files.store));
        found.extend(
            files
                .recordings
                .map(|dir| folder(&dir).about(dir.display().to_string())),
        );
        found
    });
    looked
        .await
        .unwrap_or_else(|_| vec![Finding::warn(STORE, "could not be looked at", "try again")])
}

fn parent(file: &Path) -> PathBuf {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
    dir.unwrap_or_else(|| Path::new(".")).to_owned()
}

/// Whether a folder, or the nearest there is of it, can be written to and has room.
fn folder(wanted: &Path) -> Finding {
    let Some(dir) = wanted
        .ancestors()
        .find(|dir| dir.is_dir() || dir.as_os_str().is_empty())
    else {
        let seen = format!("there is no {}", wanted.display());
        return Finding::fail(STORE, seen, "choose another store.path");
    };
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    if let Err(error) = writes(dir) {
        let seen = format!("{} cannot be written to: {error}", dir.display());
        let remedy = "give the user that runs trunkline the right to write there, or choose another \
                      store.path (TRUNKLINE_STORE, TRUNKLINE_RECORDINGS)";
        return Finding::fail(STORE, seen, remedy);
    }
    let room = rustix::fs::statvfs(dir);
    room.map_or_else(
        |error| {
            Finding::warn(
                STORE,
                format!("its room is not known: {error}"),
                "look with `df`",
            )
        },
        |room| space(room.f_bavail.saturating_mul(room.f_frsize)),
    )
}

fn writes(dir: &Path) -> io::Result<()> {
    let name = format!(".trunkline-doctor-{:016x}", rand::random::<u64>());
    let path = dir.join(name);
    fs::write(&path, b"x")?;
    fs::remove_file(path)
}

fn space(free: u64) -> Finding {
    let seen = format!("can be written to; {} MB free", free / MB);
    let remedy = "make room: calls are refused when nothing can be kept any more; \
                  `retention` in security.yaml says what is kept how long";
    if free < LEAST {
        Finding::fail(STORE, seen, remedy)
    } else if free < AMPLE {
        Finding::warn(STORE, seen, remedy)
    } else {
        Finding::pass(STORE, seen)
    }
}

/// Who else may read what callers said.
fn readers(store: &Path) -> Option<Finding> {
    let mode = fs::metadata(store).ok()?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then(|| {
        let path = store.display();
        let seen = format!("everybody on this machine may read it (mode {mode:03o})");
        Finding::warn(STORE, seen, format!("chmod 600 {path}")).about(path.to_string())
    })
}

pub(super) fn models(patient: &Patient) -> Vec<Finding> {
    let Some(models) = &patient.models else {
        return vec![Finding::skip(MODELS, "there is no agent.yaml")];
    };
    vec![installed(models).about(models.dir.display().to_string())]
}

fn installed(models: &AgentModels) -> Finding {
    if models.missing.is_empty() {
        return Finding::pass(MODELS, format!("{} files, all there", models.there));
    }
    let seen = format!("missing: {}", models.missing.join(", "));
    Finding::fail(MODELS, seen, "trunkline models install")
}

const MB: u64 = 1 << 20;
const LEAST: u64 = 100 * MB;
/// A day of recordings of a busy line.
const AMPLE: u64 = 1024 * MB;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_folder_is_tried_and_nothing_stays_behind() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = dir.path().join("data/deep");
        assert_ne!(folder(&wanted).verdict, Verdict::Fail);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(writes(&file).is_err());
    }

    #[test]
    fn little_room_is_told_before_there_is_none() {
        assert_eq!(space(50 * MB).verdict, Verdict::Fail);
        assert_eq!(space(500 * MB).verdict, Verdict::Warn);
        assert_eq!(space(5000 * MB).verdict, Verdict::Pass);
    }

    #[test]
    fn a_store_that_everybody_may_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("trunkline.db");
        assert!(readers(&store).is_none());
        fs::write(&store, "").unwrap();
        for (mode, told) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(&store, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(readers(&store).is_some(), told, "{mode:o}");
        }
    }

    #[test]
    fn a_model_that_is_missing_is_named_with_the_verb_that_brings_it() {
        let models = AgentModels {
            dir: "/m".into(),
            missing: vec!["voice.onnx".to_owned()],
            there: 3,
        };
        let found = installed(&models);
        assert_eq!(found.verdict, Verdict::Fail);
        assert_eq!(found.remedy.as_deref(), Some("trunkline models install"));
    }
}
