//! `sip …`: trunks and rules in the node, calls as far as they are sent.

use livekit_protocol as proto;
use serde_json::json;

use crate::desk::Desk;
use crate::stub::Stub;

fn file(desk: &Desk, name: &str, text: &str) -> String {
    let path = desk.home.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The trunks and rules that the daemon's own files make are not ours.
fn named<'a>(items: &'a serde_json::Value, name: &str) -> Option<&'a serde_json::Value> {
    let items = items["items"].as_array()?;
    items.iter().find(|item| item["name"] == name)
}

#[test]
fn an_inbound_trunk_lives_and_dies_by_flags() {
    let desk = Desk::new();
    let create = [
        "sip",
        "inbound",
        "create",
        "--name",
        "office",
        "--numbers",
        "+15105550100",
    ];
    let login = [
        "--auth-user",
        "me",
        "--auth-pass",
        "hush",
        "--media-enc",
        "allow",
    ];
    let made = desk.json(&[&create[..], &login].concat());
    let id = made["sipTrunkId"].as_str().unwrap().to_owned();

    let numbers = ["--numbers", "+15105550101,+15105550102"];
    desk.words(&[&["sip", "inbound", "update", "--id", &id][..], &numbers].concat());
    let listed = desk.json(&["sip", "inbound", "list"]);
    let office = named(&listed, "office").unwrap();
    assert_eq!(office["numbers"], json!(["+15105550101", "+15105550102"]));
    assert_eq!(office["authUsername"], "me");

    let table = desk.words(&["sip", "in", "list"]);
    assert!(table.starts_with("SipTrunkID"), "{table}");
    assert!(
        table.contains("me / ****") && !table.contains("hush"),
        "{table}"
    );
    assert!(table.contains("ALLOW"), "{table}");

    let asked = desk.say(&["sip", "inbound", "delete", &id]);
    assert_eq!(asked.code, Some(64), "{}", asked.err);
    let gone = desk.json(&["sip", "inbound", "delete", &id, "--yes"]);
    assert_eq!(gone, json!({ "deleted": [id] }));
    assert!(named(&desk.json(&["sip", "inbound", "list"]), "office").is_none());
}

#[test]
fn an_outbound_trunk_comes_from_a_file_with_flags_on_top() {
    let desk = Desk::new();
    let trunk = r#"{"trunk": {"name": "provider", "address": "sip.example.com", "numbers": ["+15105550100"]}}"#;
    let file = file(&desk, "trunk.json", trunk);
    let create = ["sip", "outbound", "create", &file, "--transport", "TLS"];
    let made = desk.json(&create);
    let id = made["sipTrunkId"].as_str().unwrap().to_owned();
    assert_eq!(made["transport"], "SIP_TRANSPORT_TLS");
    assert_eq!(made["address"], "sip.example.com");

    let replace = json!({ "sipTrunkId": id, "name": "new", "address": "b.example.com", "numbers": ["+15105550199"] });
    let file = crate::sip::file(&desk, "replace.json", &replace.to_string());
    let words = desk.words(&["sip", "outbound", "update", &file]);
    assert_eq!(words, format!("SIPTrunkID: {id}\n"));
    let listed = desk.json(&["sip", "outbound", "list"]);
    assert_eq!(named(&listed, "new").unwrap()["address"], "b.example.com");
    assert!(named(&listed, "provider").is_none());
    desk.words(&["sip", "outbound", "delete", &id, "--yes"]);
}

#[test]
fn a_rule_has_one_way_and_says_so() {
    let desk = Desk::new();
    let create = [
        "sip", "dispatch", "create", "--name", "all", "--trunks", "ST_none",
    ];
    let made = desk.json(&[&create[..], &["--individual", "call-"]].concat());
    let id = made["sipDispatchRuleId"].as_str().unwrap().to_owned();
    let rule = &made["rule"]["dispatchRuleIndividual"];
    assert_eq!(rule["roomPrefix"], "call-");

    let callee = ["--callee", "number-", "--randomize"];
    desk.words(&[&["sip", "dispatch", "update", "--id", &id][..], &callee].concat());
    let listed = desk.json(&["sip", "dispatch", "list"]);
    let rule = &named(&listed, "all").unwrap()["rule"]["dispatchRuleCallee"];
    assert_eq!(rule["randomize"], true);
    let table = desk.words(&["sip", "dispatch-rule", "list"]);
    assert!(table.contains("number-<callee>_<random>"), "{table}");
    desk.words(&["sip", "dispatch", "delete", &id, "--yes"]);

    let both = [&create[..], &["--direct", "a", "--callee", "b"]].concat();
    assert_eq!(desk.say(&both).code, Some(64));
    let none = desk.say(&create);
    assert_eq!(none.code, Some(64), "{}", none.err);
    assert!(none.err.contains("--individual"), "{}", none.err);
}

#[test]
fn a_request_that_does_not_parse_is_named_with_line_and_column() {
    let desk = Desk::new();
    let file = file(
        &desk,
        "trunk.json",
        "{\n  \"trunk\": {\n    \"nmae\": \"x\"\n  }\n}\n",
    );
    let said = desk.say(&["sip", "inbound", "create", &file]);
    assert_eq!(said.code, Some(64), "{}", said.err);
    assert!(said.err.contains("trunk.json:3:5: "), "{}", said.err);
    assert!(said.err.contains("nmae"), "{}", said.err);
    let missing = desk.say(&["sip", "inbound", "create", "nowhere.json"]);
    assert_eq!(missing.code, Some(66), "{}", missing.err);
    assert!(missing.err.contains("nowhere.json"), "{}", missing.err);
    let unsaid = desk.say(&["sip", "inbound", "update", "--name", "x"]);
    assert_eq!(unsaid.code, Some(64), "{}", unsaid.err);
    assert!(unsaid.err.contains("--id"), "{}", unsaid.err);
}

#[test]
fn a_call_is_asked_for_as_typed() {
    let stub = Stub::start();
    stub.answers(
        "SIP/CreateSIPParticipant",
        &proto::SipParticipantInfo {
            sip_call_id: "SCL_1".into(),
            room_name: "lobby".into(),
            ..proto::SipParticipantInfo::default()
        },
    );
    let create = [
        "sip",
        "participant",
        "create",
        "--trunk",
        "ST_1",
        "--call",
        "+15105550123",
    ];
    let more = [
        "--room",
        "lobby",
        "--identity",
        "phone",
        "--wait",
        "--timeout",
        "20s",
    ];
    let head = [
        "--header",
        "X-Id: 7",
        "--media-enc",
        "require",
        "--number",
        "+1510",
    ];
    let said = stub.say(&[&create[..], &more, &head].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("SIPCallID: SCL_1"), "{}", said.out);
    let request: proto::CreateSipParticipantRequest = stub.asked("SIP/CreateSIPParticipant");
    assert_eq!(request.sip_trunk_id, "ST_1");
    assert_eq!(request.sip_call_to, "+15105550123");
    assert_eq!(request.participant_identity, "phone");
    assert_eq!(request.ringing_timeout.unwrap().seconds, 20);
    assert!(request.wait_until_answered);
    assert_eq!(request.headers["X-Id"], "7");
    let media = request.media.unwrap();
    let require = proto::SipMediaEncryption::SipMediaEncryptRequire;
    assert_eq!(media.encryption, Some(require.into()));

    let lacking = stub.say(&["sip", "participant", "create", "--trunk", "ST_1"]);
    assert_eq!(lacking.code, Some(64));
    assert!(lacking.err.contains("--call"), "{}", lacking.err);
}

#[test]
fn a_call_goes_over_the_trunk_whose_key_is_typed() {
    let stub = Stub::start();
    let trunk = |id: &str, name: &str, metadata: &str| proto::SipOutboundTrunkInfo {
        sip_trunk_id: id.into(),
        name: name.into(),
        metadata: metadata.into(),
        ..proto::SipOutboundTrunkInfo::default()
    };
    let items = vec![
        trunk("ST_1", "office", ""),
        trunk("ST_2", "My SIP provider", r#"{"trunkline":"provider"}"#),
    ];
    stub.answers(
        "SIP/ListSIPOutboundTrunk",
        &proto::ListSipOutboundTrunkResponse { items },
    );
    stub.answers(
        "SIP/CreateSIPParticipant",
        &proto::SipParticipantInfo::default(),
    );
    for call in [
        &["call", "+1555"][..],
        &["sip", "participant", "create", "--call", "+1555"],
    ] {
        let said = stub.say(&[call, &["--room", "lobby", "--trunk", "provider"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        let request: proto::CreateSipParticipantRequest = stub.asked("SIP/CreateSIPParticipant");
        assert_eq!(request.sip_trunk_id, "ST_2", "{call:?}");
        let lost = stub.say(&[call, &["--room", "lobby", "--trunk", "home"]].concat());
        assert_eq!(lost.code, Some(66));
        assert!(lost.err.contains("office, provider"), "{}", lost.err);
    }
}

#[test]
fn a_busy_callee_is_a_conflict_with_its_sip_status() {
    let stub = Stub::start();
    stub.refuses(
        "SIP/CreateSIPParticipant",
        429,
        r#"{"code":"resource_exhausted","msg":"twirp error unknown: INVITE failed: sip status: 486: Busy Here","meta":{"sip_status_code":"486","sip_status":"Busy Here"}}"#,
    );
    let create = [
        "sip",
        "participant",
        "create",
        "--trunk",
        "ST_1",
        "--call",
        "+1",
    ];
    let said = stub.say(&[&create[..], &["--room", "lobby", "--wait"]].concat());
    assert_eq!(said.code, Some(73), "{}", said.err);
    assert!(said.err.contains("486"), "{}", said.err);
}

#[test]
fn a_transfer_is_asked_for_as_typed() {
    let stub = Stub::start();
    stub.answers(
        "SIP/TransferSIPParticipant",
        &proto::TransferSipParticipantResponse::default(),
    );
    let who = [
        "--room",
        "lobby",
        "--identity",
        "phone",
        "--to",
        "tel:+15105550199",
    ];
    let transfer = [
        &["sip", "participant", "transfer", "--play-dialtone"][..],
        &who,
    ]
    .concat();
    let said = stub.say(&transfer);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let request: proto::TransferSipParticipantRequest = stub.asked("SIP/TransferSIPParticipant");
    assert_eq!(request.transfer_to, "tel:+15105550199");
    assert!(request.play_dialtone);
}
