//! A story's own room, its callers and its participants, and what is noted when an answer does
//! not look as it should.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use trunkline_base::secret::Secret;
use trunkline_client::room::{Room, RoomEvents, RoomOptions};

use crate::book::Book;
use crate::pattern::misfit;
use crate::rpc::{Encoding, Rpc};
use crate::target::Target;

/// One story in one encoding.
pub(crate) struct World<'a> {
    book: &'a mut Book,
    client: Client,
    pub(crate) encoding: Encoding,
    pub(crate) room: String,
}

/// What a call must be answered with.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// 200 and a message that looks so.
    Gives(Value),
    /// A Twirp error of this code and text.
    Fails(&'static str, String),
}

/// A message that looks so.
pub(crate) fn gives(pattern: Value) -> Expect {
    Expect::Gives(pattern)
}

/// A Twirp error.
pub(crate) fn fails(code: &'static str, msg: impl Into<String>) -> Expect {
    Expect::Fails(code, msg.into())
}

/// The missing right.
pub(crate) fn denied() -> Expect {
    fails("unauthenticated", "permissions denied")
}

/// An answer as the client sees it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Bytes,
}

impl<'a> World<'a> {
    pub(crate) fn new(book: &'a mut Book, encoding: Encoding, room: String) -> Self {
        Self {
            book,
            client: Client::new(),
            encoding,
            room,
        }
    }

    pub(crate) const fn target(&self) -> &Target {
        &self.book.target
    }

    /// Calls with these claims and notes under `case` when the answer is another. Gives the reply
    /// in camelCase without defaults, or the error.
    pub(crate) async fn expect(
        &mut self,
        case: &str,
        (rpc, claims): (&str, Value),
        request: Value,
        expect: Expect,
    ) -> Value {
        let rpc = Rpc::named(rpc);
        let body = rpc.body(self.encoding, &self.filled(&request));
        let token = self.token(&claims);
        let answer = self.call(rpc.path, &token, body).await;
        self.judge(case, rpc, &answer, expect)
    }

    /// Calls until the reply looks so, or notes what it is after ten seconds.
    pub(crate) async fn until(
        &mut self,
        case: &str,
        (rpc, claims): (&str, Value),
        request: Value,
        pattern: Value,
    ) -> Value {
        let rpc = Rpc::named(rpc);
        let body = rpc.body(self.encoding, &self.filled(&request));
        let token = self.token(&claims);
        let wanted = self.filled(&pattern);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.call(rpc.path, &token, body.clone()).await;
            let reply = rpc.reply(self.encoding, &answer.body);
            let fits = reply.is_ok_and(|reply| misfit(&wanted, &reply).is_none());
            if fits || tokio::time::Instant::now() > deadline {
                return self.judge(case, rpc, &answer, Expect::Gives(pattern));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Notes under `case` when the answer is not the expected one.
    pub(crate) fn judge(&mut self, case: &str, rpc: Rpc, answer: &Answer, expect: Expect) -> Value {
        let (expected, value, wrong) = match expect {
            Expect::Gives(pattern) => {
                let pattern = self.filled(&pattern);
                let reply = (answer.status == 200).then(|| rpc.reply(self.encoding, &answer.body));
                let wrong = match &reply {
                    None => Some(answer.summary()),
                    Some(Err(error)) => Some(format!("200, unreadable: {error}")),
                    Some(Ok(_)) if answer.kind != self.encoding.kind() => Some(answer.kind.clone()),
                    Some(Ok(reply)) => misfit(&pattern, reply).map(|why| format!("200, {why}")),
                };
                let value = reply.and_then(Result::ok).unwrap_or_default();
                (format!("200 {pattern}"), value, wrong)
            }
            Expect::Fails(code, msg) => {
                let msg = self.text(&msg);
                let msg = match msg.strip_prefix(WRAPPED) {
                    Some(rest) if self.target().ours => rest.to_owned(),
                    _ => msg,
                };
                let fits = answer.status == status_of(code) && answer.kind == "application/json";
                let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                let wrong = misfit(&json!({"code": code, "msg": msg, "meta": "<any>"}), &{
                    let mut body = body.clone();
                    if body.get("meta").is_none() {
                        body["meta"] = Value::Null;
                    }
                    body
                });
                let wrong = (!fits || wrong.is_some()).then(|| answer.summary());
                (format!("{} {code}: {msg}", status_of(code)), body, wrong)
            }
        };
        self.book.note(case, self.encoding, expected, wrong);
        value
    }

    /// Notes a plain comparison.
    pub(crate) fn compare(&mut self, case: &str, expected: &str, found: &str) {
        let expected = self.text(expected);
        let wrong = misfit(&json!(expected), &json!(found)).map(|_| found.to_owned());
        self.book.note(case, self.encoding, expected, wrong);
    }

    /// Posts a body to a method.
    pub(crate) async fn call(&self, path: &str, token: &str, body: Vec<u8>) -> Answer {
        let kind = [("content-type", self.encoding.kind())];
        let path = format!("/twirp/livekit.{path}");
        self.send((Method::POST, &path), token, &kind, body).await
    }

    /// Any request. An empty token sends none.
    ///
    /// A server may refuse a large body and close while it is still being sent, and then the
    /// refusal can be lost with the connection; so a broken request is sent again.
    pub(crate) async fn send(
        &self,
        (method, path): (Method, &str),
        token: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = self.client.request(method, self.target().url(path));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).build().unwrap();
        let mut told = String::new();
        for _ in 0..ATTEMPTS {
            match self.client.execute(request.try_clone().unwrap()).await {
                Ok(response) => return Answer::of(response).await,
                Err(error) => told = format!("{error:?}"),
            }
        }
        panic!("{path} is not answered: {told}");
    }

    /// A token of these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.target().token(&self.filled(claims))
    }

    /// Joins the room of the story.
    pub(crate) async fn join(&self, identity: &str) -> (Room, RoomEvents) {
        let video = json!({"roomJoin": true, "room": "{room}"});
        self.join_as(json!({"sub": identity, "name": "N", "video": video}))
            .await
    }

    /// Joins with these claims.
    pub(crate) async fn join_as(&self, claims: Value) -> (Room, RoomEvents) {
        let token = Secret::new(self.token(&claims));
        let url = self.target().socket_url();
        Room::connect(&url, token, RoomOptions::default())
            .await
            .unwrap()
    }

    /// The value with the story's room in place.
    pub(crate) fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter().filter(|(_, value)| !value.is_null());
                fields
                    .map(|(key, value)| (key.clone(), self.filled(value)))
                    .collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        text.replace("{room}", &self.room)
    }
}

impl Answer {
    async fn of(response: Response) -> Self {
        let headers = response.headers().clone();
        let kind = headers.get("content-type");
        let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
        Self {
            status: response.status().as_u16(),
            kind: kind.unwrap_or_default(),
            headers,
            body: response.bytes().await.unwrap_or_default(),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// One line of it: status, and code and text of an error.
    pub(crate) fn summary(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        match (body["code"].as_str(), body["msg"].as_str()) {
            (Some(code), Some(msg)) => format!("{} {code}: {msg}", self.status),
            _ if self.status == 200 => "200".to_owned(),
            _ => format!("{} {}", self.status, self.text().trim()),
        }
    }
}

/// What LiveKit's server writes before the text of an error that came over its bus. It tells a
/// caller nothing, and ours leaves it out everywhere.
const WRAPPED: &str = "twirp error unknown: ";

const ATTEMPTS: usize = 5;

/// How long a state is awaited over the API, and how often it is asked for.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(50);

/// The HTTP status that Twirp gives a code.
fn status_of(code: &str) -> u16 {
    match code {
        "invalid_argument" | "malformed" | "out_of_range" => 400,
        "unauthenticated" => 401,
        "permission_denied" => 403,
        "not_found" | "bad_route" => 404,
        "canceled" | "deadline_exceeded" => 408,
        "already_exists" | "aborted" => 409,
        "failed_precondition" => 412,
        "resource_exhausted" => 429,
        "unimplemented" => 501,
        "unavailable" => 503,
        "internal" | "unknown" | "dataloss" => 500,
        _ => panic!("{code} is no Twirp code"),
    }
}
