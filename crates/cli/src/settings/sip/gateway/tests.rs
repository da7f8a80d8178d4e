use serde_json::Value;

use crate::global::Global;
use crate::settings::{Settings, load};
use trunkline_service::config::{Environment, Report};

const OLD: &str = "livekit.yaml";
const HERE: &str = "livekit-sip-correct.yaml";

#[expect(clippy::unwrap_in_result, reason = "the error is what a test looks at")]
fn read(files: &[(&str, &str)], env: &Environment) -> Result<Settings, Report> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let global = Global {
        config: Some(dir.path().to_owned()),
        ..Global::default()
    };
    load(&global, env)
}

fn shown(settings: &Settings) -> Value {
    serde_json::to_value(&settings.gateway).unwrap()
}

#[test]
fn an_absent_key_counts_as_it_ships_its_variable_included() {
    let env = Environment::from([
        ("TRUNKLINE_SIP_UDP", "127.0.0.1:24060"),
        ("TRUNKLINE_RTP_PORTS", "30000-30010"),
    ]);
    for text in ["trunks: []\n", "gateway:\n", "gateway: {agent_wait: 5s}\n"] {
        let settings = read(&[(HERE, text)], &env).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(settings.gateway.udp.port(), 24060, "{text}");
        assert_eq!(settings.gateway.rtp_ports, 30_000..=30_010, "{text}");
        assert_eq!(shown(&settings)["codecs"][0], "OPUS", "{text}");
    }
    // What somebody wrote counts for more than the variable that ships in its place.
    let said = read(&[(HERE, "gateway: {udp: '127.0.0.1:9'}\n")], &env).unwrap();
    assert_eq!(said.gateway.udp.port(), 9);
}

#[test]
fn a_variable_that_ships_is_blamed_where_it_ships() {
    let env = Environment::from([("TRUNKLINE_SIP_UDP", "everywhere")]);
    let text = read(&[(HERE, "trunks: []\n")], &env)
        .unwrap_err()
        .to_string();
    let said = "the built-in livekit-sip-correct.yaml:6:8: `everywhere` is not an address";
    assert!(text.contains(said), "{text}");
}

#[test]
fn the_old_place_is_read_with_a_notice() {
    let env = Environment::default();
    let files = [
        (OLD, "sip:\n  udp: 127.0.0.1:24060\n  codecs: [PCMA]\n"),
        (HERE, "trunks: []\n"),
    ];
    let settings = read(&files, &env).unwrap();
    assert_eq!(settings.gateway.udp.port(), 24060);
    assert_eq!(shown(&settings)["codecs"], serde_json::json!(["PCMA"]));
    let notice = settings.notices[0].to_string();
    assert!(
        notice.contains("livekit.yaml:2:3: `sip` has moved"),
        "{notice}"
    );
    assert!(
        notice.contains("`gateway` of livekit-sip-correct.yaml"),
        "{notice}"
    );
    let silent = read(&[(OLD, "sip:\n")], &env).unwrap();
    assert!(silent.notices.is_empty());
}

/// The new files are put beside an old `livekit.yaml`: what nobody has written stands in no way.
#[test]
fn what_is_as_it_ships_gives_way_to_the_old_place() {
    let shipped = crate::settings::home::shipped(HERE);
    let crlf = shipped.replace('\n', "\r\n");
    for text in [shipped, &crlf] {
        let files = [(OLD, "sip: {udp: '127.0.0.1:24060'}\n"), (HERE, text)];
        let settings = read(&files, &Environment::default()).unwrap();
        assert_eq!(settings.gateway.udp.port(), 24060);
        assert_eq!(settings.gateway.tcp.unwrap().port(), 5060);
    }
}

#[test]
fn a_key_in_both_places_is_an_error_that_names_both() {
    let files = [
        (
            OLD,
            "sip:\n  udp: 127.0.0.1:24060\n  codecs: [PCMA]\n  answer: on_room\n",
        ),
        (HERE, "gateway:\n  udp: 127.0.0.1:24060\n  codecs: [PCMU]\n"),
    ];
    let text = read(&files, &Environment::default())
        .unwrap_err()
        .to_string();
    for part in [
        "livekit.yaml:2:8: `sip.udp` is also said by `gateway.udp` at ",
        "livekit-sip-correct.yaml:2:8",
        "`sip.codecs` is also said by `gateway.codecs` at ",
        "2 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn values_that_make_no_sense_are_told_where_they_stand() {
    let here = "gateway:\n  rtp_ports: 9-1\n  answer: on_agnet\n  hold_limit: 0s\n  pin_wait: 10ms\n  agent_wait: 1ms\n  \
                session_timer: 30s\n  limits: {busy: 900, setups: -1, retry_after: 1ms}\n  media_timeout: soon\n  codecs: [PCMX]\n  public_ip: here\n  opus_complexity: 11\n";
    let text = read(&[(HERE, here)], &Environment::default())
        .unwrap_err()
        .to_string();
    for part in [
        "2:14: `9-1` is not a range",
        "did you mean `on_agent`?",
        "a call on hold would end at once",
        "nobody types that fast",
        "too short for an agent",
        "`soon` is not a duration",
        "codec `PCMX` is not known",
        "`here` is not an IP address",
        "`30s` is too short for a session timer",
        "`900` is no share",
        "`-1` is no number of calls",
        "who is refused would come again at once",
        "`11` is no complexity of Opus",
        "13 problems",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn what_is_encrypted_and_who_is_near_is_read() {
    let env = Environment::default();
    let usual = read(&[(HERE, "trunks: []\n")], &env).unwrap();
    assert_eq!(shown(&usual)["srtp"], "allow");
    assert_eq!(shown(&usual)["tls"]["peers"], serde_json::json!([]));
    let text = "gateway:\n  srtp: require\n  local_networks: [10.0.0.1, 'fd00::/8']\n  tls:\n    \
                peers: [{host: sip.example.com, ca: provider.pem}]\ntrunks:\n  - key: a\n    \
                allowed_addresses: [192.0.2.1]\n    encryption: disable\n";
    let settings = read(&[(HERE, text)], &env).unwrap_or_else(|e| panic!("{e}"));
    let told = shown(&settings);
    assert_eq!(told["srtp"], "require");
    let near = serde_json::json!(["10.0.0.1/32", "fd00::/8"]);
    assert_eq!(told["local_networks"], near);
    assert_eq!(told["tls"]["peers"][0]["ca"], "provider.pem");
    let options = settings.gateway.tls.options();
    assert!(options.listen.is_none() && options.peers[0].certificate.is_none());
    let trunk = settings.sip_setup.trunks[0].to_proto();
    assert_eq!(trunk.media.unwrap().encryption, Some(0));
}

#[test]
fn encryption_that_cannot_be_had_is_blamed_before_the_start() {
    let env = Environment::default();
    for (typed, said) in [
        ("srtp: requier", "encryption is not `requier`"),
        ("local_networks: [office]", "`office` is neither an IP"),
        ("tls: {listen: '127.0.0.1:5061'}", "no certificate to show"),
        (
            "tls: {listen: '127.0.0.1:5061', certificate: no.pem, key: no.key}",
            "no.pem cannot be read",
        ),
        ("tls: {peers: [{host: a, key: no.key}]}", "belong together"),
    ] {
        let text = format!("gateway: {{{typed}}}\n");
        let told = read(&[(HERE, &text)], &env).unwrap_err().to_string();
        assert!(told.contains(said), "{typed}: {told}");
    }
}

#[test]
fn what_makes_the_machine_full_and_how_long_calls_are_kept_is_read() {
    let env = Environment::default();
    let usual = read(&[(HERE, "trunks: []\n")], &env).unwrap();
    let limits = shown(&usual)["limits"].clone();
    let shipped = serde_json::json!({
        "late_frames": "5%", "busy": "90%", "lag": "40ms", "setups": 64, "retry_after": 10
    });
    assert_eq!(limits, shipped);
    assert_eq!(shown(&usual)["resume_within"], 30);
    let text = "gateway:\n  resume_within: 0s\n  limits: {busy: 75.5%, late_frames: 100%, lag: 0s, setups: 0}\n";
    let said = read(&[(HERE, text)], &env).unwrap().gateway;
    assert!(said.resume_within.is_zero());
    let options = said.limits.options();
    assert_eq!(
        (options.busy, options.late, options.lag, options.setups),
        (Some(0.755), None, None, None)
    );
}

/// These are voices: nothing is kept of whom nobody said it of.
#[test]
fn sound_is_captured_where_a_time_says_so_and_no_file_but_that() {
    use std::time::Duration;
    let env = Environment::default();
    let sound = |text: &str, folder: Option<&str>| {
        let settings = read(&[(HERE, text)], &env).unwrap();
        let options = settings.gateway.capture.options(folder.map(Into::into));
        options.sound.map(|sound| (sound.first, sound.folder))
    };
    let some = "gateway: {capture: {rtp: 90s}}\n";
    let beside = Some("t.db.captures");
    assert_eq!(
        sound(some, beside),
        Some((Duration::from_secs(90), "t.db.captures".into()))
    );
    assert_eq!(sound(some, None), None, "a store in memory has no folder");
    for none in ["trunks: []\n", "gateway: {capture: {sip: true}}\n"] {
        assert_eq!(sound(none, beside), None, "{none}");
    }
    let wrong = read(&[(HERE, "gateway: {capture: {rtp: always}}\n")], &env);
    let text = wrong.unwrap_err().to_string();
    assert!(text.contains(":1:26"), "{text}");
}
