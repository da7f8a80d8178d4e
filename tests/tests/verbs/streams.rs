//! `egress …` and `ingress …`, and moving participants: what is asked, and how answers are shown.

use livekit_protocol as proto;
use livekit_protocol::egress_info::Request;
use serde_json::{Value, json};

use crate::stub::Stub;

fn recording(id: &str) -> proto::EgressInfo {
    proto::EgressInfo {
        egress_id: id.into(),
        status: proto::EgressStatus::EgressActive.into(),
        started_at: 1_800_000_000_000_000_000,
        request: Some(Request::RoomComposite(proto::RoomCompositeEgressRequest {
            room_name: "lobby".into(),
            ..proto::RoomCompositeEgressRequest::default()
        })),
        ..proto::EgressInfo::default()
    }
}

#[test]
fn every_type_of_egress_is_started_by_its_own_request() {
    let stub = Stub::start();
    let types = [
        (
            "room-composite",
            "StartRoomCompositeEgress",
            r#"{"room_name":"lobby"}"#,
        ),
        ("web", "StartWebEgress", r#"{"url":"https://example.com"}"#),
        (
            "participant",
            "StartParticipantEgress",
            r#"{"roomName":"lobby"}"#,
        ),
        (
            "track-composite",
            "StartTrackCompositeEgress",
            r#"{"roomName":"lobby"}"#,
        ),
        (
            "track",
            "StartTrackEgress",
            r#"{"roomName":"lobby","trackId":"TR_1"}"#,
        ),
        ("any", "StartEgress", r#"{"roomName":"lobby"}"#),
    ];
    for (kind, method, request) in types {
        stub.answers(&format!("Egress/{method}"), &recording("EG_1"));
        let said = stub.say(&["egress", "start", "--type", kind, request]);
        assert_eq!(said.code, Some(0), "{kind}: {}", said.err);
        assert_eq!(said.out, "egress EG_1: EGRESS_ACTIVE\n");
    }
    let web: proto::WebEgressRequest = stub.asked("Egress/StartWebEgress");
    assert_eq!(web.url, "https://example.com");
    let wrong = stub.say(&["egress", "start", "--type", "web", r#"{"trackId":"TR_1"}"#]);
    assert_eq!(wrong.code, Some(64));
    assert!(wrong.err.contains("`trackId`"), "{}", wrong.err);
}

#[test]
fn egresses_are_listed_page_by_page_up_to_the_limit() {
    let stub = Stub::start();
    stub.answers(
        "Egress/ListEgress",
        &proto::ListEgressResponse {
            items: vec![recording("EG_1"), recording("EG_2")],
            next_page_token: Some(proto::TokenPagination {
                token: "more".into(),
            }),
        },
    );
    let list = ["egress", "list", "--room", "lobby", "--active"];
    let said = stub.say(&list);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", said.out);
    let cells: Vec<&str> = lines[1].split_whitespace().collect();
    let first = ["EG_1", "EGRESS_ACTIVE", "room_composite", "lobby"];
    assert_eq!(cells[..4], first);
    assert!(
        lines[1].contains("2027-01-15 08:00:00 +00:00"),
        "{}",
        said.out
    );
    let asked: proto::ListEgressRequest = stub.asked("Egress/ListEgress");
    assert_eq!((asked.room_name.as_str(), asked.active), ("lobby", true));

    let said = stub.say(&[&list[..], &["--limit", "3", "--json"]].concat());
    let items: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(items["items"].as_array().unwrap().len(), 3);
    let asked: proto::ListEgressRequest = stub.asked("Egress/ListEgress");
    assert_eq!(asked.page_token.unwrap().token, "more");
}

#[test]
fn an_egress_is_changed_and_stopped() {
    let stub = Stub::start();
    for method in ["UpdateLayout", "UpdateStream", "StopEgress"] {
        stub.answers(&format!("Egress/{method}"), &recording("EG_1"));
    }
    let layout = [
        "egress",
        "update-layout",
        "--id",
        "EG_1",
        "--layout",
        "grid",
    ];
    assert_eq!(stub.say(&layout).code, Some(0));
    let asked: proto::UpdateLayoutRequest = stub.asked("Egress/UpdateLayout");
    assert_eq!(asked.layout, "grid");
    let stream = [
        "egress",
        "update-stream",
        "--id",
        "EG_1",
        "--add-urls",
        "rtmp://a,rtmp://b",
    ];
    assert_eq!(stub.say(&stream).code, Some(0));
    let asked: proto::UpdateStreamRequest = stub.asked("Egress/UpdateStream");
    assert_eq!(asked.add_output_urls, ["rtmp://a", "rtmp://b"]);
    let stop = ["egress", "stop", "--id", "EG_1"];
    assert_eq!(stub.say(&stop).code, Some(64), "it asks first");
    let said = stub.say(&[&stop[..], &["--yes", "--json"]].concat());
    let stopped: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(stopped["items"][0]["egressId"], "EG_1");
}

#[test]
fn an_ingress_is_created_changed_listed_and_deleted() {
    let stub = Stub::start();
    let info = proto::IngressInfo {
        ingress_id: "IN_1".into(),
        name: "cam".into(),
        room_name: "lobby".into(),
        stream_key: "key".into(),
        url: "rtmp://example.com/live".into(),
        ..proto::IngressInfo::default()
    };
    for method in ["CreateIngress", "UpdateIngress", "DeleteIngress"] {
        stub.answers(&format!("Ingress/{method}"), &info);
    }
    let listed = proto::ListIngressResponse {
        items: vec![info],
        next_page_token: None,
    };
    stub.answers("Ingress/ListIngress", &listed);
    let request = r#"{"inputType":"RTMP_INPUT","roomName":"lobby"}"#;
    let said = stub.say(&["ingress", "create", request]);
    assert!(
        said.out.contains("stream key  key"),
        "{}{}",
        said.out,
        said.err
    );
    let asked: proto::CreateIngressRequest = stub.asked("Ingress/CreateIngress");
    assert_eq!(asked.room_name, "lobby");
    let change = r#"{"ingressId":"IN_1","name":"cam"}"#;
    assert_eq!(stub.say(&["ingress", "update", change]).code, Some(0));
    let table = stub.say(&["ingress", "list", "--room", "lobby"]).out;
    assert!(
        table.starts_with("IngressID") && table.contains("IN_1"),
        "{table}"
    );
    assert_eq!(stub.say(&["ingress", "delete", "IN_1"]).code, Some(64));
    let said = stub.say(&["ingress", "delete", "IN_1", "--yes", "--json"]);
    let gone: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(gone["ingressId"], "IN_1");
}

#[test]
fn a_participant_is_forwarded_and_moved() {
    let stub = Stub::start();
    stub.answers(
        "RoomService/ForwardParticipant",
        &proto::ForwardParticipantResponse::default(),
    );
    stub.answers(
        "RoomService/MoveParticipant",
        &proto::MoveParticipantResponse::default(),
    );
    for (verb, word) in [
        ("forward", "is in stage too"),
        ("move", "from lobby to stage"),
    ] {
        let who = [
            "--room",
            "lobby",
            "--identity",
            "alice",
            "--destination-room",
            "stage",
        ];
        let said = stub.say(&[&["room", "participants", verb][..], &who].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(said.out.contains(word), "{}", said.out);
    }
    let asked: proto::MoveParticipantRequest = stub.asked("RoomService/MoveParticipant");
    assert_eq!(asked.destination_room, "stage");
}

#[test]
fn an_empty_list_is_a_document_and_words() {
    let stub = Stub::start();
    stub.answers("Egress/ListEgress", &proto::ListEgressResponse::default());
    assert_eq!(stub.say(&["egress", "list"]).out, "there is no egress\n");
    let said = stub.say(&["egress", "list", "--json"]);
    let list: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(list, json!({ "items": [] }));
}

#[test]
fn a_server_that_refuses_is_told_once_with_its_class() {
    let stub = Stub::start();
    let cases = [
        ("unauthenticated", 401, 77),
        ("not_found", 404, 66),
        ("invalid_argument", 400, 64),
        ("failed_precondition", 412, 73),
    ];
    for (code, status, exit) in cases {
        let body = json!({ "code": code, "msg": "because" }).to_string();
        stub.refuses("Egress/ListEgress", status, &body);
        let said = stub.say(&["egress", "list", "--json"]);
        assert_eq!(said.code, Some(exit), "{code}: {}", said.err);
        assert_eq!(said.out, "");
        assert_eq!(said.err.matches("because").count(), 1, "{}", said.err);
        assert!(said.err.contains("Egress/ListEgress"), "{}", said.err);
    }
}
