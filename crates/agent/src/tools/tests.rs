//! Tools of a file against a service that misbehaves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use trunkline_base::id::{CallId, RoomName};
use trunkline_client::url::TransportRules;
use trunkline_service::config::{Environment, Source};

use super::*;
use crate::brain::{Act, Facts};
use crate::config::AgentConfig;
use crate::outside::Outside;

/// What a request was: method, address, authorization, body.
type Seen = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// Answers by the first part of the path.
async fn answer(State(seen): State<Seen>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let header = |name: &str| {
        let value = parts.headers.get(name);
        value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    let path = parts.uri.path().to_owned();
    seen.lock().unwrap().push((
        parts.method.to_string(),
        parts.uri.to_string(),
        header("authorization"),
        String::from_utf8(body.to_vec()).unwrap(),
    ));
    match path.split('/').nth(1).unwrap() {
        "parcels" => {
            axum::Json(json!({"data": {"items": [{"status": "in the van"}]}})).into_response()
        }
        "page" => "We are open until six.".into_response(),
        "long" => "x".repeat(1 << 20).into_response(),
        "list" => axum::Json(json!({"rows": vec!["a parcel"; 2000]})).into_response(),
        "hang" => std::future::pending().await,
        "away" => Redirect::temporary("http://localhost:1/secret").into_response(),
        "here" => Redirect::temporary("/page/1").into_response(),
        "broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        "garbage" => (
            [("content-type", "application/json")],
            Body::from("{\"a\":"),
        )
            .into_response(),
        other => panic!("{other}"),
    }
}

struct Service {
    address: SocketAddr,
    seen: Seen,
    _work: JoinSet<()>,
}

impl Service {
    async fn start() -> Self {
        let seen = Seen::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut work = JoinSet::new();
        work.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            seen,
            _work: work,
        }
    }

    /// A tool of a file with these keys; `HOST` is this service.
    fn offer(&self, keys: &str) -> Offer {
        let keys = keys.replace("HOST", &format!("http://{}", self.address));
        let config = parse(&format!("tools:\n  t: {{description: d, {keys}}}\n"))
            .unwrap_or_else(|report| panic!("{report}"));
        offered(&config, "t")
    }

    fn last(&self) -> (String, String, String, String) {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

fn outside() -> Outside {
    Outside::new(&Arc::new(TransportRules::default())).unwrap()
}

fn offered(config: &AgentConfig, name: &str) -> Offer {
    let toolbox = Toolbox::start(&config.tools, outside().held());
    let mut offered = toolbox.offered().into_iter();
    offered.find(|offer| offer.name == name).unwrap()
}

fn parse(sections: &str) -> Result<AgentConfig, String> {
    let text = format!(
        "brain: external\nexternal: {{url: \"http://127.0.0.1:1\", apology: Sorry.}}\n{sections}"
    );
    let env = Environment::from([("KEY", "s3cret"), ("NONE", "")]);
    AgentConfig::parse(&Source::new("agent.yaml", text), &env).map_err(|r| r.to_string())
}

fn context() -> Context {
    let mut facts = Facts::new(RoomName::parse("call-1").unwrap());
    facts.call = CallId::parse("SCL_1").ok();
    let number = ("sip.phoneNumber".to_owned(), "+1 555/0100".to_owned());
    facts.attributes = BTreeMap::from([number]).into();
    Context {
        now: OffsetDateTime::UNIX_EPOCH,
        call: Arc::new(facts),
    }
}

async fn call(offer: &Offer, arguments: &Json) -> Result<Outcome, ToolError> {
    offer.call(&arguments.to_string(), &context()).await
}

const NUMBER: &str = "parameters: {type: object, properties: {number: {type: string}, \
                      note: {type: string}}, required: [number]}";

#[tokio::test]
async fn a_service_is_asked_as_the_file_says_and_its_result_is_found() {
    let service = Service::start().await;
    let offer = service.offer(&format!(
        "url: \"HOST/parcels/{{number}}?by={{call.sip.phoneNumber}}\", auth: {{bearer: \"${{KEY}}\"}}, \
         result: data.items.0.status, {NUMBER}"
    ));
    let outcome = call(
        &offer,
        &json!({"number": "4/2 7", "note": "a&b", "admin": "1"}),
    )
    .await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.text, "in the van");
    let (method, url, auth, _) = service.last();
    assert_eq!(
        (method.as_str(), url.as_str(), auth.as_str()),
        (
            "GET",
            "/parcels/4%2F2%207?by=%2B1%20555%2F0100&note=a%26b",
            "Bearer s3cret"
        )
    );
    assert!(!offer.tool.changes());
}

#[tokio::test]
async fn what_is_sent_is_the_arguments_or_what_the_file_makes_of_them() {
    let service = Service::start().await;
    let plain = service.offer(&format!("method: POST, url: HOST/parcels, {NUMBER}"));
    call(&plain, &json!({"number": 427})).await.unwrap();
    assert_eq!(service.last().3, r#"{"number":"427"}"#);
    assert!(plain.tool.changes());
    let made = service.offer(&format!(
        "method: PUT, url: HOST/parcels, auth: {{basic: \"a:${{KEY}}\"}}, body: {{id: \"{{number}}\", \
         call: \"{{call.id}} in {{call.room}}\", none: \"{{call.nothing}}\"}}, {NUMBER}"
    ));
    call(&made, &json!({"number": "427"})).await.unwrap();
    let (method, _, auth, body) = service.last();
    assert_eq!(method, "PUT");
    assert!(auth.starts_with("Basic "), "{auth}");
    let body: Json = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body,
        json!({"id": "427", "call": "SCL_1 in call-1", "none": null})
    );
}

#[tokio::test]
async fn long_answers_are_cut_and_say_so() {
    let service = Service::start().await;
    for keys in ["url: HOST/long/1", "url: HOST/list/1"] {
        let offer = service.offer(&format!("{keys}, most_bytes: 100"));
        let outcome = call(&offer, &json!({})).await.unwrap();
        assert!(outcome.text.len() < 200, "{}", outcome.text.len());
        assert!(outcome.text.contains("was cut here"), "{}", outcome.text);
    }
    let part = service.offer("url: HOST/long/1, result: data");
    assert_eq!(call(&part, &json!({})).await, Err(ToolError::Answer));
    let page = service.offer("url: HOST/page/1");
    let outcome = call(&page, &json!({})).await.unwrap();
    assert_eq!(outcome.text, "We are open until six.");
}

#[tokio::test]
async fn a_service_that_misbehaves_is_an_error_in_words() {
    let service = Service::start().await;
    for (keys, expected) in [
        (
            "url: HOST/hang/1, timeout: 50ms",
            ToolError::Slow(Duration::from_millis(50)),
        ),
        ("url: HOST/broken/1", ToolError::Status(500)),
        ("url: HOST/garbage/1, result: a", ToolError::Answer),
        ("url: HOST/parcels/1, result: data.item", ToolError::Answer),
        ("url: \"http://127.0.0.1:1/x\"", ToolError::Unreachable),
    ] {
        let offer = service.offer(keys);
        assert_eq!(call(&offer, &json!({})).await, Err(expected), "{keys}");
    }
    let before = service.seen.lock().unwrap().len();
    let again = service.offer("url: HOST/broken/1, retries: 2");
    call(&again, &json!({})).await.unwrap_err();
    assert_eq!(service.seen.lock().unwrap().len() - before, 3);
}

/// A host that is asked does not choose another one, and a value does not leave its place.
#[tokio::test]
async fn nobody_leads_a_tool_to_another_host_or_path() {
    let service = Service::start().await;
    let away = service.offer("url: HOST/away/1");
    assert_eq!(call(&away, &json!({})).await, Err(ToolError::Status(307)));
    let here = service.offer("url: HOST/here/1");
    let outcome = call(&here, &json!({})).await.unwrap();
    assert_eq!(outcome.text, "We are open until six.");
    let inside = service.offer(&format!(
        "url: \"HOST/parcels/{{number}}/status\", {NUMBER}"
    ));
    for number in ["..", "."] {
        let end = call(&inside, &json!({"number": number})).await;
        assert!(matches!(end, Err(ToolError::Argument(_))), "{end:?}");
    }
    call(&inside, &json!({"number": "%2e%2e/x?y#z@evil"}))
        .await
        .unwrap();
    assert_eq!(
        service.last().1,
        "/parcels/%252e%252e%2Fx%3Fy%23z%40evil/status"
    );
}

#[tokio::test]
async fn every_mistake_of_the_tools_is_told_at_once() {
    let text = r#"
acts: [hangup]
transfer_to:
  sales: {to: "+1 555 0100"}
tools:
  hang_up: {description: d, url: "https://a.test"}
  find it: {description: d, url: "https://a.test"}
  a: {description: " ", url: ftp://a.test, method: FETCH}
  b: {description: d, url: "https://{host}.test/x"}
  c: {description: d, url: "https://a.test/{numbr}", parameters: {type: object, properties: {number: {type: string}}, required: [nummer]}}
  e: {description: d, url: "https://a.test", parameters: [number], result: "a..b", most_bytes: 1}
  f: {description: d, url: "https://a.test", timeout: soon, retries: 99, say_after: 1s}
  g: {description: d, url: "https://a.test", auth: {bearer: x, basic: y}, headers: {"a b": c}}
  h: {description: d, url: "https://a.test", parameters: {type: object, properties: {n: {type: text, pattern: "("}}}}
mcp:
  - {name: a b, command: [x]}
  - {name: both, command: [x], url: "https://a.test"}
  - {name: both, command: []}
  - {name: none}
  - {name: far, url: not an address, allowed_tools: []}
"#;
    let report = parse(text).unwrap_err();
    for part in [
        "`hangup` is nothing an agent does",
        "write `tel:+15550100`",
        "can be called `hang_up`",
        "can be called `find it`",
        "cannot know what this is for",
        "no web address",
        "`FETCH` is no method",
        "host of an address cannot depend",
        "no argument is called `numbr`",
        "`required` names `nummer`",
        "no schema of arguments",
        "leads nowhere",
        "an answer of that length",
        "`soon` is not a duration",
        "so many tries",
        "nothing to say then",
        "who asks is not clear",
        "`a b` is a header",
        "`text` is no type",
        "pattern cannot be read",
        "no server can be called `a b`",
        "by `command` or by `url`",
        "two servers are called `both`",
        "there is no program in this",
        "none of whose tools are allowed",
    ] {
        assert!(report.contains(part), "{part} is missing in\n{report}");
    }
}

#[tokio::test]
async fn what_a_file_allows_is_what_is_offered() {
    let names = |sections: &str| {
        let config = parse(sections).unwrap_or_else(|report| panic!("{report}"));
        let toolbox = Toolbox::start(&config.tools, outside().held());
        let offered = toolbox.offered().into_iter().map(|offer| offer.name);
        offered.collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["current_time", "hang_up"]);
    let nobody = "transfer_to: {sales: {to: \"${NONE}\"}}";
    assert_eq!(names(nobody), ["current_time", "hang_up"]);
    let sales = "transfer_to: {sales: {to: tel:+15550100}}";
    assert_eq!(names(sales), ["current_time", "hang_up", "transfer"]);
    let listed = format!("acts: [send_dtmf]\n{sales}");
    assert_eq!(names(&listed), ["current_time", "send_dtmf"]);
    assert_eq!(names("acts: []"), ["current_time"]);
}

#[tokio::test]
async fn a_transfer_is_to_somebody_whom_the_file_names() {
    let config = parse("transfer_to: {sales: {to: tel:+15550100}}").unwrap();
    let transfer = offered(&config, "transfer");
    let outcome = call(&transfer, &json!({"to": "sales"})).await.unwrap();
    let to = "sales".to_owned();
    assert_eq!(outcome.act, Some(Act::Transfer { to }));
    for wrong in [
        json!({"to": "tel:+19005550100"}),
        json!({}),
        json!({"to": 1}),
    ] {
        let end = call(&transfer, &wrong).await;
        assert!(matches!(end, Err(ToolError::Argument(_))), "{end:?}");
    }
}

struct Own;

#[async_trait]
impl Tool for Own {
    fn name(&self) -> &str {
        "hang_up"
    }

    fn description(&self) -> &str {
        "Yours."
    }

    fn parameters(&self) -> Json {
        json!({"type": "object", "properties": {}})
    }

    async fn call(&self, _: Arguments, _: &Context) -> Result<Outcome, ToolError> {
        Ok(Outcome::text("yours"))
    }
}

#[tokio::test]
async fn a_tool_of_yours_takes_no_name_that_is_taken() {
    let config = parse("acts: []").unwrap().with_tool(Arc::new(Own));
    let outcome = call(&offered(&config, "hang_up"), &json!({}))
        .await
        .unwrap();
    assert_eq!(outcome.text, "yours");
    let config = parse("").unwrap().with_tool(Arc::new(Own));
    let ready = call(&offered(&config, "hang_up"), &json!({}))
        .await
        .unwrap();
    assert!(ready.act.is_some());
}

/// A program that cannot be started is an error of its tools, and holds nothing up.
#[tokio::test]
async fn a_tool_server_that_is_not_there_leaves_the_others() {
    let config = parse("mcp: [{name: gone, command: [/no/such/program]}]").unwrap();
    let toolbox = Toolbox::start(&config.tools, outside().held());
    assert!(toolbox.find("find_customer").await.is_none());
    assert!(toolbox.find("hang_up").await.is_some());
}
