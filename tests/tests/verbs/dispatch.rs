//! `dispatch …`.

use crate::desk::Desk;

#[test]
fn a_dispatch_is_created_listed_got_and_deleted() {
    let desk = Desk::new();
    desk.words(&["room", "create", "lobby"]);
    // A new room is offered to every worker without a name: LiveKit lists that as a dispatch.
    let before = desk.json(&["dispatch", "list", "lobby"]);
    let unnamed = before["agentDispatches"][0]["id"].as_str().unwrap();
    let gone = desk.json(&["dispatch", "delete", "lobby", unnamed, "-y"]);
    assert_eq!(gone["id"], unnamed);
    let none = desk.words(&["dispatch", "list", "lobby"]);
    assert_eq!(none, "no agent is sent to the room\n");

    let create = [
        "dispatch",
        "create",
        "--room",
        "lobby",
        "--agent-name",
        "support",
    ];
    let made = desk.json(&[&create[..], &["--metadata", "{\"a\":1}"]].concat());
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["agentName"], "support");
    assert_eq!(made["metadata"], "{\"a\":1}");

    let listed = desk.json(&["dispatch", "list", "lobby"]);
    assert_eq!(listed["agentDispatches"][0]["id"], id);
    let got = desk.json(&["dispatch", "get", "lobby", id]);
    assert_eq!(got["agentDispatches"].as_array().unwrap().len(), 1);
    let table = desk.words(&["dispatch", "list", "lobby"]);
    assert!(table.starts_with("DispatchID"), "{table}");
    assert!(table.contains("support"), "{table}");

    let refused = desk.say(&["dispatch", "delete", "lobby", id]);
    assert_eq!(refused.code, Some(64));
    let gone = desk.json(&["dispatch", "delete", "lobby", id, "-y"]);
    assert_eq!(gone["id"], id);
    let left = desk.json(&["dispatch", "list", "lobby"]);
    assert_eq!(left["agentDispatches"], serde_json::json!([]));
}

#[test]
fn a_room_of_its_own_has_a_made_up_name() {
    let desk = Desk::new();
    let made = desk.json(&[
        "dispatch",
        "create",
        "--new-room",
        "--agent-name",
        "support",
    ]);
    let room = made["room"].as_str().unwrap();
    assert!(room.starts_with("room-") && room.len() > 10, "{room}");
    let neither = desk.say(&["dispatch", "create", "--agent-name", "support"]);
    assert_eq!(neither.code, Some(64), "{}", neither.err);
    assert!(neither.err.contains("--room"), "{}", neither.err);
}
