//! Joining a room, as far as it is HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::rights::{admin, nothing};
use crate::world::{Answer, World};

fn joiner(more: Value) -> Value {
    let mut video = json!({"roomJoin": true, "room": "{room}"});
    for (key, value) in more.as_object().unwrap() {
        video[key] = value.clone();
    }
    json!({"sub": "guest", "video": video})
}

fn shown(answer: &Answer) -> String {
    format!("{} {}: {}", answer.status, answer.kind, answer.text())
}

async fn validate(w: &World<'_>, query: &str, claims: &Value) -> String {
    let token = w.token(claims);
    let path = format!("/rtc/validate{query}");
    shown(&w.send((Method::GET, &path), &token, &[], Vec::new()).await)
}

pub(crate) async fn validated(w: &mut World<'_>) {
    let good = "200 text/plain; charset=utf-8: success";
    let plain = joiner(json!({}));
    let found = validate(w, "", &plain).await;
    w.compare("a good token", good, &found);
    let found = validate(w, "?room=ignored&auto_subscribe=0&publish=", &plain).await;
    w.compare("parameters", good, &found);
    let found = validate(
        w,
        "?sdk=js&protocol=16&version=2.0&os=mac&browser=x",
        &plain,
    )
    .await;
    w.compare("a client's description", good, &found);
    let path = format!("/rtc/validate?access_token={}", w.token(&plain));
    let answer = w.send((Method::GET, &path), "", &[], Vec::new()).await;
    w.compare("the token in the query", good, &shown(&answer));
    let path = format!("//rtc/validate?access_token={}", w.token(&plain));
    let answer = w.send((Method::GET, &path), "", &[], Vec::new()).await;
    w.compare("a double slash", good, &shown(&answer));
    let own = joiner(json!({"canUpdateOwnMetadata": true}));
    let attributes = "eyJhIjoiMSJ9";
    let found = validate(w, &format!("?attributes={attributes}"), &own).await;
    w.compare("attributes with the right", good, &found);
}

#[expect(clippy::too_many_lines, reason = "one story, told case by case")]
pub(crate) async fn refused(w: &mut World<'_>) {
    let text = |status: u16, text: &str| format!("{status} text/plain; charset=utf-8: {text}");
    let long = "x".repeat(257);
    let named =
        |sub: &str, room: &str| json!({"sub": sub, "video": {"roomJoin": true, "room": room}});
    let denied = text(401, "permissions denied");
    let nothing_here = text(401, NO_PERMISSION);
    let cases = [
        ("no right at all", "", nothing(), denied.clone()),
        ("the right to administer", "", admin(), denied.clone()),
        (
            "no video right",
            "",
            json!({"sub": "a", "sip": {"call": true}}),
            nothing_here.clone(),
        ),
        (
            "no room anywhere",
            "",
            json!({"sub": "a", "video": {"roomJoin": true}}),
            text(400, "no room name"),
        ),
        (
            "a room of 257 characters",
            "",
            named("a", &long),
            text(400, "room name length exceeds limits: max length 256"),
        ),
        (
            "an identity of 257 characters",
            "",
            named(&long, "{room}"),
            text(
                400,
                "participant identity length exceeds limits: max length 256",
            ),
        ),
        (
            "attributes without the right",
            "?attributes=eyJhIjoiMSJ9",
            joiner(json!({})),
            nothing_here.clone(),
        ),
        (
            "attributes that do not decode",
            "?attributes=%21",
            joiner(json!({})),
            text(400, "cannot decode attributes"),
        ),
        (
            "publishing without the right",
            "?publish=x",
            joiner(json!({"canPublish": false})),
            nothing_here.clone(),
        ),
    ];
    for (case, query, claims, expected) in cases {
        let found = validate(w, query, &claims).await;
        w.compare(case, &expected, &found);
    }
    let answer = w
        .send((Method::GET, "/rtc/validate"), "", &[], Vec::new())
        .await;
    w.compare("no token", &nothing_here, &shown(&answer));
    let token = w.token(&joiner(json!({})));
    for (case, query, expected) in [
        ("v1 without a request", "", "join_request is required"),
        (
            "v1 with what is no base64",
            "?join_request=%21",
            "cannot base64 decode wrapped join request",
        ),
        (
            "v1 with what is no message",
            "?join_request=_____w==",
            "cannot unmarshal wrapped join request",
        ),
        ("v1 with an empty request", "?join_request=CAA=", "success"),
    ] {
        let path = format!("/rtc/v1/validate{query}");
        let answer = w.send((Method::GET, &path), &token, &[], Vec::new()).await;
        let status = if expected == "success" { 200 } else { 400 };
        w.compare(case, &text(status, expected), &shown(&answer));
    }
}

/// Upgrades that are refused before they are one.
pub(crate) async fn sockets(w: &mut World<'_>) {
    let upgrade = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let weak = w.token(&nothing());
    let good = w.token(&joiner(json!({})));
    for (case, path, token, expected) in [
        ("a socket without a token", "/rtc", "", NOT_GRANTED),
        (
            "a socket without the right",
            "/rtc",
            weak.as_str(),
            "401 permissions denied",
        ),
        (
            "a v1 socket without a request",
            "/rtc/v1",
            good.as_str(),
            "400 join_request is required",
        ),
        (
            "a worker's socket without a token",
            "/agent",
            "",
            NOT_GRANTED,
        ),
        (
            "a worker's socket without the right",
            "/agent",
            good.as_str(),
            NOT_GRANTED,
        ),
    ] {
        let answer = w
            .send((Method::GET, path), token, &upgrade, Vec::new())
            .await;
        w.compare(
            case,
            expected,
            &format!("{} {}", answer.status, answer.text()),
        );
    }
}
/// What joining says where the API says "permissions denied".
const NO_PERMISSION: &str = "no permissions to access the room";
const NOT_GRANTED: &str = "401 no permissions to access the room";
