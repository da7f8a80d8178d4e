//! What is plain HTTP: health, CORS, routes, sizes, and how JSON is spelled.

use reqwest::Method;
use serde_json::{Value, json};

use crate::rights::{create, list};
use crate::rpc::Encoding;
use crate::world::{Answer, World};

const LIST: &str = "/twirp/livekit.RoomService/ListRooms";

fn shown(answer: &Answer) -> String {
    format!(
        "{} {}: {}",
        answer.status,
        answer.kind,
        answer.text().trim_end()
    )
}

fn header(answer: &Answer, name: &str) -> String {
    let value = answer
        .headers
        .get(name)
        .map(|value| value.to_str().unwrap());
    value.unwrap_or("absent").to_owned()
}

pub(crate) async fn health(w: &mut World<'_>) {
    let answer = w.send((Method::GET, "/"), "", &[], Vec::new()).await;
    w.compare(
        "health",
        "200 text/plain; charset=utf-8: OK",
        &shown(&answer),
    );
    let answer = w.send((Method::HEAD, "/"), "", &[], Vec::new()).await;
    w.compare("health by HEAD", "200", &answer.status.to_string());
}

pub(crate) async fn cors(w: &mut World<'_>) {
    let origin = ("origin", "https://example.com");
    let asked = [
        origin,
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type",
        ),
    ];
    let answer = w
        .send((Method::OPTIONS, LIST), "", &asked, Vec::new())
        .await;
    w.compare("a preflight is answered", "204", &answer.status.to_string());
    let pairs = [
        ("access-control-allow-origin", "https://example.com"),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "authorization,content-type"),
        ("access-control-max-age", "86400"),
    ];
    for (name, value) in pairs {
        w.compare(
            &format!("a preflight's {name}"),
            value,
            &header(&answer, name),
        );
    }
    let token = w.token(&list());
    let headers = [origin, ("content-type", "application/json")];
    let answer = w
        .send((Method::POST, LIST), &token, &headers, b"{}".to_vec())
        .await;
    w.compare(
        "a call's allowed origin",
        "https://example.com",
        &header(&answer, "access-control-allow-origin"),
    );
    w.compare(
        "a call's exposed headers",
        "*",
        &header(&answer, "access-control-expose-headers"),
    );
    let answer = w
        .send((Method::GET, "/rtc/validate"), "", &[origin], Vec::new())
        .await;
    w.compare(
        "a refusal's allowed origin",
        "*",
        &header(&answer, "access-control-allow-origin"),
    );
    let answer = w
        .send((Method::GET, "/rtc/validate"), "", &[], Vec::new())
        .await;
    w.compare(
        "a refusal's allowed origin without one",
        "*",
        &header(&answer, "access-control-allow-origin"),
    );
}

pub(crate) async fn routes(w: &mut World<'_>) {
    let token = w.token(&list());
    let kind = [("content-type", "application/json")];
    let none = "404 text/plain; charset=utf-8: 404 page not found";
    let answer = w
        .send(
            (Method::POST, "/twirp/livekit.Connector/DialWhatsAppCall"),
            &token,
            &kind,
            b"{}".to_vec(),
        )
        .await;
    w.compare("a service of the cloud", none, &shown(&answer));
    for path in ["/no/such/path", "/settings/regions", "/twirp"] {
        let answer = w.send((Method::GET, path), &token, &[], Vec::new()).await;
        w.compare(&format!("GET {path}"), none, &shown(&answer));
    }
    for path in ["/rtc", "/rtc/v1", "/agent"] {
        let answer = w.send((Method::GET, path), &token, &[], Vec::new()).await;
        w.compare(
            &format!("{path} without a socket"),
            "404 : ",
            &format!("{} {}: {}", answer.status, answer.kind, answer.text()),
        );
    }
    let answer = w
        .send(
            (Method::POST, &format!("/{LIST}")),
            &token,
            &kind,
            b"{}".to_vec(),
        )
        .await;
    w.compare("a double slash", "200", &answer.status.to_string());
}

pub(crate) async fn sizes(w: &mut World<'_>) {
    let token = w.token(&list());
    let kind = [("content-type", w.encoding.kind())];
    let large = vec![b' '; (10 << 20) + 1];
    let answer = w.send((Method::POST, LIST), &token, &kind, large).await;
    w.compare(
        "a body over 10 MiB",
        "413 text/plain; charset=utf-8: request body too large",
        &shown(&answer),
    );
    let mut fits = vec![b' '; 10 << 20];
    if w.encoding == Encoding::Json {
        fits[..2].copy_from_slice(b"{}");
        let answer = w.send((Method::POST, LIST), &token, &kind, fits).await;
        w.compare("a body of 10 MiB", "200", &answer.status.to_string());
    }
}

pub(crate) async fn json(w: &mut World<'_>) {
    let kind = [("content-type", "application/json;charset=UTF-8")];
    let path = "/twirp/livekit.RoomService/CreateRoom";
    let token = w.token(&create());
    let body = json!({"name": w.room, "empty_timeout": 61, "departureTimeout": 62}).to_string();
    let answer = w
        .send((Method::POST, path), &token, &kind, body.into_bytes())
        .await;
    w.compare(
        "a charset beside the content type",
        "200 application/json",
        &format!("{} {}", answer.status, answer.kind),
    );
    let room: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let snake = format!("{} {}", room["empty_timeout"], room["departure_timeout"]);
    w.compare(
        "fields are read in both spellings and told in snake_case",
        "61 62",
        &snake,
    );
    w.compare(
        "defaults are told",
        "0 \"\"",
        &format!("{} {}", room["max_participants"], room["metadata"]),
    );
    w.compare(
        "64-bit numbers are told as text",
        "true",
        &room["creation_time"].is_string().to_string(),
    );
    let mut names: Vec<&str> = room
        .as_object()
        .map(|room| room.keys().map(String::as_str).collect())
        .unwrap_or_default();
    names.sort_unstable();
    let all = "active_recording creation_time creation_time_ms departure_timeout empty_timeout enabled_codecs max_participants metadata name num_participants num_publishers sid turn_password version";
    w.compare("the fields of a room", all, &names.join(" "));
    for (case, body) in [
        (
            "a number as text",
            json!({"name": format!("{}-2", w.room), "emptyTimeout": "61"}),
        ),
        (
            "null is absent",
            json!({"name": format!("{}-3", w.room), "metadata": null}),
        ),
    ] {
        let answer = w
            .send(
                (Method::POST, path),
                &token,
                &kind,
                body.to_string().into_bytes(),
            )
            .await;
        w.compare(case, "200", &answer.status.to_string());
    }
    let wrong = [
        ("a text for a number", json!({"emptyTimeout": "soon"})),
        ("a number below zero", json!({"emptyTimeout": -1})),
        ("a number for a text", json!({"name": 7})),
        ("a list for a message", json!([])),
    ];
    for (case, body) in wrong {
        let answer = w
            .send(
                (Method::POST, path),
                &token,
                &kind,
                body.to_string().into_bytes(),
            )
            .await;
        let expected = "400 malformed: the json request could not be decoded";
        w.compare(case, expected, &answer.summary());
    }
}
