//! Access tokens as the API takes them.

use reqwest::Method;
use serde_json::json;

use crate::rights::{create, list};
use crate::target::now;
use crate::world::World;

const PATH: &str = "/twirp/livekit.RoomService/ListRooms";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
/// `{"alg":"none","typ":"JWT"}` and `{"alg":"HS512","typ":"JWT"}`.
const NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
const HS512: &str = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";

async fn ask(w: &World<'_>, path: &str, headers: &[(&str, &str)]) -> String {
    let body = br#"{"names":["nobody-has-this-name"]}"#.to_vec();
    let answer = w.send((Method::POST, path), "", headers, body).await;
    match answer.status {
        200 => "200".to_owned(),
        status => format!("{status} {}: {}", answer.kind, answer.text()),
    }
}

async fn bearer(w: &World<'_>, token: &str) -> String {
    let value = format!("Bearer {token}");
    ask(w, PATH, &[JSON[0], ("authorization", &value)]).await
}

pub(crate) async fn accepted(w: &mut World<'_>) {
    let good = w.token(&list());
    let found = bearer(w, &good).await;
    w.compare("a good token", "200", &found);
    let found = ask(w, &format!("{PATH}?access_token={good}"), &JSON).await;
    w.compare("a token in the query", "200", &found);
    let mut late = list();
    late["exp"] = json!(now() - 30);
    let found = bearer(w, &w.token(&late)).await;
    w.compare("expired half a minute ago", "200", &found);
    let mut early = list();
    early["nbf"] = json!(now() + 30);
    let found = bearer(w, &w.token(&early)).await;
    w.compare("valid in half a minute", "200", &found);
    let mut young = list();
    young["iat"] = json!(now() + 600);
    let found = bearer(w, &w.token(&young)).await;
    w.compare("issued in ten minutes", "200", &found);
    let strange = w.token(&create());
    let value = format!("Bearer {good}");
    let path = format!("{PATH}?access_token={strange}");
    let found = ask(w, &path, &[JSON[0], ("authorization", &value)]).await;
    w.compare("the header wins over the query", "200", &found);
}

pub(crate) async fn refused(w: &mut World<'_>) {
    let good = w.token(&list());
    let parts: Vec<&str> = good.split('.').collect();
    let plain = |text: &str| format!("401 text/plain; charset=utf-8: {text}");
    let wrong = plain("invalid authorization token");
    let scheme = plain("invalid authorization header. Must start with Bearer ");
    let headers = [
        ("another scheme", format!("Basic {good}"), scheme.clone()),
        ("a small bearer", format!("bearer {good}"), scheme.clone()),
        ("a token alone", good.clone(), scheme),
        ("no token", "Bearer nonsense".to_owned(), wrong.clone()),
        (
            "two parts of a token",
            format!("Bearer {}.{}", parts[0], parts[1]),
            wrong.clone(),
        ),
        (
            "claims that are no JSON",
            format!("Bearer {}.bm8.{}", parts[0], parts[2]),
            wrong.clone(),
        ),
        (
            "an unsigned token",
            format!("Bearer {NONE}.{}.", parts[1]),
            format!("<~{}", wrong.clone() + ">"),
        ),
        (
            "another algorithm",
            format!("Bearer {HS512}.{}.{}", parts[1], parts[2]),
            format!("<~{}", wrong + ">"),
        ),
    ];
    for (case, value, expected) in headers {
        let found = ask(w, PATH, &[JSON[0], ("authorization", &value)]).await;
        w.compare(case, &expected, &found);
    }
    let found = ask(w, &format!("{PATH}?access_token=nonsense"), &JSON).await;
    w.compare(
        "nonsense in the query",
        &plain("invalid authorization token"),
        &found,
    );
    let none = ask(w, PATH, &JSON).await;
    let denied =
        "401 application/json: {\"code\":\"unauthenticated\",\"msg\":\"permissions denied\"}";
    w.compare("no token at all", denied, &none);
    for (case, claim, at) in [
        ("expired a minute and a half ago", "exp", now() - 90),
        ("valid in a minute and a half", "nbf", now() + 90),
    ] {
        let mut off = list();
        off[claim] = json!(at);
        let found = bearer(w, &w.token(&off)).await;
        w.compare(
            case,
            "<~401 text/plain; charset=utf-8: invalid authorization token: >",
            &found,
        );
    }
}
