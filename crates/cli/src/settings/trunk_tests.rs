//! Trunks, registrations and rules as a whole folder has them.

use super::tests::{dir_with, global, problems};
use super::*;

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
fn the_login_of_a_trunk_may_stand_in_quotes() {
    let text = "trunks:\n  - key: p\n    auth: {username: \"${SIP_USERNAME}\", password: '${SIP_PASSWORD}'}\n";
    let dir = dir_with(&[("livekit-sip-correct.yaml", text)]);
    let env = Environment::from([("SIP_USERNAME", "alice"), ("SIP_PASSWORD", "a-long-secret")]);
    let trunk = load(&global(dir.path().to_owned()), &env)
        .unwrap()
        .sip_setup
        .trunks[0]
        .to_proto();
    assert_eq!(
        (trunk.auth_username.as_str(), trunk.auth_password.as_str()),
        ("alice", "a-long-secret")
    );
    let report = load(&global(dir.path().to_owned()), &Environment::default()).unwrap_err();
    assert!(
        report.to_string().contains("SIP_PASSWORD is not set"),
        "{report}"
    );
}

#[test]
fn a_trunk_that_registers_needs_no_address_and_shows_no_password() {
    let text = "numbering: {country: ru}\ntrunks:\n  - key: p\n    numbers: [\"84951234567\"]\n    trusted: true\n    register:\n      \
                registrar: \"sip:sip.example.com:5080;transport=tcp\"\n      username: alice\n      \
                password: \"${SIP_PASSWORD}\"\n      outbound_proxy: edge.example.com\n";
    let dir = dir_with(&[(SIP, text)]);
    let env = Environment::from([("SIP_PASSWORD", "won:der#land")]);
    let settings = load(&global(dir.path().to_owned()), &env).unwrap();
    let trunk = &settings.sip_setup.trunks[0];
    let register = trunk.register.as_ref().unwrap();
    assert_eq!(register.password.expose(), "won:der#land");
    assert_eq!(register.registrar.port, Some(5080));
    assert_eq!(
        register.outbound_proxy.as_ref().unwrap().to_string(),
        "sip:edge.example.com"
    );
    let plan = settings.sip_setup.numbering.plan(&trunk.country);
    assert_eq!(plan.normalise("84951234567"), "+74951234567");
    let shown = serde_json::to_string(&settings).unwrap();
    assert!(!shown.contains("won:der#land"), "{shown}");
}

#[test]
fn who_may_pass_calls_on_says_over_what_and_is_not_everybody() {
    let text = "trunks:\n  - {key: pbx, allowed_addresses: [192.0.2.7], allow_refer: out}\n\
                outbound:\n  - {key: out, address: h, numbers: [\"100\"], allow_refer: out}\n";
    let dir = dir_with(&[(SIP, text)]);
    let settings = load(&global(dir.path().to_owned()), &Environment::default()).unwrap();
    let setup = &settings.sip_setup;
    assert_eq!(setup.trunks[0].allow_refer, "out");
    assert_eq!(setup.outbound[0].allow_refer, "out");
    let known = text.replace("allow_refer: out}\noutbound", "allow_refer: ot}\noutbound");
    let known = problems(&[(SIP, known.as_str())]);
    assert!(
        known.contains("no outbound trunk `ot`") && known.contains("out"),
        "{known}"
    );
    let all = text.replace("[192.0.2.7]", "[0.0.0.0/0]");
    let all = problems(&[(SIP, all.as_str())]);
    assert!(all.contains("lets anyone have calls dialled"), "{all}");
}

#[test]
fn slips_about_registrations_and_numbers_are_told_with_a_way_out() {
    let register = |keys: &str| {
        let text = format!(
            "trunks:\n  - key: p\n    register: {{registrar: h, username: a, password: b, {keys}}}\n"
        );
        problems(&[(SIP, text.as_str())])
    };
    for (keys, told) in [
        ("expires: 5s", "between 1m and 24h"),
        ("expires: soon", "soon"),
        ("keep_alive: 1s", "10s or more"),
        ("contact_user: \"a b\"", "letters, digits"),
        ("outbound_proxy: \"sip:bob@h\"", "names a user"),
        ("from_host: \"h:port\"", "write it like"),
        ("expiry: 10m", "expires"),
    ] {
        let text = register(keys);
        assert!(text.contains(told), "{keys}: {text}");
    }
    let text = problems(&[(
        SIP,
        "numbering: {country: Russia, emergency: [help]}\ntrunks:\n  - key: p\n    register: \
         {registrar: \"tel:1\", username: \"\", password: b}\n",
    )]);
    for told in [
        "`Russia`",
        "`help`",
        "tel:1",
        "needs a username",
        "as numbers",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

/// A variable that is not set opened the room, or the trunk, to everybody.
#[test]
fn a_pin_or_a_login_that_is_there_and_empty_is_a_problem() {
    let rule = |kind: &str, pin: &str| {
        let text = format!("rules:\n  - key: r\n    {kind}: {{room{pin}}}\n");
        let text = match kind {
            "direct" => text.replace("{room", "{room: x"),
            _ => text.replace("{room", "{room_prefix: x"),
        };
        problems(&[(SIP, text.as_str())])
    };
    for kind in ["direct", "individual", "callee"] {
        for pin in [
            "''",
            "",
            "~",
            "null",
            "\"${NO_SUCH_PIN:-}\"",
            "${NO_SUCH_PIN:-}",
        ] {
            let text = rule(kind, &format!(", pin: {pin}"));
            assert!(text.contains("the PIN is empty"), "{kind} {pin}: {text}");
            assert!(text.contains("livekit-sip-correct.yaml:3:"), "{text}");
        }
        for (pin, told) in [
            ("'12 34'", "typed on a telephone"),
            ("'1234#'", "typed on a telephone"),
            ("'12345678901234567'", "17 digits cannot be typed"),
        ] {
            let text = rule(kind, &format!(", pin: {pin}"));
            assert!(text.contains(told), "{kind} {pin}: {text}");
        }
    }
    for auth in [
        "{username: '', password: ''}",
        "{username: \"${NOBODY:-}\", password: \"${NOTHING:-}\"}",
        "",
        "~",
    ] {
        let inbound = format!("  - {{key: a, allowed_addresses: [192.0.2.1], auth: {auth}}}\n");
        let outbound = format!("  - {{key: o, address: h, numbers: ['1'], auth: {auth}}}\n");
        for (list, entry) in [("trunks", inbound), ("outbound", outbound)] {
            let text = problems(&[(SIP, format!("{list}:\n{entry}").as_str())]);
            assert!(text.contains("the login is empty"), "{list} {auth}: {text}");
        }
    }
}
