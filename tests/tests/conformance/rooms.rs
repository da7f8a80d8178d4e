//! `RoomService`: rooms made, listed, changed and deleted.

use serde_json::{Value, json};

use crate::rights::{admin, admin_of, create, list};
use crate::world::{World, denied, fails, gives};

const CREATE: &str = "RoomService/CreateRoom";
const LIST: &str = "RoomService/ListRooms";
const DELETE: &str = "RoomService/DeleteRoom";
const METADATA: &str = "RoomService/UpdateRoomMetadata";

const MAX_METADATA: usize = 512 << 10;
const MAX_ATTRIBUTES: usize = 64 << 10;

/// A room as it is made when nothing is said, and what `more` says.
pub(crate) fn room(more: Value) -> Value {
    let mut room = json!({
        "sid": "<RM_>",
        "name": "{room}",
        "emptyTimeout": 300,
        "departureTimeout": 20,
        "creationTime": "<any>",
        "creationTimeMs": "<any>",
        "turnPassword": "<opt>",
        "enabledCodecs": "<any>",
    });
    for (key, value) in more.as_object().unwrap() {
        room[key] = value.clone();
    }
    room
}

pub(crate) async fn made_and_gone(w: &mut World<'_>) {
    let name = json!({"name": "{room}", "metadata": "first"});
    let plain = gives(room(json!({"metadata": "first"})));
    let made = w
        .expect("a room with the defaults", (CREATE, create()), name, plain)
        .await;
    let again = json!({"name": "{room}", "metadata": "other", "emptyTimeout": 7});
    let same = gives(room(json!({"sid": made["sid"], "metadata": "first"})));
    w.expect(
        "made again it is the same room",
        (CREATE, create()),
        again,
        same,
    )
    .await;
    let names = json!({"names": ["{room}"]});
    let one = gives(json!({"rooms": [room(json!({"sid": made["sid"], "metadata": "first"}))]}));
    w.expect("it is listed", (LIST, list()), names.clone(), one)
        .await;
    let gone = json!({"room": "{room}"});
    w.expect(
        "it is deleted",
        (DELETE, create()),
        gone.clone(),
        gives(json!({})),
    )
    .await;
    let missing = fails(
        "not_found",
        "twirp error unknown: requested room does not exist",
    );
    w.expect("deleted twice", (DELETE, create()), gone, missing)
        .await;
    w.expect(
        "deleted it is not listed",
        (LIST, list()),
        names,
        gives(json!({})),
    )
    .await;
}

pub(crate) async fn settings(w: &mut World<'_>) {
    let request = json!({
        "name": "{room}", "emptyTimeout": 61, "departureTimeout": 7, "maxParticipants": 5,
        "metadata": "m", "minPlayoutDelay": 100, "maxPlayoutDelay": 200, "syncStreams": true,
        "tags": {"a": "b"}, "nodeId": "", "roomPreset": "",
    });
    let set = json!({
        "emptyTimeout": 61, "departureTimeout": 7, "maxParticipants": 5, "metadata": "m",
    });
    w.expect(
        "settings are kept",
        (CREATE, create()),
        request,
        gives(room(set)),
    )
    .await;
    let unknown = json!({"name": "{room}-preset", "roomPreset": "none-such"});
    let msg = "twirp error unknown: unknown room configuration in create room request";
    let refused = fails("invalid_argument", msg);
    w.expect(
        "a preset nobody defined",
        (CREATE, create()),
        unknown,
        refused,
    )
    .await;
    let agents = json!({"name": "{room}-agents", "agents": [{"agentName": "a", "metadata": "x"}]});
    let made = gives(room(json!({"name": "{room}-agents"})));
    w.expect("agents of a room", (CREATE, create()), agents, made)
        .await;
    let dispatches = json!({"room": "{room}-agents"});
    let listed = gives(json!({"agentDispatches": [{
        "id": "<AD_>", "agentName": "a", "room": "{room}-agents", "metadata": "x",
        "state": {"createdAt": "<any>"},
    }]}));
    let lister = (
        "AgentDispatchService/ListDispatch",
        admin_of("{room}-agents"),
    );
    w.expect("the agents are dispatched", lister, dispatches, listed)
        .await;
}

pub(crate) async fn lists(w: &mut World<'_>) {
    for suffix in ["a", "b"] {
        let name = json!({"name": format!("{{room}}-{suffix}")});
        let made = gives(room(json!({"name": format!("{{room}}-{suffix}")})));
        w.expect("a room to list", (CREATE, create()), name, made)
            .await;
    }
    let names = json!({"names": ["{room}-b", "{room}-none"]});
    let one = json!({"rooms": [room(json!({"name": "{room}-b"}))]});
    w.expect(
        "names that nobody has are left out",
        (LIST, list()),
        names,
        gives(one),
    )
    .await;
    let names = json!({"names": ["{room}-none"]});
    w.expect(
        "only a name nobody has",
        (LIST, list()),
        names,
        gives(json!({})),
    )
    .await;
    let everything = gives(json!({"rooms": "<any>"}));
    let all = w
        .expect(
            "no names list every room",
            (LIST, list()),
            json!({}),
            everything,
        )
        .await;
    let rooms = all["rooms"].as_array().cloned().unwrap_or_default();
    let found = |name: String| {
        rooms
            .iter()
            .any(|room| room["name"] == Value::String(name.clone()))
    };
    let both = found(format!("{}-a", w.room)) && found(format!("{}-b", w.room));
    w.compare("every room is in the whole list", "true", &both.to_string());
}

pub(crate) async fn limits(w: &mut World<'_>) {
    let longest = format!("{{room}}{}", "x".repeat(256 - w.room.len()));
    let fits = gives(room(json!({"name": longest})));
    let name = json!({"name": longest});
    w.expect("a name of 256 characters", (CREATE, create()), name, fits)
        .await;
    let name = json!({"name": "x".repeat(257)});
    let msg = "twirp error unknown: room name length exceeds limits: max length 256";
    let long = fails("invalid_argument", msg);
    w.expect("a name of 257 characters", (CREATE, create()), name, long)
        .await;
    let text = "x".repeat(MAX_METADATA);
    let fits = gives(room(json!({"metadata": text})));
    let most = json!({"name": "{room}", "metadata": text});
    w.expect("metadata of 512 KiB", (CREATE, create()), most, fits)
        .await;
    let much = "x".repeat(MAX_METADATA + 1);
    let large = || fails("invalid_argument", "metadata size exceeds limits 524288");
    let more = json!({"name": "{room}-2", "metadata": much});
    w.expect("metadata over 512 KiB", (CREATE, create()), more, large())
        .await;
    let agent = json!({"name": "{room}-2", "agents": [{"agentName": "a", "metadata": much}]});
    w.expect(
        "an agent's metadata over 512 KiB",
        (CREATE, create()),
        agent,
        large(),
    )
    .await;
    let attributes = json!({"k": "x".repeat(MAX_ATTRIBUTES)});
    let agent =
        json!({"name": "{room}-2", "agents": [{"agentName": "a", "attributes": attributes}]});
    let large = fails("invalid_argument", "attribute size exceeds limits 65536");
    w.expect(
        "an agent's attributes over 64 KiB",
        (CREATE, create()),
        agent,
        large,
    )
    .await;
    let nameless = gives(json!({
        "sid": "<RM_>", "emptyTimeout": 300, "departureTimeout": 20, "creationTime": "<any>",
        "creationTimeMs": "<any>", "turnPassword": "<opt>", "enabledCodecs": "<any>",
    }));
    w.expect("no name at all", (CREATE, create()), json!({}), nameless)
        .await;
}

pub(crate) async fn metadata(w: &mut World<'_>) {
    let name = json!({"name": "{room}"});
    w.expect(
        "a room to change",
        (CREATE, create()),
        name,
        gives(room(json!({}))),
    )
    .await;
    let change = json!({"room": "{room}", "metadata": "new"});
    let changed = gives(room(json!({"metadata": "new"})));
    w.expect("new metadata", (METADATA, admin()), change, changed.clone())
        .await;
    let names = json!({"names": ["{room}"]});
    let listed = gives(json!({"rooms": [room(json!({"metadata": "new"}))]}));
    w.expect("new metadata is listed", (LIST, list()), names, listed)
        .await;
    let nothing = json!({"room": "{room}"});
    let none = gives(room(json!({})));
    w.expect("metadata taken away", (METADATA, admin()), nothing, none)
        .await;
    let elsewhere = json!({"room": "{room}-none", "metadata": "x"});
    let missing = fails(
        "not_found",
        "twirp error unknown: requested room does not exist",
    );
    let right = admin_of("{room}-none");
    w.expect(
        "metadata of a room nobody made",
        (METADATA, right),
        elsewhere,
        missing,
    )
    .await;
    let much = json!({"room": "{room}", "metadata": "x".repeat(MAX_METADATA + 1)});
    let large = fails("invalid_argument", "metadata size exceeds limits 524288");
    w.expect(
        "new metadata over 512 KiB",
        (METADATA, admin()),
        much.clone(),
        large.clone(),
    )
    .await;
    w.expect(
        "too much metadata without the right",
        (METADATA, list()),
        much,
        large,
    )
    .await;
}

pub(crate) async fn deleting(w: &mut World<'_>) {
    let missing = fails(
        "not_found",
        "twirp error unknown: requested room does not exist",
    );
    let never = json!({"room": "{room}"});
    w.expect(
        "a room nobody made",
        (DELETE, create()),
        never.clone(),
        missing,
    )
    .await;
    w.expect(
        "deleting needs roomCreate",
        (DELETE, admin()),
        never,
        denied(),
    )
    .await;
    let name = json!({"name": "{room}"});
    let made = w
        .expect(
            "a room to leave",
            (CREATE, create()),
            name.clone(),
            gives(room(json!({}))),
        )
        .await;
    let (guest, mut events) = w.join("guest").await;
    crate::participants::present(w).await;
    let gone = json!({"room": "{room}"});
    w.expect(
        "a room with somebody in it",
        (DELETE, create()),
        gone,
        gives(json!({})),
    )
    .await;
    let told = crate::participants::goodbye(&mut events).await;
    w.compare("those in it are told", "RoomDeleted", &told);
    drop(guest);
    let fresh = w
        .expect(
            "made anew",
            (CREATE, create()),
            name,
            gives(room(json!({}))),
        )
        .await;
    let other = (fresh["sid"] != made["sid"]).to_string();
    w.compare("made anew it is another life", "true", &other);
}
