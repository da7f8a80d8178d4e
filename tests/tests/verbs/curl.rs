//! `--curl`: the command is printed, it holds no secret, and it works.

use std::process::Command;

use serde_json::Value;
use trunkline_tests::{binary, peer, run};

use crate::desk::{Desk, LIMIT, Said, at, from, said};

/// Runs a printed command through a shell that finds the binary by its name.
fn shell(desk: &Desk, command: &str, env: &[(&str, &str)]) -> Said {
    let bin = binary();
    let mut path = vec![bin.parent().unwrap().to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    let mut sh = Command::new("sh");
    sh.arg("-c").arg(command);
    sh.env("PATH", std::env::join_paths(path).unwrap());
    sh.env("HOME", desk.home.path());
    sh.envs(env.iter().copied());
    sh.current_dir(trunkline_tests::root());
    from(run(&mut sh, LIMIT))
}

#[test]
fn a_printed_command_does_what_the_verb_does() {
    if peer("curl").is_none() {
        return;
    }
    let desk = Desk::new();
    let create = [
        "room",
        "create",
        "it's a lobby",
        "--metadata",
        "$(reboot) \"x\"",
    ];
    let printed = desk.words(&[&create[..], &["--curl"]].concat());
    assert!(printed.starts_with("curl "), "{printed}");
    assert!(!printed.contains("secret"), "{printed}");
    assert!(!printed.contains("eyJ"), "a token is in it: {printed}");
    assert_eq!(desk.json(&["room", "list"])["rooms"], serde_json::json!([]));

    let said = shell(&desk, &printed, &[]);
    assert_eq!(said.code, Some(0), "{printed}\n{}\n{}", said.out, said.err);
    let made: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(made["name"], "it's a lobby");
    assert_eq!(made["metadata"], "$(reboot) \"x\"");
}

#[test]
fn every_right_is_given_by_the_printed_token() {
    if peer("curl").is_none() {
        return;
    }
    let desk = Desk::new();
    desk.words(&["room", "create", "lobby"]);
    let verbs: [&[&str]; 6] = [
        &["room", "list"],
        &["room", "participants", "list", "lobby"],
        &["room", "update", "lobby", "--metadata", "x"],
        &["dispatch", "create", "--room", "lobby", "--agent-name", "a"],
        &["sip", "inbound", "list"],
        &["room", "delete", "lobby"],
    ];
    for verb in verbs {
        let printed = desk.words(&[verb, &["--curl"]].concat());
        let said = shell(&desk, &printed, &[]);
        assert_eq!(said.code, Some(0), "{printed}\n{}\n{}", said.out, said.err);
        let _answer: Value = serde_json::from_str(&said.out).unwrap();
    }
    assert_eq!(desk.json(&["room", "list"])["rooms"], serde_json::json!([]));
}

#[test]
fn a_typed_secret_and_a_password_become_variables() {
    if peer("curl").is_none() {
        return;
    }
    let desk = Desk::new();
    let keys = ["--api-key", "devkey", "--api-secret", "secret"];
    let create = [
        "sip",
        "inbound",
        "create",
        "--name",
        "office",
        "--numbers",
        "+1510",
    ];
    let login = ["--auth-user", "me", "--auth-pass", "hush hush", "--curl"];
    let url = desk.daemon.url();
    let args = [&create[..], &login, &keys, &["--url", &url]].concat();
    let printed = said(&mut at(desk.home.path(), &args));
    assert_eq!(printed.code, Some(0), "{}", printed.err);
    let command = &printed.out;
    assert!(
        !command.contains("hush") && !command.contains("secret"),
        "{command}"
    );
    for variable in ["AUTH_PASSWORD", "LIVEKIT_API_SECRET"] {
        assert!(printed.err.contains(variable), "{}", printed.err);
    }
    let env = [
        ("AUTH_PASSWORD", "hush hush"),
        ("LIVEKIT_API_SECRET", "secret"),
    ];
    let made = shell(&desk, command, &env);
    assert_eq!(made.code, Some(0), "{command}\n{}\n{}", made.out, made.err);
    let listed = desk.json(&["sip", "inbound", "list"]);
    let items = listed["items"].as_array().unwrap();
    let office = items.iter().find(|item| item["name"] == "office").unwrap();
    assert_eq!(office["authUsername"], "me");
}
