//! The configuration files, as they are read again.

use std::path::PathBuf;

use trunkline_service::config::Report;
use trunkline_service::watch::Watch;

use crate::settings::{FILES, Home, SIP, Settings};

/// How the files are read again.
pub(crate) struct ConfigFiles<F> {
    /// Where each may be.
    paths: Vec<PathBuf>,
    /// Those that were there when they were last in force: one that goes is a mistake.
    there: Vec<PathBuf>,
    sip: Option<PathBuf>,
    pub(super) watch: Watch,
    read: F,
}

impl<F: Fn() -> Result<Settings, Report>> ConfigFiles<F> {
    /// To be made before the settings are read for the first time. The files that are built in do not
    /// change; the one of `variables` may come and go.
    pub(crate) fn new(home: &Home, variables: PathBuf, read: F) -> Self {
        let paths = FILES.iter().filter_map(|(name, _)| home.on_disk(name));
        let paths: Vec<PathBuf> = paths.collect();
        Self {
            there: present(&paths),
            sip: home.on_disk(SIP),
            watch: Watch::new(paths.iter().cloned().chain([variables])),
            paths,
            read,
        }
    }

    /// They are in force as they are there.
    pub(super) fn in_force(&mut self) {
        self.there = present(&self.paths);
    }

    /// The settings, or what is wrong with them; nothing while they are being written.
    pub(super) fn read(&mut self) -> Option<Result<Settings, String>> {
        let Self {
            there, watch, read, ..
        } = self;
        watch.read(|| {
            if let Some(gone) = there.iter().find(|path| !path.exists()) {
                return Err(format!("{} is not there", gone.display()));
            }
            read().map_err(|report| report.to_string())
        })
    }

    /// Whether there is nothing but comments in the file of trunks and rules: what an editor or a full
    /// disk leaves for a moment.
    pub(super) fn is_blank(&self) -> bool {
        let text = self.sip.as_ref().map(std::fs::read_to_string);
        text.is_some_and(|text| text.is_ok_and(|text| is_blank(&text)))
    }
}

fn present(paths: &[PathBuf]) -> Vec<PathBuf> {
    let there = paths.iter().filter(|path| path.exists());
    there.cloned().collect()
}

fn is_blank(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines.all(|line| line.is_empty() || line.starts_with('#') || line == "---")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_nothing_or_comments_is_blank() {
        for blank in ["", "\n \n", "# trunks: []\n---\n"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        assert!(!is_blank("# none\ntrunks: []\n"));
    }
}
