//! Slips in trunks and rules.

use trunkline_service::config::{Environment, Report};

use crate::global::Global;
use crate::settings::sip_file;

fn problems(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sip.yaml");
    std::fs::write(&path, text).unwrap();
    let mut report = Report::new();
    let global = Global {
        env: Environment::default(),
        ..Global::default()
    };
    sip_file(Some(&path), &global, &mut report);
    report.to_string()
}

#[test]
fn no_header_of_the_gateway_is_given_by_its_short_name_either() {
    for own in [
        "f",
        "C",
        "x",
        "e",
        "RSeq",
        "rack",
        "Proxy-Authorization",
        "mime-version",
        "Min-SE",
    ] {
        let given = format!(
            "trunks:\n  - {{key: a, allowed_addresses: [192.0.2.1], headers: {{{own}: '1'}}}}\n"
        );
        assert!(
            problems(&given).contains("the gateway's own header"),
            "{own}"
        );
        let made = format!(
            "trunks:\n  - {{key: a, allowed_addresses: [192.0.2.1], attributes_to_headers: {{x: {own}}}}}\n"
        );
        assert!(
            problems(&made).contains("the gateway's own header"),
            "{own}"
        );
    }
}

#[test]
fn a_direct_rule_names_a_room() {
    for room in ["''", "'  '"] {
        let text = format!("rules:\n  - {{key: r, direct: {{room: {room}}}}}\n");
        assert!(problems(&text).contains("the room has no name"), "{room}");
    }
}

#[test]
fn a_trunk_goes_to_a_host_and_a_port_that_there_is() {
    for address in [
        "host:99999",
        "host:0",
        "host:",
        "2001:db8::7",
        "host\\r\\nVia: x",
    ] {
        let text =
            format!("outbound:\n  - {{key: o, address: \"{address}\", numbers: ['+15550100']}}\n");
        assert!(problems(&text).contains("host"), "{address}");
    }
    let fine = "outbound:\n  - {key: o, address: '[2001:db8::7]:5080', numbers: ['+15550100']}\n";
    assert_eq!(problems(fine), "0 problems");
}

#[test]
fn a_codec_that_nobody_has_is_told_with_those_that_are() {
    let media = |codec: &str| {
        format!(
            "trunks:\n  - {{key: a, allowed_addresses: [192.0.2.1], media: {{codecs: [{codec}], only_listed_codecs: true}}}}\n"
        )
    };
    for codec in ["FOO", "FOO/48000", "PCMX"] {
        let text = problems(&media(codec));
        assert!(
            text.contains("there is no codec") && text.contains("PCM"),
            "{text}"
        );
    }
    for codec in ["pcmu", "opus/48000", "G722/8000"] {
        assert_eq!(problems(&media(codec)), "0 problems", "{codec}");
    }
    assert!(problems(&media("opus")).contains("write it like opus/48000"));
}

#[test]
fn a_password_that_is_missing_hides_nothing_else() {
    let text = "trunks:\n  - key: a\n    allowed_addresses: [192.0.2.1]\n    \
                auth: {username: me, password: \"${NOT_SET}\"}\n    \
                ringing_timeout: ${NOT_SET_EITHER}\n\
                rules:\n  - {key: r, trunks: [a], direct: {room: ''}}\n  \
                - {key: s, trunks: [b], direct: {room: x}}\n";
    let told = problems(text);
    for part in [
        "NOT_SET",
        "NOT_SET_EITHER",
        "the room has no name",
        "names trunk `b`",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.ends_with("4 problems"), "{told}");
}

#[test]
fn junk_among_addresses_is_told_where_it_stands() {
    for junk in [
        "sip.example.com",
        "192.0.2.7:5060",
        "(*)",
        "0.0.0.0",
        "239.1.2.3",
        "",
    ] {
        let text = format!("trunks:\n  - {{key: a, allowed_addresses: [192.0.2.1, '{junk}']}}\n");
        let told = problems(&text);
        for part in ["sip.yaml:2", junk, "203.0.113.0/24", "1 problem"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}

#[test]
fn a_room_has_a_name_that_a_server_takes() {
    let room = "x".repeat(257);
    let told = problems(&format!(
        "rules:\n  - {{key: r, direct: {{room: {room}}}}}\n"
    ));
    assert!(told.contains("256 at most"), "{told}");
}

/// Calls were refused for it, each by itself.
#[test]
fn what_a_rule_says_that_no_room_takes_is_told_with_what_it_takes() {
    let long = |bytes: usize| "x".repeat(bytes);
    for (of_rule, told) in [
        (
            format!("individual: {{room_prefix: {}}}", long(193)),
            "`room_prefix` of rule `r` has 193 bytes",
        ),
        (
            format!("callee: {{room_prefix: {}}}", long(193)),
            "`room_prefix` of rule `r` has 193 bytes",
        ),
        (
            format!(
                "direct: {{room: a}}, attributes: {{a: {}}}",
                long(60 * 1024)
            ),
            "`attributes` of rule `r` has 61441 bytes",
        ),
        (
            format!("direct: {{room: a}}, metadata: {}", long(512 * 1024 + 1)),
            "`metadata` of rule `r` has 524289 bytes",
        ),
        (format!("individual: {{room_prefix: {}}}", long(192)), ""),
    ] {
        let told_of = problems(&format!("rules:\n  - {{key: r, {of_rule}}}\n"));
        assert!(told_of.contains(told), "{told}: {told_of}");
        assert_eq!(told_of.contains("too long"), !told.is_empty());
    }
}
