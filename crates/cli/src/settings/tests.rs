use std::path::{Path, PathBuf};

use super::*;

pub(super) fn global(dir: PathBuf) -> Global {
    Global {
        config: Some(dir),
        ..Global::default()
    }
}

fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

pub(super) fn dir_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

pub(super) fn problems(files: &[(&str, &str)]) -> String {
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

/// Only the file's own bytes were compared.
#[test]
fn a_variable_of_the_agents_file_makes_another_text_of_it() {
    let text = |key: &str| {
        let env = Environment::from([("OPENAI_API_KEY", key)]);
        load(&global(shipped()), &env).unwrap().agent_text
    };
    let one = text("sk-one");
    assert!(one.is_some());
    assert_eq!(one, text("sk-one"));
    assert_ne!(one, text("sk-two"));
    assert!(!format!("{one:?}").contains("sk-one"));
}

#[test]
fn every_problem_of_every_file_is_reported_in_one_run() {
    let text = problems(&[
        (
            "livekit.yaml",
            "sip:\n  answer: on_agnet\n  rtp_ports: 9-1\n  hold_limit: 0s\n",
        ),
        ("monitoring.yaml", "log:\n  level: loud\n"),
        ("retry_policies.yaml", "api:\n  attempts: 0\n  base: soon\n"),
    ]);
    for part in [
        "on_agnet",
        "did you mean `on_agent`?",
        "9-1",
        "`0s` is too short: a call on hold would end at once",
        "loud",
        "soon",
        "6 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
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

#[test]
fn every_knob_of_the_retries_reaches_the_client() {
    let text = "api:\n  attempts: 7\n  base: 50ms\n  cap: 9s\n  total: 8s\n  deadline: 6s\n  \
        background_deadline: 45s\n  dial_margin: 4s\n  retry_after_cap: 20s\n  throttled: 3s\n  \
        failover: never\n  budget: {capacity: 90, retry: 9, throttled: 2, refund: 3}\n  \
        breaker: {window: 10s, least: 8, share: 25, in_a_row: 3, open: 1s, open_cap: 11s, probes: 3}\n  \
        connections: {connect: 1s, idle: 2s, life: 3s, idle_per_host: 4, ping: 5s, plain: http2}\n";
    let dir = dir_with(&[("retry_policies.yaml", text)]);
    let settings = load(&global(dir.path().to_owned()), &Environment::default()).unwrap();
    let shown = serde_json::to_value(&settings.retries).unwrap();
    let expected = serde_json::json!({ "api": {
        "attempts": 7, "base_seconds": 0.05, "cap_seconds": 9.0, "total_seconds": 8.0,
        "deadline_seconds": 6.0, "background_deadline_seconds": 45.0, "dial_margin_seconds": 4.0,
        "retry_after_cap_seconds": 20.0, "throttled_seconds": 3.0, "failover": "never",
        "budget": {"capacity": 90, "retry": 9, "throttled": 2, "refund": 3},
        "breaker": {
            "window_seconds": 10.0, "least": 8, "share": 25, "in_a_row": 3, "open_seconds": 1.0,
            "open_cap_seconds": 11.0, "probes": 3,
        },
        "connections": {
            "connect_seconds": 1.0, "idle_seconds": 2.0, "life_seconds": 3.0, "idle_per_host": 4,
            "ping_seconds": 5.0, "plain": "http2",
        },
    }});
    assert_eq!(shown, expected);
    assert_eq!(settings.retries.for_background().deadline.as_secs(), 45);
    assert_eq!(settings.retries.for_people().deadline.as_secs(), 6);
}

#[test]
fn the_retries_that_ship_are_the_defaults() {
    let shipped = load(&global(shipped()), &Environment::default()).unwrap();
    let dir = dir_with(&[("retry_policies.yaml", "api: {}\n")]);
    let bare = load(&global(dir.path().to_owned()), &Environment::default()).unwrap();
    assert_eq!(
        serde_json::to_value(&shipped.retries).unwrap(),
        serde_json::to_value(&bare.retries).unwrap()
    );
}

#[test]
fn retries_that_make_no_sense_are_refused() {
    let text = problems(&[(
        "retry_policies.yaml",
        "api:\n  base: 5s\n  cap: 1s\n  deadline: 0s\n  failover: claud\n  budget: {refund: 100}\n  \
         breaker: {share: 101, probes: 4, open: 9s, open_cap: 2s}\n  connections: {plain: h2}\n",
    )]);
    for part in [
        "`cap` is below `base`",
        "longer than nothing",
        "there is no failover `claud`",
        "did you mean `cloud`?",
        "never run out",
        "101 is out of bounds",
        "`open_cap` is below `open`",
        "there is no protocol `h2`",
        "8 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_node_on_another_address_of_this_machine_may_be_spoken_to() {
    let files = [
        ("livekit.yaml", "node:\n  http: 10.1.2.3:7880\n"),
        ("security.yaml", "transport:\n  proxies: [10.1.2.1]\n"),
    ];
    let dir = dir_with(&files);
    let settings = load(&global(dir.path().to_owned()), &Environment::default()).unwrap();
    let rules = settings.security.transport_rules();
    assert!(rules.plain.reaches("10.1.2.3") && !rules.plain.reaches("10.1.2.1"));
}

/// The node, its API and the console started on 0.0.0.0 without TLS.
#[test]
fn what_others_reach_is_encrypted_or_the_exception_is_named() {
    let open = [
        ("livekit.yaml", "node:\n  http: 0.0.0.0:7880\n"),
        ("monitoring.yaml", "console:\n  bind: '[::]:7890'\n"),
    ];
    let text = problems(&open);
    for part in [
        "/livekit.yaml: node.http: 0.0.0.0:7880 is reached by other machines",
        "/monitoring.yaml: console.bind: [::]:7890 is reached",
        "transport.tls in security.yaml",
        "2 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    for named in [
        "transport:\n  proxies: [10.0.0.5]\n",
        "transport:\n  allow_plaintext: [172.17.0.0/16]\n",
        "transport:\n  tls: {certificate: cert.pem, key: key.pem}\n",
    ] {
        let dir = dir_with(&[open[0], open[1], ("security.yaml", named)]);
        let loaded = load(&global(dir.path().to_owned()), &Environment::default());
        assert!(loaded.is_ok(), "{named}: {}", loaded.unwrap_err());
    }
    // The name of a host says nothing of who comes.
    let by_name = (
        "security.yaml",
        "transport:\n  allow_plaintext: [livekit]\n",
    );
    assert!(problems(&[open[0], by_name]).contains("is reached by other machines"));
    let dir = dir_with(&open);
    let dev = Global {
        dev: true,
        ..global(dir.path().to_owned())
    };
    assert!(
        load(&dev, &Environment::default()).is_ok(),
        "the parts refuse it"
    );
}

#[test]
fn words_go_out_encrypted_too() {
    let agent = |url: &str| {
        format!(
            "brain: openai\nopenai:\n  base_url: {url}\n  model: m\n  instructions: Be brief.\n  \
             apology: Sorry.\n"
        )
    };
    let text = problems(&[
        ("agent.yaml", &agent("http://api.example.org/v1")),
        (
            "livekit.yaml",
            "node:\n  webhooks: ['http://hooks.example.org/']\n",
        ),
    ]);
    for part in [
        "agent.yaml: openai.base_url: `http://api.example.org/v1` is refused",
        "api.example.org is not this machine",
        "livekit.yaml:2:14: `http://hooks.example.org/` is refused",
        "2 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    for url in ["https://api.example.org/v1", "http://127.0.0.1:11434/v1"] {
        let dir = dir_with(&[("agent.yaml", &agent(url))]);
        let loaded = load(&global(dir.path().to_owned()), &Environment::default());
        assert!(loaded.is_ok(), "{url}: {}", loaded.unwrap_err());
    }
}

#[test]
fn what_tools_and_an_external_brain_are_sent_goes_out_encrypted_too() {
    let text = problems(&[(
        "agent.yaml",
        "brain: external\nexternal: {url: 'ws://brain.example.org/turns', apology: Sorry.}\n",
    )]);
    assert!(
        text.contains("brain.example.org is not this machine"),
        "{text}"
    );
    let model = "brain: openai\nopenai: {base_url: 'https://a.test/v1', model: m, instructions: Be \
                 brief., apology: Sorry.}\ntools:\n  t: {description: d, url: \
                 'http://api.example.org/{call.id}'}\nmcp:\n  - {name: m, url: \
                 'http://mcp.example.org/mcp'}\n";
    let text = problems(&[("agent.yaml", model)]);
    for part in [
        "tools.t.url: `http://api.example.org/` is refused",
        "mcp.example.org is not",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let near = "brain: external\nexternal: {url: 'ws://127.0.0.1:8000/', apology: Sorry.}\n";
    let dir = dir_with(&[("agent.yaml", near)]);
    assert!(load(&global(dir.path().to_owned()), &Environment::default()).is_ok());
}

#[test]
fn records_are_kept_as_long_as_the_file_says_and_not_for_ever_when_it_says_nothing() {
    let bare = dir_with(&[("security.yaml", "{}\n")]);
    let load_dir = |dir: &tempfile::TempDir| {
        load(&global(dir.path().to_owned()), &Environment::default()).unwrap()
    };
    let shown = |settings: &Settings| serde_json::to_value(settings.security.retention).unwrap();
    let day = 24 * 3600;
    let usual = serde_json::json!({
        "calls": 90 * day, "turns": 30 * day, "refusals": 30 * day, "recordings": 30 * day,
        "events": 30 * day, "sip": 7 * day,
    });
    assert_eq!(shown(&load_dir(&bare)), usual);
    let shipped = load(&global(shipped()), &Environment::default()).unwrap();
    assert_eq!(shown(&shipped), usual);
    let text = "retention: {calls: 7d, turns: 12h, recordings: forever}\n";
    let settings = load_dir(&dir_with(&[("security.yaml", text)]));
    assert_eq!(settings.security.retention.recordings, None);
    assert_eq!(shown(&settings)["turns"], 12 * 3600);
    let text = problems(&[
        (
            "security.yaml",
            "retention: {calls: 0s, turns: soon, events: 2h}\n",
        ),
        ("monitoring.yaml", "events: {retain: 720h}\n"),
    ]);
    for part in [
        "less than 1 h",
        "`soon` is not a duration",
        "less than 24 h",
        "retention.events of security.yaml",
        "4 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn doors_that_make_no_sense_are_refused() {
    let text = problems(&[
        (
            "security.yaml",
            "http: {strangers: 0, head: 1ms}\ntransport:\n  tls: {certificate: a.pem}\n  \
             proxies: [everybody]\n",
        ),
        (
            "monitoring.yaml",
            "console: {metrics_key: short, hosts: ['http://a']}\n",
        ),
    ]);
    for part in [
        "0 is out of bounds",
        "nobody is that quick",
        "a certificate goes with its key",
        "`everybody` is no address",
        "a key this short is guessed",
        "`http://a` is not the name of a host",
        "6 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_ca_file_must_be_one_and_hosts_are_names() {
    let text = problems(&[(
        "security.yaml",
        "transport:\n  allow_plaintext: ['ws://10.0.0.9']\n  ca_file: /does/not/exist.pem\n",
    )]);
    assert!(text.contains("is not the name of one host"), "{text}");
    assert!(
        text.contains("/does/not/exist.pem` is no CA file"),
        "{text}"
    );
}

/// An empty volume, one with names of another tool, a path with a slip: each passed for defaults.
#[test]
fn a_folder_without_configuration_is_no_configuration() {
    let look = |dir: &Path| load(&global(dir.to_owned()), &Environment::default());
    let empty = dir_with(&[("notes.txt", "")]);
    let text = look(empty.path()).unwrap_err().to_string();
    assert!(
        text.contains("holds no configuration: none of livekit.yaml"),
        "{text}"
    );
    let missing = empty.path().join("not-there");
    let text = look(&missing).unwrap_err().to_string();
    assert!(text.contains("not-there: is not there"), "{text}");
    assert!(text.contains("trunkline init"), "{text}");
    let file = empty.path().join("notes.txt");
    let text = look(&file).unwrap_err().to_string();
    assert!(text.contains("is not a directory"), "{text}");
    for odd in ["livekit.yml", "Livekit.yaml", "livekit.yaml.txt"] {
        let other = dir_with(&[(odd, ""), ("security.yaml", "")]);
        let text = look(other.path()).unwrap_err().to_string();
        let (said, remedy) = (format!("{odd}: is not read"), "name it livekit.yaml");
        assert!(text.contains(&said) && text.contains(remedy), "{text}");
    }
    for named in [missing, file, empty.path().to_owned()] {
        let calling = Calling::load(&global(named.clone()), &Environment::default());
        assert!(calling.is_err(), "{}", named.display());
    }
}

#[test]
fn without_a_folder_what_ships_is_in_effect() {
    let env = Environment::default();
    let built_in = read(&Home::BuiltIn, &Global::default(), &env).unwrap();
    let written = load(&global(shipped()), &env).unwrap();
    assert_eq!(
        serde_json::to_value(&built_in).unwrap(),
        serde_json::to_value(&written).unwrap()
    );
    assert!(built_in.agent.is_some());
}

/// A key that is taken out, or whose children are, must not mean something else than what ships.
#[test]
fn the_defaults_are_what_ships() {
    let env = Environment::default();
    let shipped = serde_json::to_value(load(&global(shipped()), &env).unwrap()).unwrap();
    let sections = [
        (
            "livekit.yaml",
            "livekit:\nnode:\nsip:\nrecording:\nstore:\nkeys:\ndrain:\n",
        ),
        ("livekit-sip-correct.yaml", "gateway:\n"),
        ("retry_policies.yaml", "api:\n"),
        ("monitoring.yaml", "console:\nlog:\nevents:\n"),
        (
            "security.yaml",
            "sip:\ndialling:\ntransport:\nhttp:\nretention:\n",
        ),
    ];
    let deeper = [
        (
            "livekit.yaml",
            "node:\n  webhooks:\n  rooms:\n    # auto_create: true\n  limits:\n  ingress:\nsip:\n  udp:\n  codecs:\n",
        ),
        ("livekit-sip-correct.yaml", "gateway:\n  udp:\n  codecs:\n"),
        (
            "retry_policies.yaml",
            "api:\n  budget:\n  breaker:\n  connections:\n",
        ),
        ("monitoring.yaml", "console:\n  hosts:\n  bind:\n"),
        (
            "security.yaml",
            "transport:\n  tls:\n  proxies:\n  allow_plaintext:\n",
        ),
    ];
    for files in [sections, deeper] {
        let dir = dir_with(&files);
        let loaded = load(&global(dir.path().to_owned()), &env);
        let shown = serde_json::to_value(loaded.unwrap_or_else(|e| panic!("{e}"))).unwrap();
        for part in ["livekit", "gateway", "retries", "monitoring", "security"] {
            assert_eq!(shown[part], shipped[part], "{part}");
        }
    }
}

/// All of an agent's file that may be left out, commented out.
#[test]
fn the_agent_s_empty_sections_are_defaults_too() {
    let text = home::shipped("agent.yaml").replace(
        "turn_handling: {}",
        "vad:\nturn_handling:\n  endpointing:\n  interruption:\n  preemptive_generation:",
    );
    let dir = dir_with(&[("agent.yaml", &text)]);
    let loaded = load(&global(dir.path().to_owned()), &Environment::default());
    assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
}

#[test]
fn a_receiver_that_is_no_web_address_is_refused_where_it_stands() {
    for slip in [
        "example.com/hook",
        "ws://127.0.0.1/hook",
        "http://127.0.0.1:99999/",
        "http://",
        "'http://127.0.0.1/a b'",
        "'8080'",
    ] {
        let file = format!("node:\n  webhooks:\n    - http://127.0.0.1:1/good\n    - {slip}\n");
        let text = problems(&[("livekit.yaml", &file)]);
        assert!(text.contains("livekit.yaml:4:7: `"), "{slip}: {text}");
        assert!(
            text.contains("is refused: ") && text.ends_with("1 problem"),
            "{text}"
        );
    }
}
