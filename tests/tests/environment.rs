//! `.env` as an operator uses it.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use trunkline_tests::{root, run, trunkline};

const LIMIT: Duration = Duration::from_secs(60);

/// A directory with a `.env` of this text and mode.
fn desk(text: &str, mode: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(".env");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    dir
}

fn at(dir: &Path, args: &[&str]) -> Command {
    let mut command = trunkline();
    command
        .args(args)
        .env_remove("TRUNKLINE_ENV_FILE")
        .env("HOME", dir)
        .current_dir(dir);
    command
}

fn told(command: &mut Command) -> (Output, String) {
    let output = run(command, LIMIT);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, text)
}

/// `.env.example` said "copy to .env", and nothing read it.
#[test]
fn the_file_fills_the_configuration_and_the_flags_and_the_environment_wins() {
    let config = root().join("config").display().to_string();
    let text = format!(
        "# written by hand\r\nexport TRUNKLINE_SIP_UDP=127.0.0.1:5099\r\n\
         TRUNKLINE_CONSOLE='127.0.0.1:7999' # a comment\nTRUNKLINE_CONFIG=\"{config}\"\n\
         LIVEKIT_API_KEY=APIfile\nLIVEKIT_API_SECRET=\"a secret of the file\"\n"
    );
    let dir = desk(&text, 0o600);
    let mut show = at(dir.path(), &["--json", "config", "show"]);
    let (output, said) = told(show.env("TRUNKLINE_CONSOLE", "127.0.0.1:7998"));
    assert!(output.status.success(), "{said}");
    assert!(said.is_empty(), "{said}");
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["gateway"]["udp"], "127.0.0.1:5099");
    assert_eq!(shown["monitoring"]["console"], "127.0.0.1:7998");
    assert_eq!(shown["livekit"]["api_key"], "APIfile");
    let all = String::from_utf8_lossy(&output.stdout);
    assert!(!all.contains("a secret of the file"), "{all}");

    let token = ["token", "create", "-i", "alice", "-r", "lobby"];
    let (made, said) = told(&mut at(dir.path(), &token));
    assert!(made.status.success(), "{said}");
    assert!(said.contains("LIVEKIT_API_KEY"), "{said}");
}

#[test]
fn a_file_that_others_may_read_is_worth_a_warning() {
    let config = root().join("config").display().to_string();
    let dir = desk("", 0o644);
    let check = ["config", "check", "--config", &config];
    let (output, said) = told(&mut at(dir.path(), &check));
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("warning: .env") && said.contains("chmod 600 .env"),
        "{said}"
    );
}

#[test]
fn a_mistake_ends_the_start_with_its_line_and_help_is_given_all_the_same() {
    let dir = desk("GOOD=1\nLIVEKIT_API_SECRET \"hunter2\"\n", 0o600);
    let (output, said) = told(&mut at(dir.path(), &["config", "check"]));
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains(".env:2:"), "{said}");
    assert!(
        said.contains("NAME=value") && !said.contains("hunter2"),
        "{said}"
    );
    let (output, _) = told(&mut at(dir.path(), &["--help"]));
    assert!(output.status.success());
}

#[test]
fn another_file_may_be_named_and_must_be_there() {
    let config = root().join("config").display().to_string();
    let dir = desk("TRUNKLINE_SIP_UDP=127.0.0.1:5098\n", 0o600);
    fs::rename(dir.path().join(".env"), dir.path().join("prod.env")).unwrap();
    let show = ["--json", "config", "show", "--config", &config];
    let named = |file: &str| told(at(dir.path(), &show).env("TRUNKLINE_ENV_FILE", file));
    let (output, said) = named("prod.env");
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!(shown["gateway"]["udp"], "127.0.0.1:5098");
    let (output, said) = named("none.env");
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("none.env: cannot be read"), "{said}");
}
