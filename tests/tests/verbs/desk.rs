//! Somebody at a command line: a daemon of their own, an empty home, and what they read.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use trunkline_tests::{Daemon, Setup, run, trunkline};

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A node with the development keys, and a home without any file.
pub(crate) struct Desk {
    pub(crate) daemon: Daemon,
    pub(crate) home: TempDir,
}

/// What a verb said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let setup = Setup {
            without_agent: true,
            ..Setup::default()
        };
        Self {
            daemon: Daemon::start(&setup),
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The binary aimed at the node.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = at(self.home.path(), args);
        command.args(["--url", &self.daemon.url(), "--dev"]);
        command
    }

    /// Runs a verb to its end.
    pub(crate) fn say(&self, args: &[&str]) -> Said {
        said(&mut self.command(args))
    }

    /// Runs a verb that must succeed, with `--json`, and reads its one document.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let said = self.say(&[args, &["--json"]].concat());
        assert_eq!(said.code, Some(0), "{args:?}: {}", said.err);
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
    }

    /// Runs a verb that must succeed, and gives its words.
    pub(crate) fn words(&self, args: &[&str]) -> String {
        let said = self.say(args);
        assert_eq!(said.code, Some(0), "{args:?}: {}", said.err);
        said.out
    }

    /// Starts a verb that stays.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// The binary with a home, and without this machine's settings.
pub(crate) fn at(home: &Path, args: &[&str]) -> Command {
    let mut command = trunkline();
    command.args(args).env("HOME", home).env("TZ", "UTC");
    command
}

/// Runs to the end.
pub(crate) fn said(command: &mut Command) -> Said {
    from(run(command, LIMIT))
}

pub(crate) fn from(output: Output) -> Said {
    Said {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
