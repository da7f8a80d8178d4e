//! Files made of what is there.

use super::*;

#[test]
fn an_export_is_a_file_that_makes_the_same() {
    let text = "trunks:\n  - {key: main, name: 'Main, \"one\"', numbers: ['+1555001'], auth: {username: u, password: '${PASSWORD}', realm: r}, \
                headers: {X-A: 'a: b # c'}, headers_to_attributes: {X-B: b}, include_headers: x_headers, max_call_duration: 90s, \
                media: {codecs: [PCMU, opus/48000], encryption: allow, timeout: 1500ms}, called_number_from: [Diversion]}\n\
                outbound:\n  - {key: out, address: 'sip.example.com:5061', transport: tls, numbers: ['+1555001'], from_host: example.org}\n\
                rules:\n  - {key: r, trunks: [main], metadata: 'it''s ${PASSWORD}', individual: {room_prefix: c, pin: '493817'}, agents: [a], \
                attributes: {k: v}, room_config: {empty_timeout: 7, metadata: 'pay $${PASSWORD}'}}\n";
    let mut server = Server::default();
    let plan = server.plan(&file(text));
    server.go(&plan);
    let made = export(&server.there, "wss://example.org");
    assert!(!made.text.contains("493817"), "{}", made.text);
    let env: Environment = made.secrets.clone().into_iter().collect();
    let plan = server.plan(&file_with(&made.text, env));
    assert!(plan.is_empty(), "{}\n{}", made.text, plan.text());
}

#[test]
fn an_export_of_what_others_made_has_keys_of_its_own() {
    let trunk = |id: &str| Inbound {
        sip_trunk_id: id.to_owned(),
        name: "My Provider!".to_owned(),
        allowed_addresses: vec!["192.0.2.1".to_owned()],
        ..Inbound::default()
    };
    let there = There {
        trunks: vec![trunk("ST_1"), trunk("ST_2")],
        outbound: vec![Outbound::default()],
        rules: vec![Rule::default()],
    };
    let made = export(&there, "ws://x");
    for part in ["key: \"my-provider\"\n", "key: \"my-provider-2\"\n"] {
        assert!(made.text.contains(part), "{part} is not in:\n{}", made.text);
    }
    assert_eq!(made.notes.len(), 1, "{:?}", made.notes);
}

#[test]
fn variables_of_an_export_are_one_for_each_secret_and_can_be_set() {
    let trunk = |id: &str, name: &str, password: &str| Inbound {
        sip_trunk_id: id.to_owned(),
        name: name.to_owned(),
        auth_username: "u".to_owned(),
        auth_password: password.to_owned(),
        ..Inbound::default()
    };
    let there = There {
        trunks: vec![
            trunk("ST_1", "büro", "one"),
            trunk("ST_2", "büro", ""),
            trunk("ST_3", "電話", "3"),
        ],
        outbound: vec![Outbound {
            name: "büro".to_owned(),
            address: "sip.example.com".to_owned(),
            auth_username: "u".to_owned(),
            auth_password: "two".to_owned(),
            ..Outbound::default()
        }],
        rules: Vec::new(),
    };
    let made = export(&there, "ws://x");
    let secrets: BTreeMap<&str, &str> = made
        .secrets
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("SIP_B_RO_PASSWORD", "one"),
        ("SIP_B_RO_PASSWORD_2", "two"),
        ("SIP_PASSWORD", "3"),
    ];
    assert_eq!(secrets, BTreeMap::from(expected), "{}", made.text);
    let told = made
        .notes
        .iter()
        .any(|note| note.contains("SIP_B_RO_2_PASSWORD"));
    assert!(told, "{:?}", made.notes);
}
