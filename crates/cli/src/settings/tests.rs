use std::path::PathBuf;

use super::*;

fn global(dir: PathBuf) -> Global {
    Global {
        url: None,
        api_key: None,
        api_secret: None,
        config: dir,
        json: false,
        verbose: 0,
    }
}

fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

fn dir_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn problems(files: &[(&str, &str)]) -> String {
    let dir = dir_with(files);
    load(&global(dir.path().to_owned()), &Environment::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn the_files_that_ship_are_sound() {
    let settings = load(&global(shipped()), &Environment::default()).unwrap();
    assert_eq!(settings.livekit.server, Server::Embedded);
    assert_eq!(settings.livekit.url, "ws://127.0.0.1:7880");
    assert_eq!(settings.sip_setup.rules[0].trunks, ["local"]);
    assert!(settings.agent.is_some());
}

#[test]
fn variables_reach_the_values() {
    let env = Environment::from([
        ("LIVEKIT_API_KEY", "APIx"),
        ("LIVEKIT_API_SECRET", "very secret"),
        ("TRUNKLINE_HTTP", "127.0.0.1:9999"),
    ]);
    let settings = load(&global(shipped()), &env).unwrap();
    assert_eq!(settings.livekit.keys().unwrap().active().id(), "APIx");
    assert_eq!(settings.livekit.url, "ws://127.0.0.1:9999");
    let shown = serde_json::to_string(&settings).unwrap();
    assert!(!shown.contains("very secret"), "{shown}");
}

#[test]
fn every_problem_of_every_file_is_reported_in_one_run() {
    let text = problems(&[
        (
            "livekit.yaml",
            "sip:\n  answer: on_agnet\n  rtp_ports: 9-1\n",
        ),
        ("monitoring.yaml", "log:\n  level: loud\n"),
        ("retry_policies.yaml", "api:\n  attempts: 0\n  base: soon\n"),
    ]);
    for part in [
        "on_agnet",
        "did you mean `on_agent`?",
        "9-1",
        "loud",
        "soon",
        "5 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_rule_must_name_a_trunk_of_the_file() {
    let text = problems(&[(
        "livekit-sip-correct.yaml",
        "trunks:\n  - key: local\n    allowed_addresses: [127.0.0.1]\nrules:\n  - key: a\n    trunks: [loca]\n    direct: {room: r}\n",
    )]);
    assert!(text.contains("did you mean `local`?"), "{text}");
}

#[test]
fn a_trunk_open_to_everyone_is_refused() {
    let text = problems(&[(
        "livekit-sip-correct.yaml",
        "trunks:\n  - key: open\n    numbers: ['+1']\n",
    )]);
    assert!(
        text.contains("lets anyone on the network call in"),
        "{text}"
    );
}

#[test]
fn plain_text_to_another_machine_must_be_allowed_by_name() {
    let remote = (
        "livekit.yaml",
        "livekit:\n  server: remote\n  url: ws://10.0.0.9:7880\n",
    );
    let text = problems(&[remote]);
    assert!(text.contains("not encrypted"), "{text}");
    let allowed = (
        "security.yaml",
        "transport:\n  allow_plaintext: [10.0.0.9]\n",
    );
    let dir = dir_with(&[remote, allowed]);
    assert!(load(&global(dir.path().to_owned()), &Environment::default()).is_ok());
}
