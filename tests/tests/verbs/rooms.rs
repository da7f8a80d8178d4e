//! `room …` without anybody in the rooms.

use serde_json::json;

use crate::desk::Desk;

#[test]
fn a_room_is_created_listed_changed_and_deleted() {
    let desk = Desk::new();
    assert_eq!(desk.json(&["room", "list"]), json!({ "rooms": [] }));
    assert_eq!(desk.words(&["room", "list"]), "no room is open\n");

    let create = ["room", "create", "lobby", "--empty-timeout", "77"];
    let made = desk.json(&[&create[..], &["--max-participants", "3"]].concat());
    assert_eq!(made["name"], "lobby");
    assert_eq!(made["emptyTimeout"], 77);
    assert_eq!(made["maxParticipants"], 3);
    let words = desk.words(&["room", "create", "second"]);
    assert!(words.starts_with("room second is open (RM_"), "{words}");

    let listed = desk.json(&["room", "list", "lobby"]);
    assert_eq!(listed["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(listed["rooms"][0]["sid"], made["sid"]);
    let table = desk.words(&["room", "list"]);
    let head: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(
        head,
        [
            "RoomID",
            "Name",
            "Participants",
            "Publishers",
            "Recording",
            "Created"
        ]
    );
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains(" +00:00"), "local times: {table}");

    let changed = desk.json(&["room", "update", "lobby", "--metadata", "new"]);
    assert_eq!(changed["metadata"], "new");

    let gone = desk.json(&["room", "delete", "lobby", "second", "--yes"]);
    assert_eq!(gone, json!({ "deleted": ["lobby", "second"] }));
    assert_eq!(desk.json(&["room", "list"]), json!({ "rooms": [] }));
}

#[test]
fn nothing_is_deleted_where_nobody_can_be_asked() {
    let desk = Desk::new();
    desk.words(&["room", "create", "lobby"]);
    let said = desk.say(&["room", "delete", "lobby"]);
    assert_eq!(said.code, Some(64), "{}", said.err);
    assert!(said.err.contains("remedy: pass --yes"), "{}", said.err);
    assert_eq!(desk.json(&["room", "list"])["rooms"][0]["name"], "lobby");
}

#[test]
fn a_room_that_is_not_there_is_missing_and_the_error_says_what_why_and_how() {
    let desk = Desk::new();
    let said = desk.say(&["room", "update", "nowhere", "--metadata", "x"]);
    assert_eq!(said.code, Some(66), "{}", said.err);
    assert_eq!(said.out, "");
    let err = said.err;
    assert!(err.contains("RoomService/UpdateRoomMetadata"), "{err}");
    assert!(err.contains("not_found"), "{err}");
    assert!(err.contains("remedy: "), "{err}");
    assert_eq!(err.matches("error: ").count(), 1, "told once: {err}");
}

#[test]
fn agents_and_tags_of_a_new_room_come_from_files_and_flags() {
    let desk = Desk::new();
    let file = desk.home.path().join("agents.json");
    std::fs::write(&file, r#"{"dispatches": [{"agentName": "support"}]}"#).unwrap();
    let file = file.display().to_string();
    let room = ["room", "create", "lobby", "--agents-file", &file];
    desk.words(&room);
    let sent = desk.json(&["dispatch", "list", "lobby"]);
    assert_eq!(sent["agentDispatches"][0]["agentName"], "support");
    let bad = desk.say(&["room", "create", "other", "--tag", "without"]);
    assert_eq!(bad.code, Some(64), "{}", bad.err);
}

#[test]
fn a_name_is_filled_in() {
    let desk = Desk::new();
    let made = desk.json(&["room", "create", "call-%Y-%x"]);
    let name = made["name"].as_str().unwrap();
    let (start, end) = name.rsplit_once('-').unwrap();
    assert!(
        start.starts_with("call-20") && !start.contains('%'),
        "{name}"
    );
    assert_eq!(end.len(), 12, "{name}");
}
