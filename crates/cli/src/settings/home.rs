//! Where the configuration is: a folder, or the files that this program carries.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use trunkline_service::config::{Report, Source};

use crate::global::Global;

/// The folder that counts where none is named.
pub(crate) const USUAL: &str = "config";

/// The file of the telephone's side.
pub(crate) const SIP: &str = "livekit-sip-correct.yaml";

/// Every file of the configuration, as it ships.
pub(crate) const FILES: &[(&str, &str)] = &[
    (
        "livekit.yaml",
        include_str!("../../../../config/livekit.yaml"),
    ),
    (
        SIP,
        include_str!("../../../../config/livekit-sip-correct.yaml"),
    ),
    (
        "retry_policies.yaml",
        include_str!("../../../../config/retry_policies.yaml"),
    ),
    (
        "monitoring.yaml",
        include_str!("../../../../config/monitoring.yaml"),
    ),
    (
        "security.yaml",
        include_str!("../../../../config/security.yaml"),
    ),
    ("agent.yaml", include_str!("../../../../config/agent.yaml")),
];

/// Where the configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// A folder that was named, or the usual one, which is there.
    Folder(PathBuf),
    /// Nothing was named, and the usual folder is not there.
    BuiltIn,
}

impl Home {
    pub(crate) fn of(global: &Global) -> Self {
        let usual = Path::new(USUAL);
        match &global.config {
            Some(named) => Self::Folder(named.clone()),
            None => match usual.symlink_metadata() {
                Err(error) if error.kind() == ErrorKind::NotFound => Self::BuiltIn,
                Ok(_) | Err(_) => Self::Folder(usual.to_owned()),
            },
        }
    }

    /// How a person is told of it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Folder(dir) => dir.display().to_string(),
            Self::BuiltIn => "the built-in configuration".to_owned(),
        }
    }

    /// How a person is told of one of its files.
    pub(crate) fn path(&self, name: &str) -> String {
        match self {
            Self::Folder(dir) => dir.join(name).display().to_string(),
            Self::BuiltIn => format!("the built-in {name}"),
        }
    }

    /// Where one of its files is, if it is in a folder.
    pub(crate) fn on_disk(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(dir) => Some(dir.join(name)),
            Self::BuiltIn => None,
        }
    }

    /// One of its files. What a folder does not hold takes its defaults.
    pub(super) fn file(&self, name: &str, report: &mut Report) -> Option<Source> {
        let text = match self {
            Self::Folder(dir) if is_there(&dir.join(name)) => {
                return Source::read(&dir.join(name), report);
            }
            Self::Folder(_) => "",
            Self::BuiltIn => shipped(name),
        };
        Some(Source::new(self.path(name), text))
    }

    /// Whether one of its files is there.
    pub(super) fn holds(&self, name: &str) -> bool {
        match self {
            Self::Folder(dir) => is_there(&dir.join(name)),
            Self::BuiltIn => true,
        }
    }

    /// Whether it can be what is meant: a folder that is empty, or that this user may not enter,
    /// must not pass for one whose defaults are wanted.
    pub(super) fn judge(&self, report: &mut Report) {
        if let Self::Folder(dir) = self {
            look_into(dir, report);
        }
    }
}

/// A file as it ships.
pub(super) fn shipped(name: &str) -> &'static str {
    let file = FILES.iter().find(|(known, _)| *known == name);
    file.map_or("", |(_, text)| text)
}

fn look_into(dir: &Path, report: &mut Report) {
    let name = dir.display().to_string();
    let remedy = "name another with --config DIR, or have the files written: trunkline init";
    if dir.metadata().is_ok_and(|found| !found.is_dir()) {
        return report.file(&name, "is not a directory", remedy.to_owned());
    }
    let entries = match dir.read_dir() {
        Ok(entries) => entries.filter_map(Result::ok),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return report.file(&name, "is not there", remedy.to_owned());
        }
        Err(error) => {
            let what = format!("cannot be read: {error}");
            let remedy = "let the user who runs this enter and read it".to_owned();
            return report.file(&name, what, remedy);
        }
    };
    let names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for typed in &names {
        if let Some(known) = misspelt(typed) {
            let file = dir.join(typed).display().to_string();
            report.file(&file, "is not read", format!("name it {known}"));
        }
    }
    let known = |name: &String| FILES.iter().any(|(known, _)| known == name);
    if report.is_empty() && !names.iter().any(known) {
        let all: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        let what = format!("holds no configuration: none of {}", all.join(", "));
        report.file(&name, what, remedy.to_owned());
    }
}

/// The name that a file should have: `.yml`, another case, or an ending that an editor put behind.
fn misspelt(typed: &str) -> Option<&'static str> {
    let plain = typed.to_ascii_lowercase();
    let plain = plain.strip_suffix(".txt").unwrap_or(&plain);
    let stem = plain
        .strip_suffix(".yml")
        .or_else(|| plain.strip_suffix(".yaml"))?;
    let (known, _) = FILES
        .iter()
        .find(|(known, _)| known.strip_suffix(".yaml") == Some(stem))?;
    (*known != typed).then_some(known)
}

/// Whether a file is there; one that cannot be looked at is, and reading it will say why not.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok() || path.try_exists().unwrap_or(true)
}
