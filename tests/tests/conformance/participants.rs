//! `RoomService`: those who are in a room.

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_client::room::{AudioOptions, RoomEvent, RoomEvents};

use crate::rights::{admin, admin_of, create, list};
use crate::world::{World, denied, fails, gives};

const LIST: &str = "RoomService/ListParticipants";
const GET: &str = "RoomService/GetParticipant";
const REMOVE: &str = "RoomService/RemoveParticipant";
const MUTE: &str = "RoomService/MutePublishedTrack";
const UPDATE: &str = "RoomService/UpdateParticipant";
const SUBSCRIBE: &str = "RoomService/UpdateSubscriptions";

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

fn unknown() -> crate::world::Expect {
    fails(
        "not_found",
        "twirp error unknown: participant does not exist",
    )
}

pub(crate) fn silent() -> crate::world::Expect {
    fails(
        "unavailable",
        "twirp error unknown: no response from servers",
    )
}

/// What everybody is told of `guest`, and what `more` says.
fn guest(more: Value) -> Value {
    let mut guest = json!({
        "sid": "<PA_>",
        "identity": "guest",
        "name": "N",
        "state": "ACTIVE",
        "joinedAt": "<any>",
        "joinedAtMs": "<any>",
        "version": "<any>",
        "permission": {"canSubscribe": true, "canPublish": true, "canPublishData": true},
    });
    for (key, value) in more.as_object().unwrap() {
        guest[key] = value.clone();
    }
    guest
}

fn who(identity: &str) -> Value {
    json!({"room": "{room}", "identity": identity})
}

/// How a session ended for its participant.
pub(crate) async fn goodbye(events: &mut RoomEvents) -> String {
    let end = async {
        loop {
            match events.next().await {
                Some(RoomEvent::Disconnected { reason }) => return format!("{reason:?}"),
                Some(_) => {}
                None => return "nothing".to_owned(),
            }
        }
    };
    tokio::time::timeout(LIMIT, end)
        .await
        .unwrap_or_else(|_| "nothing in time".to_owned())
}

/// Waits until `guest` is connected.
pub(crate) async fn present(w: &mut World<'_>) {
    let found = guest(json!({}));
    w.until("one comes", (GET, admin()), who("guest"), found)
        .await;
}

pub(crate) async fn with_room(w: &mut World<'_>) {
    let made = gives(crate::rooms::room(json!({})));
    let name = json!({"name": "{room}"});
    w.expect(
        "a room to be in",
        ("RoomService/CreateRoom", create()),
        name,
        made,
    )
    .await;
}

pub(crate) async fn nobody_there(w: &mut World<'_>) {
    let room = json!({"room": "{room}"});
    w.expect(
        "nobody in a room nobody made",
        (LIST, admin()),
        room.clone(),
        gives(json!({})),
    )
    .await;
    w.expect(
        "who is in a room nobody made",
        (GET, admin()),
        who("guest"),
        unknown(),
    )
    .await;
    with_room(w).await;
    w.expect(
        "nobody in an empty room",
        (LIST, admin()),
        room,
        gives(json!({})),
    )
    .await;
    for (case, identity) in [("who is not there", "guest"), ("who has no name", "")] {
        w.expect(
            &format!("getting {case}"),
            (GET, admin()),
            who(identity),
            unknown(),
        )
        .await;
        w.expect(
            &format!("removing {case}"),
            (REMOVE, admin()),
            who(identity),
            unknown(),
        )
        .await;
        w.expect(
            &format!("updating {case}"),
            (UPDATE, admin()),
            who(identity),
            unknown(),
        )
        .await;
    }
    let long = who(&"x".repeat(257));
    w.expect(
        "getting an identity of 257 characters",
        (GET, admin()),
        long,
        unknown(),
    )
    .await;
    let track = json!({"room": "{room}", "identity": "guest", "trackSid": "TR_x", "muted": true});
    w.expect("muting who is not there", (MUTE, admin()), track, silent())
        .await;
    let tracks = json!({"room": "{room}", "identity": "guest", "trackSids": ["TR_x"]});
    w.expect(
        "subscribing who is not there",
        (SUBSCRIBE, admin()),
        tracks,
        silent(),
    )
    .await;
}

pub(crate) async fn seen(w: &mut World<'_>) {
    let (_room, _events) = w.join("guest").await;
    w.until(
        "one is listed",
        (LIST, admin()),
        json!({"room": "{room}"}),
        json!({"participants": [guest(json!({}))]}),
    )
    .await;
    w.until(
        "one is found",
        (GET, admin()),
        who("guest"),
        guest(json!({})),
    )
    .await;
    let names = json!({"names": ["{room}"]});
    let listed = crate::rooms::room(json!({"numParticipants": 1}));
    w.until(
        "the room counts one",
        ("RoomService/ListRooms", list()),
        names,
        json!({"rooms": [listed]}),
    )
    .await;
    let other = json!({"room": "{room}", "identity": "guest"});
    w.expect(
        "the right on another room",
        (GET, admin_of("other")),
        other,
        denied(),
    )
    .await;
}

pub(crate) async fn changed(w: &mut World<'_>) {
    let (_room, _events) = w.join("guest").await;
    present(w).await;
    let mut change = who("guest");
    change["name"] = json!("Anna");
    change["metadata"] = json!("m");
    change["attributes"] = json!({"a": "1", "b": "2"});
    let new = json!({"name": "Anna", "metadata": "m", "attributes": {"a": "1", "b": "2"}});
    w.expect(
        "name, metadata and attributes",
        (UPDATE, admin()),
        change,
        gives(guest(new.clone())),
    )
    .await;
    w.until(
        "the change is seen",
        (GET, admin()),
        who("guest"),
        guest(new),
    )
    .await;
    let mut change = who("guest");
    change["attributes"] = json!({"a": ""});
    let new = json!({"name": "Anna", "metadata": "m", "attributes": {"b": "2"}});
    w.expect(
        "an empty attribute is taken away",
        (UPDATE, admin()),
        change,
        gives(guest(new)),
    )
    .await;
    let mut change = who("guest");
    change["permission"] = json!({"canSubscribe": true, "canPublishData": true, "hidden": false});
    let permission = json!({"canSubscribe": true, "canPublishData": true});
    let new = json!({
        "name": "Anna", "metadata": "m", "attributes": {"b": "2"}, "permission": permission,
    });
    w.expect(
        "permission is replaced",
        (UPDATE, admin()),
        change,
        gives(guest(new.clone())),
    )
    .await;
    w.expect(
        "no change",
        (UPDATE, admin()),
        who("guest"),
        gives(guest(new)),
    )
    .await;
}

pub(crate) async fn too_much(w: &mut World<'_>) {
    let with = |key: &str, value: Value| {
        let mut change = who("guest");
        change[key] = value;
        change
    };
    let name = with("name", json!("x".repeat(257)));
    let metadata = with("metadata", json!("x".repeat((512 << 10) + 1)));
    let attributes = with("attributes", json!({"k": "x".repeat(64 << 10)}));
    let cases = [
        (
            "a name of 257 characters",
            name,
            "name length exceeds limits 256",
        ),
        (
            "metadata over 512 KiB",
            metadata,
            "metadata size exceeds limits 524288",
        ),
        (
            "attributes over 64 KiB",
            attributes,
            "attribute size exceeds limits 65536",
        ),
    ];
    for (case, change, text) in cases {
        let refused = fails("invalid_argument", text);
        w.expect(case, (UPDATE, admin()), change.clone(), refused.clone())
            .await;
        w.expect(
            &format!("{case} without the right"),
            (UPDATE, list()),
            change,
            refused,
        )
        .await;
    }
    let longest = with("name", json!("x".repeat(256)));
    w.expect(
        "a name of 256 characters",
        (UPDATE, admin()),
        longest,
        unknown(),
    )
    .await;
}

pub(crate) async fn muted(w: &mut World<'_>) {
    let (room, _events) = w.join("guest").await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let found = w
        .until(
            "one who publishes",
            (GET, admin()),
            who("guest"),
            guest(json!({
                "isPublisher": true, "tracks": "<any>",
            })),
        )
        .await;
    let sid = found["tracks"][0]["sid"].clone();
    let request = |sid: &Value, muted: bool| json!({"room": "{room}", "identity": "guest", "trackSid": sid, "muted": muted});
    let muted = w
        .expect(
            "a track is muted",
            (MUTE, admin()),
            request(&sid, true),
            gives(json!({"track": "<any>"})),
        )
        .await;
    w.compare(
        "the muted track is told",
        "true",
        &(muted["track"]["muted"] == json!(true)).to_string(),
    );
    let refused = fails(
        "failed_precondition",
        "twirp error unknown: remote unmute not enabled",
    );
    w.expect(
        "unmuting is not allowed",
        (MUTE, admin()),
        request(&sid, false),
        refused,
    )
    .await;

    w.expect(
        "a track nobody has",
        (MUTE, admin()),
        request(&json!("TR_none"), true),
        gives(json!({})),
    )
    .await;

    w.expect(
        "no track at all",
        (MUTE, admin()),
        request(&json!(""), true),
        gives(json!({})),
    )
    .await;
    drop(track);
}

pub(crate) async fn subscriptions(w: &mut World<'_>) {
    let (room, _events) = w.join("guest").await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let (_hearer, mut events) = w.join("hearer").await;
    let heard = async {
        loop {
            match events.next().await {
                Some(RoomEvent::TrackSubscribed(track)) => return track.sid.to_string(),
                Some(_) => {}
                None => return "nothing".to_owned(),
            }
        }
    };
    let sid = tokio::time::timeout(LIMIT, heard)
        .await
        .unwrap_or_else(|_| "nothing".to_owned());
    w.compare("a track is heard", track.sid().as_ref(), &sid);
    let request = |subscribe: bool| json!({"room": "{room}", "identity": "hearer", "trackSids": [sid], "subscribe": subscribe});
    w.expect(
        "a track is let go",
        (SUBSCRIBE, admin()),
        request(false),
        gives(json!({})),
    )
    .await;
    let gone = async {
        loop {
            match events.next().await {
                Some(RoomEvent::TrackUnsubscribed { sid, .. }) => return sid.to_string(),
                Some(_) => {}
                None => return "nothing".to_owned(),
            }
        }
    };
    let lost = tokio::time::timeout(LIMIT, gone)
        .await
        .unwrap_or_else(|_| "nothing".to_owned());
    w.compare("the hearer loses it", &sid, &lost);
    w.expect(
        "a track is taken again",
        (SUBSCRIBE, admin()),
        request(true),
        gives(json!({})),
    )
    .await;
    let none = json!({"room": "{room}", "identity": "hearer", "trackSids": ["TR_none"], "subscribe": true});
    w.expect(
        "a track nobody publishes",
        (SUBSCRIBE, admin()),
        none,
        gives(json!({})),
    )
    .await;
}

pub(crate) async fn removed(w: &mut World<'_>) {
    let (_room, mut events) = w.join("guest").await;
    present(w).await;
    w.expect(
        "one is removed",
        (REMOVE, admin()),
        who("guest"),
        gives(json!({})),
    )
    .await;
    let told = goodbye(&mut events).await;
    w.compare("the removed one is told", "ParticipantRemoved", &told);
    w.expect(
        "removed it is not found",
        (GET, admin()),
        who("guest"),
        unknown(),
    )
    .await;
    w.expect("removed twice", (REMOVE, admin()), who("guest"), unknown())
        .await;
}
