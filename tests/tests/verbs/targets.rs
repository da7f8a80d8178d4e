//! Which server a verb talks to: flags, variables, and the files of `lk`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::desk::{Desk, Said, at, said};

/// Writes `~/.livekit/cli-config.yaml` with the node as project `here`.
fn projects(desk: &Desk, default: &str, mode: u32) {
    let dir = desk.home.path().join(".livekit");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("cli-config.yaml");
    let text = format!(
        "default_project: {default}\nprojects:\n\
         \x20 - name: here\n    url: {}\n    api_key: devkey\n    api_secret: secret\n\
         \x20 - name: away\n    url: wss://away-1.example.com\n    api_key: a\n    api_secret: b\n",
        desk.daemon.url()
    );
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
}

/// In a directory without any configuration.
fn elsewhere(desk: &Desk, args: &[&str]) -> Command {
    let mut command = at(desk.home.path(), args);
    command.current_dir(desk.home.path());
    command
}

fn listed(said: &Said) {
    assert_eq!(said.code, Some(0), "{}", said.err);
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(document["rooms"].is_array(), "{}", said.out);
}

#[test]
fn a_project_is_found_by_name_by_default_and_by_the_directory() {
    let desk = Desk::new();
    projects(&desk, "here", 0o600);
    let list = ["room", "list", "--json"];
    let named = said(&mut elsewhere(
        &desk,
        &[&list[..], &["--project", "here"]].concat(),
    ));
    listed(&named);
    assert!(named.err.contains("Using project [here]"), "{}", named.err);
    assert!(!named.err.contains("warning"), "{}", named.err);
    let default = said(&mut elsewhere(&desk, &list));
    listed(&default);
    assert!(
        default.err.contains("default project [here]"),
        "{}",
        default.err
    );
    let quiet = said(&mut elsewhere(&desk, &[&list[..], &["-q"]].concat()));
    listed(&quiet);
    assert_eq!(quiet.err, "");

    // The directory's project comes before the default one: this one is away.
    let toml = desk.home.path().join("livekit.toml");
    fs::write(&toml, "[project]\nsubdomain = \"away-1\"\n").unwrap();
    let away = said(&mut elsewhere(&desk, &[&list[..], &["--curl"]].concat()));
    assert!(
        away.out.contains("https://away-1.example.com/"),
        "{}",
        away.out
    );
    assert!(away.out.contains("--project away"), "{}", away.out);
    assert!(away.err.contains("[away] of livekit.toml"), "{}", away.err);
    fs::write(&toml, "[project\n").unwrap();
    let broken = said(&mut elsewhere(&desk, &list));
    assert_eq!(broken.code, Some(64), "{}", broken.err);
    assert!(broken.err.contains("livekit.toml:1:"), "{}", broken.err);
}

#[test]
fn a_file_of_secrets_that_others_may_read_is_warned_of_and_left_alone() {
    let desk = Desk::new();
    projects(&desk, "here", 0o644);
    let file = desk.home.path().join(".livekit/cli-config.yaml");
    let before = fs::read_to_string(&file).unwrap();
    let said = said(&mut elsewhere(
        &desk,
        &["room", "list", "--json", "--quiet"],
    ));
    listed(&said);
    assert!(said.err.contains("chmod 600"), "{}", said.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn variables_win_over_files_and_are_named() {
    let desk = Desk::new();
    projects(&desk, "away", 0o600);
    let mut command = elsewhere(&desk, &["room", "list", "--json"]);
    command.env("LIVEKIT_URL", desk.daemon.url());
    command.env("LIVEKIT_API_KEY", "devkey");
    command.env("LIVEKIT_API_SECRET", "secret");
    let named = said(&mut command);
    listed(&named);
    assert!(named.err.contains("LIVEKIT_API_KEY"), "{}", named.err);
    assert!(!named.err.contains("secret,"), "{}", named.err);
    let both = said(command.arg("--dev"));
    assert_eq!(both.code, Some(64), "{}", both.err);
    assert!(both.err.contains("--dev"), "{}", both.err);
}

#[test]
fn an_unknown_project_is_missing_with_those_there_are() {
    let desk = Desk::new();
    projects(&desk, "here", 0o600);
    let said = said(&mut elsewhere(
        &desk,
        &["room", "list", "--project", "hree"],
    ));
    assert_eq!(said.code, Some(66), "{}", said.err);
    assert!(said.err.contains("here, away"), "{}", said.err);
}

#[test]
fn a_wrong_secret_is_denied_and_says_whose_it_was() {
    let desk = Desk::new();
    let url = desk.daemon.url();
    let keys = [
        "--url",
        &url,
        "--api-key",
        "devkey",
        "--api-secret",
        "wrong",
    ];
    let said = said(&mut elsewhere(
        &desk,
        &[&["room", "list"][..], &keys].concat(),
    ));
    assert_eq!(said.code, Some(77), "{}", said.err);
    assert!(
        said.err
            .contains("remedy: check the API key and secret, given by flags"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("wrong"), "{}", said.err);
}

#[test]
fn plain_text_to_another_machine_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let keys = [
        "--url",
        "ws://192.0.2.1:7880",
        "--api-key",
        "k",
        "--api-secret",
        "s",
    ];
    let args = [&["room", "list"][..], &keys].concat();
    let said = said(&mut at(home.path(), &args));
    assert_eq!(said.code, Some(78), "{}", said.err);
    assert!(said.err.contains("not encrypted"), "{}", said.err);
}

#[test]
fn without_anything_the_ways_to_keys_are_named() {
    let home = tempfile::tempdir().unwrap();
    let mut command = at(home.path(), &["room", "list"]);
    let said = said(command.current_dir(home.path()));
    assert_eq!(said.code, Some(77), "{}", said.err);
    for way in ["LIVEKIT_API_KEY", "--project", "--dev"] {
        assert!(said.err.contains(way), "{way}: {}", said.err);
    }
}
