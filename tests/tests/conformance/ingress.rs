//! `Ingress`, on a server to which no importer is connected.

use serde_json::{Value, json};

use crate::rights::ingress;
use crate::world::{World, fails, gives};

const CREATE: &str = "Ingress/CreateIngress";
const UPDATE: &str = "Ingress/UpdateIngress";
const LIST: &str = "Ingress/ListIngress";
const DELETE: &str = "Ingress/DeleteIngress";

fn told(more: &Value) -> Value {
    let mut told = json!({
        "ingressId": "<IN_>", "name": "n", "streamKey": "<any>", "url": "<any>",
        "enableTranscoding": true, "roomName": "{room}", "participantIdentity": "p",
        "reusable": true, "state": {},
    });
    for (key, value) in more.as_object().unwrap() {
        told[key] = value.clone();
    }
    told
}

fn request(more: &Value) -> Value {
    let mut request = json!({
        "inputType": "RTMP_INPUT", "name": "n", "roomName": "{room}", "participantIdentity": "p",
    });
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

pub(crate) async fn made_listed_deleted(w: &mut World<'_>) {
    let new = request(&json!({"participantName": "P", "participantMetadata": "m"}));
    let kept = json!({"participantName": "P", "participantMetadata": "m"});
    let made = w
        .expect(
            "an RTMP ingress",
            (CREATE, ingress()),
            new,
            gives(told(&kept)),
        )
        .await;
    let id = made["ingressId"].clone();
    let listed = gives(json!({"items": [made]}));
    w.expect(
        "ingress of a room",
        (LIST, ingress()),
        json!({"roomName": "{room}"}),
        listed.clone(),
    )
    .await;
    w.expect(
        "ingress by its id",
        (LIST, ingress()),
        json!({"ingressId": id}),
        listed,
    )
    .await;
    let whip = request(&json!({"inputType": "WHIP_INPUT", "roomName": "{room}-2"}));
    let kept = json!({
        "inputType": "WHIP_INPUT", "enableTranscoding": false, "bypassTranscoding": true,
        "roomName": "{room}-2",
    });
    let second = w
        .expect(
            "a WHIP ingress",
            (CREATE, ingress()),
            whip,
            gives(told(&kept)),
        )
        .await;
    for one in [made, second] {
        let by_id = json!({"ingressId": one["ingressId"]});
        w.expect(
            "an ingress is deleted",
            (DELETE, ingress()),
            by_id,
            gives(one),
        )
        .await;
    }
    let missing = fails("not_found", "twirp error unknown: ingress does not exist");
    let by_id = json!({"ingressId": id});
    w.expect(
        "an ingress deleted twice",
        (DELETE, ingress()),
        by_id.clone(),
        missing.clone(),
    )
    .await;
    w.expect(
        "an ingress listed by an id nobody has",
        (LIST, ingress()),
        by_id,
        missing,
    )
    .await;
    w.expect(
        "a room without ingress",
        (LIST, ingress()),
        json!({"roomName": "{room}"}),
        gives(json!({})),
    )
    .await;
}

pub(crate) async fn changed(w: &mut World<'_>) {
    let made = w
        .expect(
            "an ingress to change",
            (CREATE, ingress()),
            request(&json!({})),
            gives(told(&json!({}))),
        )
        .await;
    let id = made["ingressId"].clone();
    let change =
        json!({"ingressId": id, "name": "new", "participantName": "Q", "roomName": "{room}-2"});
    let new = told(&json!({"name": "new", "participantName": "Q", "roomName": "{room}-2"}));
    w.expect(
        "an ingress is changed",
        (UPDATE, ingress()),
        change,
        gives(new.clone()),
    )
    .await;
    let nothing = json!({"ingressId": id});
    w.expect(
        "an ingress is left as it is",
        (UPDATE, ingress()),
        nothing.clone(),
        gives(new.clone()),
    )
    .await;
    let off = json!({"ingressId": id, "enableTranscoding": false});
    let text = "twirp error unknown: invalid transcoding bypass configuration: bypassing transcoding impossible with selected input type";
    w.expect(
        "RTMP without transcoding",
        (UPDATE, ingress()),
        off,
        fails("invalid_argument", text),
    )
    .await;
    w.expect(
        "the end of an ingress",
        (DELETE, ingress()),
        nothing.clone(),
        gives(new),
    )
    .await;
    let missing = fails("not_found", "twirp error unknown: ingress does not exist");
    w.expect(
        "a change of an ingress nobody made",
        (UPDATE, ingress()),
        nothing,
        missing,
    )
    .await;
}

pub(crate) async fn refused(w: &mut World<'_>) {
    let prefix = "twirp error unknown: invalid ingress: ";
    let cases = [
        (
            "no identity",
            request(&json!({"participantIdentity": ""})),
            "no participant identity",
        ),
        (
            "a URL ingress without a URL",
            request(&json!({"inputType": "URL_INPUT"})),
            "missing URL parameter",
        ),
        (
            "a URL of a scheme nobody pulls",
            request(&json!({"inputType": "URL_INPUT", "url": "ftp://example.com/a"})),
            "invalid url scheme ftp",
        ),
        (
            "a URL ingress into no room",
            request(
                &json!({"inputType": "URL_INPUT", "url": "https://example.com/a", "roomName": ""}),
            ),
            "no room name",
        ),
    ];
    for (case, request, text) in cases {
        let refused = fails("invalid_argument", format!("{prefix}{text}"));
        w.expect(case, (CREATE, ingress()), request, refused).await;
    }
    let pull = request(&json!({"inputType": "URL_INPUT", "url": "https://example.com/a"}));
    let silent = fails(
        "unavailable",
        "twirp error unknown: no response from servers",
    );
    w.expect(
        "a URL ingress without an importer",
        (CREATE, ingress()),
        pull,
        silent,
    )
    .await;
}
