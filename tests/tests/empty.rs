//! The binary alone, in a directory with nothing in it.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use trunkline_tests::{Daemon, Setup, root, run, trunkline};

const LIMIT: Duration = Duration::from_secs(60);

fn typed(dir: &Path, args: &[&str]) -> Output {
    run(trunkline().current_dir(dir).args(args), LIMIT)
}

fn both(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_runs_with_nothing_beside_it() {
    let daemon = Daemon::start(&Setup {
        bare: true,
        env: vec![("TRUNKLINE_ROLES", "node,sip,egress,console".to_owned())],
        ..Setup::default()
    });
    let url = format!("http://{}/readyz", daemon.addr("console"));
    let ready = reqwest::get(url).await.unwrap();
    assert!(ready.status().is_success(), "{}", daemon.log());
    // Phones of this machine are let in, as by the file that ships.
    let rules: Value = serde_json::from_slice(
        &typed(
            &root(),
            &[
                "sip",
                "dispatch",
                "list",
                "--json",
                "--dev",
                "--url",
                &daemon.url(),
            ],
        )
        .stdout,
    )
    .unwrap();
    assert!(rules.to_string().contains("One room a call"), "{rules}");
    assert_eq!(daemon.stop(Signal::SIGTERM), Some(0));
}

#[test]
fn what_is_built_in_is_what_ships() {
    let dir = tempfile::tempdir().unwrap();
    let built_in = typed(dir.path(), &["config", "show"]);
    let shipped = typed(&root(), &["config", "show"]);
    assert!(built_in.status.success(), "{}", both(&built_in));
    let read = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    assert_eq!(read(&built_in), read(&shipped));
    let checked = both(&typed(dir.path(), &["config", "check"]));
    assert!(
        checked.contains("built-in") && checked.contains("trunkline init"),
        "{checked}"
    );
    assert!(typed(dir.path(), &["models", "list"]).status.success());
}

#[test]
fn init_writes_what_ships_and_replaces_nothing_untold() {
    let dir = tempfile::tempdir().unwrap();
    let made = both(&typed(dir.path(), &["init"]));
    for file in fs::read_dir(root().join("config")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let text = |dir: &Path| fs::read_to_string(dir.join("config").join(&name)).unwrap();
        assert_eq!(text(dir.path()), text(&root()), "{name}");
        assert!(made.contains(&format!("wrote     config/{name}")), "{made}");
    }
    assert!(dir.path().join(".env.example").exists());
    assert!(typed(dir.path(), &["config", "check"]).status.success());
    let mine = dir.path().join("config/agent.yaml");
    fs::write(&mine, "agent_name: mine\n").unwrap();
    fs::remove_file(dir.path().join("config/livekit.yaml")).unwrap();
    let again = typed(dir.path(), &["init", "--json"]);
    let told: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(told["written"], serde_json::json!(["config/livekit.yaml"]));
    assert_eq!(fs::read_to_string(&mine).unwrap(), "agent_name: mine\n");
    assert!(typed(dir.path(), &["init", "--force"]).status.success());
    assert!(fs::read_to_string(&mine).unwrap().contains("Swift Parcel"));
}

/// Each of them passed for a folder whose defaults were wanted.
#[test]
fn a_folder_that_is_named_must_be_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::create_dir(dir.path().join("yml")).unwrap();
    fs::write(dir.path().join("yml/livekit.yml"), "").unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    for (named, why) in [
        ("missing", "is not there"),
        ("config", "is not there"),
        ("empty", "holds no configuration"),
        ("yml", "name it livekit.yaml"),
        ("file", "is not a directory"),
    ] {
        for verb in [
            &["config", "check"][..],
            &["serve", "--dev"],
            &["token", "create", "--dev"],
        ] {
            let args: Vec<&str> = verb.iter().copied().chain(["--config", named]).collect();
            let output = typed(dir.path(), &args);
            let said = both(&output);
            assert_eq!(output.status.code(), Some(78), "{args:?}: {said}");
            assert!(said.contains(why), "{args:?}: {said}");
        }
    }
    // The usual folder, with somebody else's files in it.
    fs::create_dir(dir.path().join("config")).unwrap();
    fs::write(dir.path().join("config/database.toml"), "").unwrap();
    let said = both(&typed(dir.path(), &["serve", "--dev"]));
    assert!(
        said.contains("config: holds no configuration") && said.contains("init"),
        "{said}"
    );
    let args = [
        "token",
        "create",
        "--dev",
        "-i",
        "ann",
        "-r",
        "lobby",
        "--token-only",
    ];
    let made = typed(dir.path(), &args);
    assert!(made.status.success(), "{}", both(&made));
}
