//! What the black-box tests share: the built binary, a daemon on free ports, and real peers.

mod daemon;
mod kamailio;
pub mod line;
mod peer;

pub use daemon::{Daemon, Setup, WITH_INGRESS, livekit_yaml};
pub use kamailio::{Kamailio, free_port};
pub use peer::{node, peer, python, run};

use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's directory.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// The built binary, which stands beside the program that asks or one directory above it.
///
/// # Panics
/// When it is not built.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let mut near = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join("trunkline"));
    let Some(binary) = near.find(|file| file.is_file()) else {
        panic!(
            "trunkline is not built near {}: cargo build -p trunkline",
            own.display()
        );
    };
    binary
}

/// Where the speech models are: where they are said to be, or where the binary would look.
fn models() -> Option<PathBuf> {
    let dir = |name: &str| {
        let found = std::env::var_os(name).filter(|dir| !dir.is_empty())?;
        Some(PathBuf::from(found))
    };
    let data = || dir("XDG_DATA_HOME").or_else(|| Some(dir("HOME")?.join(".local/share")));
    dir("TRUNKLINE_MODELS").or_else(|| Some(data()?.join("trunkline/models")))
}

/// The binary with an environment of its own: nothing of the caller's settings reaches it.
pub fn trunkline() -> Command {
    alone(&binary())
}

/// The same with another build.
fn alone(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        let ours = ["LIVEKIT_", "TRUNKLINE_", "OPENAI_", "SIP_"];
        if ours.iter().any(|prefix| name_text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    if let Some(models) = models() {
        command.env("TRUNKLINE_MODELS", models);
    }
    // A home without projects: those of who runs the tests would count otherwise.
    command.env("HOME", "/nonexistent");
    // Each start would make the same sentences anew.
    command.env("TRUNKLINE_VOICE_CACHE", binary.with_file_name("voice"));
    // Nor do those of a developer at work in this directory.
    command.env("TRUNKLINE_ENV_FILE", "");
    command.current_dir(root());
    command
}
