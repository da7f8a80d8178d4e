//! Every method of every service with every kind of bad request.

use reqwest::Method;
use serde_json::{Value, json};

use crate::rights::{admin_of, all_but};
use crate::rpc::{ALL, Encoding, Rpc};
use crate::target::now;
use crate::world::{World, denied, fails};

/// Tokens that do not do, for each method.
pub(crate) async fn tokens(w: &mut World<'_>) {
    for rpc in ALL {
        let right = w.filled(&(rpc.right)());
        let least = rpc.body(w.encoding, &w.filled(&(rpc.least)()));
        let other = w.token(&all_but(&right));
        for (case, token) in [
            ("no token", String::new()),
            ("every right but its own", other),
        ] {
            let answer = w.call(rpc.path, &token, least.clone()).await;
            w.judge(
                &format!("{} with {case}", rpc.path),
                *rpc,
                &answer,
                denied(),
            );
        }
        if right["video"]["roomAdmin"] == json!(true) {
            let token = w.token(&admin_of("another"));
            let answer = w.call(rpc.path, &token, least.clone()).await;
            w.judge(
                &format!("{} with the right on another room", rpc.path),
                *rpc,
                &answer,
                denied(),
            );
        }
        let mut old = right.clone();
        old["exp"] = json!(now() - 3600);
        let mut early = right.clone();
        early["nbf"] = json!(now() + 3600);
        let bad = [
            (
                "an expired token",
                w.token(&old),
                "<~invalid authorization token: >",
            ),
            (
                "a token from the future",
                w.token(&early),
                "<~invalid authorization token: >",
            ),
            (
                "a token by another secret",
                w.target().forged(None, "guess", &right),
                "<~invalid authorization token: >",
            ),
            (
                "a token by an unknown key",
                w.target().forged(Some("nobody"), "x", &right),
                "invalid API key",
            ),
        ];
        for (case, token, text) in bad {
            let answer = w.call(rpc.path, &token, least.clone()).await;
            let found = format!("{} {}", answer.status, answer.text());
            let expected = match text.strip_prefix("<~") {
                Some(rest) => format!("<~401 {rest}"),
                None => format!("401 {text}"),
            };
            w.compare(&format!("{} with {case}", rpc.path), &expected, &found);
        }
    }
}

/// Bodies that are no request, for each method.
pub(crate) async fn bodies(w: &mut World<'_>) {
    let name = match w.encoding {
        Encoding::Json => "json",
        Encoding::Protobuf => "protobuf",
    };
    let malformed = || {
        fails(
            "malformed",
            format!("the {name} request could not be decoded"),
        )
    };
    for rpc in ALL {
        let token = w.token(&(rpc.right)());
        let bodies: &[(&str, &[u8])] = match w.encoding {
            Encoding::Json => &[
                ("no JSON", b"nonsense"),
                ("an empty JSON body", b""),
                ("half of JSON", b"{\"room\":"),
            ],
            Encoding::Protobuf => &[
                ("no protobuf", b"\xff\xff\xff\xff"),
                ("a cut protobuf", b"\x0a\x7fabc"),
            ],
        };
        for (case, body) in bodies {
            let answer = w.call(rpc.path, &token, body.to_vec()).await;
            w.judge(
                &format!("{} with {case}", rpc.path),
                *rpc,
                &answer,
                malformed(),
            );
        }
        if w.encoding == Encoding::Json {
            let least = w.filled(&(rpc.least)());
            let spare = with_spare_field(least);
            let answer = w.call(rpc.path, "", spare.to_string().into_bytes()).await;
            w.judge(
                &format!("{} with a field of tomorrow", rpc.path),
                *rpc,
                &answer,
                denied(),
            );
        }
    }
}

fn with_spare_field(mut request: Value) -> Value {
    request["aFieldOfTomorrow"] = json!({"x": [1]});
    request
}

/// Verbs, content types and paths that lead nowhere, for each method.
pub(crate) async fn routes(w: &mut World<'_>) {
    for rpc in ALL {
        let token = w.token(&(rpc.right)());
        let path = format!("/twirp/livekit.{}", rpc.path);
        let kind = [("content-type", w.encoding.kind())];
        let body = rpc.body(w.encoding, &w.filled(&(rpc.least)()));
        for (method, shown) in [(Method::GET, "GET"), (Method::PUT, "PUT")] {
            let answer = w.send((method, &path), &token, &kind, body.clone()).await;
            let text = format!("unsupported method \"{shown}\" (only POST is allowed)");
            w.judge(
                &format!("{} by {shown}", rpc.path),
                *rpc,
                &answer,
                fails("bad_route", text),
            );
        }
        for kind in ["text/plain", "application/x-protobuf"] {
            let headers = [("content-type", kind)];
            let answer = w
                .send((Method::POST, &path), &token, &headers, body.clone())
                .await;
            let text = format!("unexpected Content-Type: \"{kind}\"");
            w.judge(
                &format!("{} as {kind}", rpc.path),
                *rpc,
                &answer,
                fails("bad_route", text),
            );
        }
        let answer = w
            .send((Method::POST, &path), &token, &[], body.clone())
            .await;
        let text = "unexpected Content-Type: \"\"";
        w.judge(
            &format!("{} without a content type", rpc.path),
            *rpc,
            &answer,
            fails("bad_route", text),
        );
    }
    let unknown = Rpc::named("RoomService/ListRooms");
    for service in [
        "RoomService",
        "AgentDispatchService",
        "SIP",
        "Egress",
        "Ingress",
    ] {
        let path = format!("{service}/NoSuchMethod");
        let answer = w.call(&path, "", b"{}".to_vec()).await;
        let text = format!("no handler for path \"/twirp/livekit.{path}\"");
        w.judge(
            &format!("{path} is no method"),
            unknown,
            &answer,
            fails("bad_route", text),
        );
    }
}
