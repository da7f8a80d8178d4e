//! `Egress`, on a server to which no recorder is connected.

use serde_json::json;

use crate::rights::{create, record};
use crate::world::{World, fails, gives};

pub(crate) async fn listed(w: &mut World<'_>) {
    let cases = [
        (
            "recordings of a room without any",
            json!({"roomName": "{room}"}),
        ),
        (
            "recordings under way in a room without any",
            json!({"roomName": "{room}", "active": true}),
        ),
    ];
    for (case, request) in cases {
        w.expect(
            case,
            ("Egress/ListEgress", record()),
            request,
            gives(json!({})),
        )
        .await;
    }
}

pub(crate) async fn started(w: &mut World<'_>) {
    let file = json!({"filepath": "a.ogg"});
    let none = fails(
        "not_found",
        "twirp error unknown: requested room does not exist",
    );
    let room = json!({"roomName": "{room}-none", "fileOutputs": [file]});
    w.expect(
        "a room nobody made",
        ("Egress/StartRoomCompositeEgress", record()),
        room,
        none,
    )
    .await;
    let name = json!({"name": "{room}"});
    let made = gives(crate::rooms::room(json!({})));
    w.expect(
        "a room to record",
        ("RoomService/CreateRoom", create()),
        name,
        made,
    )
    .await;
    let silent = fails(
        "unavailable",
        "twirp error unknown: no response from servers",
    );
    let cases = [
        (
            "StartEgress",
            json!({"roomName": "{room}", "template": {}, "outputs": [{"file": file}]}),
        ),
        (
            "StartRoomCompositeEgress",
            json!({"roomName": "{room}", "fileOutputs": [file]}),
        ),
        (
            "StartWebEgress",
            json!({"url": "https://example.com", "fileOutputs": [file]}),
        ),
        (
            "StartParticipantEgress",
            json!({"roomName": "{room}", "identity": "a", "fileOutputs": [file]}),
        ),
        (
            "StartTrackCompositeEgress",
            json!({"roomName": "{room}", "audioTrackId": "TR_a", "fileOutputs": [file]}),
        ),
        (
            "StartTrackEgress",
            json!({"roomName": "{room}", "trackId": "TR_a", "file": {"filepath": "a.ogg"}}),
        ),
    ];
    for (method, request) in cases {
        let call = format!("Egress/{method}");
        w.expect(
            &format!("{method} without a recorder"),
            (&call, record()),
            request,
            silent.clone(),
        )
        .await;
    }
    let egress = json!({"name": "{room}-2", "egress": {"room": {"roomName": "{room}-2", "fileOutputs": [file]}}});
    let made = gives(crate::rooms::room(json!({"name": "{room}-2"})));
    w.expect(
        "a room that records from its start",
        ("RoomService/CreateRoom", create()),
        egress,
        made,
    )
    .await;
}

pub(crate) async fn steered(w: &mut World<'_>) {
    let none = fails("not_found", "twirp error unknown: egress does not exist");
    let cases = [
        ("StopEgress", json!({"egressId": "EG_none"})),
        ("ListEgress", json!({"egressId": "EG_none"})),
        (
            "UpdateLayout",
            json!({"egressId": "EG_none", "layout": "grid"}),
        ),
        (
            "UpdateStream",
            json!({"egressId": "EG_none", "addOutputUrls": ["rtmp://example.com/a"]}),
        ),
    ];
    for (method, request) in cases {
        let call = format!("Egress/{method}");
        w.expect(
            &format!("{method} of a recording nobody made"),
            (&call, record()),
            request,
            none.clone(),
        )
        .await;
    }
}
