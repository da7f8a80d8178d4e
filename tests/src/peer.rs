//! Real peers: found, or skipped by name. In CI a missing one is a failure.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::root;

/// A program on the path, or `None` after saying that the test is skipped.
///
/// # Panics
/// In CI, where no peer may be missing.
pub fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file());
    found.or_else(|| missing(name))
}

/// The Python that has the official SDKs.
///
/// # Panics
/// In CI, where it may not be missing.
pub fn python() -> Option<PathBuf> {
    let named = std::env::var_os("TRUNKLINE_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| root().join(".venv/bin/python"));
    if python.is_file() {
        Some(python)
    } else {
        missing("the Python with the LiveKit SDKs")
    }
}

/// Node with the official server SDK installed, running the peer's script.
///
/// # Panics
/// In CI, where neither may be missing.
pub fn node() -> Option<Command> {
    let node = peer("node")?;
    let here = root().join("peers/livekit-server-sdk-node");
    if !here.join("node_modules/livekit-server-sdk").is_dir() {
        return missing("the Node server SDK");
    }
    let mut command = Command::new(node);
    command.current_dir(&here).arg("peer.mjs");
    Some(command)
}

#[expect(clippy::print_stderr, reason = "a skip must be seen")]
fn missing<T>(name: &str) -> Option<T> {
    assert!(
        std::env::var_os("CI").is_none(),
        "{name} is missing; run `make test`, which installs it"
    );
    eprintln!("skipped: {name} is missing");
    None
}

/// Runs a program to its end, or kills it at the limit.
///
/// # Panics
/// When it cannot be started or does not end in time.
pub fn run(command: &mut Command, limit: Duration) -> Output {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let shown = format!("{command:?}");
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("{shown} does not start: {error}"),
    };
    let pid = child.id();
    let (tell, told) = mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let _ = tell.send(child.wait_with_output());
    });
    let end = told.recv_timeout(limit);
    if end.is_err() {
        let _ = kill(
            Pid::from_raw(i32::try_from(pid).unwrap_or(0)),
            Signal::SIGKILL,
        );
    }
    let _ = waiter.join();
    match end {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => panic!("{shown} failed: {error}"),
        Err(_) => panic!("{shown} did not end within {limit:?}"),
    }
}
