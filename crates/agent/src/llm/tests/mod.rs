//! Against a server that speaks the wire format as the API documents it.

mod tools;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::StreamExt as _;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use trunkline_base::id::RoomName;
use trunkline_base::secret::{Personal, Secret};
use trunkline_service::config::{Environment, Source};

use super::*;
use crate::brain::{Act, Brain, Facts, Idea, Mind, Progress, Question, Spoken, Thought};
use crate::config::AgentConfig;
use crate::tools::Toolbox;
use crate::turn::{Heard, Verdict};

/// What the server does with one request.
#[derive(Clone, Debug)]
enum Script {
    Status(u16),
    /// Server-sent events, then the end of the body.
    Events(Vec<String>),
    /// Events, then silence.
    Stall(Vec<String>),
}

/// A body, and the authorization that came with it.
type Request = (Json, Option<String>);

#[derive(Clone, Default)]
struct Server {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    async fn start(scripts: Vec<Script>) -> (Self, SocketAddr, JoinSet<()>) {
        let server = Self::default();
        server.scripts.lock().unwrap().extend(scripts);
        let app = Router::new()
            .route("/v1/chat/completions", post(answer))
            .with_state(server.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        (server, address, tasks)
    }

    fn requests(&self) -> Vec<(Json, Option<String>)> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    let key = headers
        .get("authorization")
        .map(|value| value.to_str().unwrap().to_owned());
    server
        .seen
        .lock()
        .unwrap()
        .push((serde_json::from_slice(&body).unwrap(), key));
    let script = server.scripts.lock().unwrap().pop_front();
    let stream = |events: Vec<String>| {
        futures::stream::iter(
            events
                .into_iter()
                .map(|event| Ok::<_, std::io::Error>(Bytes::from(event))),
        )
    };
    match script.unwrap_or(Script::Status(500)) {
        Script::Status(status) => (
            StatusCode::from_u16(status).unwrap(),
            json!({"error": {"message": "no", "type": "x"}}).to_string(),
        )
            .into_response(),
        Script::Events(events) => (
            [("content-type", "text/event-stream")],
            Body::from_stream(stream(events)),
        )
            .into_response(),
        Script::Stall(events) => {
            let stalled = stream(events).chain(futures::stream::pending());
            (
                [("content-type", "text/event-stream")],
                Body::from_stream(stalled),
            )
                .into_response()
        }
    }
}

fn delta(delta: Json) -> String {
    piece(delta, Json::Null)
}

fn piece(delta: Json, finish: Json) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]
    });
    format!("data: {chunk}\n\n")
}

fn text(parts: &[&str]) -> Vec<String> {
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}))];
    events.extend(parts.iter().map(|part| delta(json!({"content": part}))));
    events.push(piece(json!({}), json!("stop")));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn config(address: SocketAddr) -> ChatConfig {
    let mut config = ChatConfig::new(
        format!("http://{address}/v1"),
        Secret::new("sk-test".to_owned()),
        "m".to_owned(),
    );
    config.first_byte = Duration::from_millis(400);
    config.stall = Duration::from_millis(300);
    config.retry_interval = Duration::from_millis(1);
    config
}

async fn run(scripts: Vec<Script>) -> (Result<String, ChatError>, Vec<ToolCall>, usize) {
    let (server, address, _tasks) = Server::start(scripts).await;
    let client = ChatClient::new(Arc::new(config(address)), reqwest::Client::new());
    let messages = [Message::text(Role::User, "hello")];
    let mut calls = Vec::new();
    let mut stream = match client.ask(&messages, &[]).await {
        Ok(stream) => stream,
        Err(error) => return (Err(error), calls, server.requests().len()),
    };
    let mut said = String::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(ChatEvent::Text(part)) => said.push_str(&part),
            Ok(ChatEvent::Tool(call)) => calls.push(call),
            Err(error) => return (Err(error), calls, server.requests().len()),
        }
    }
    (Ok(said), calls, server.requests().len())
}

#[tokio::test]
async fn an_answer_comes_in_pieces() {
    let (said, calls, requests) = run(vec![Script::Events(text(&["Good ", "day", "."]))]).await;
    assert_eq!(
        (said.as_deref(), calls.len(), requests),
        (Ok("Good day."), 0, 1)
    );
}

#[tokio::test]
async fn a_tool_call_is_put_together_from_fragments() {
    let call = |part: Json| delta(json!({"tool_calls": [part]}));
    let events = vec![
        call(
            json!({"index": 0, "id": "call_1", "type": "function", "function": {"name": "find", "arguments": ""}}),
        ),
        call(json!({"index": 0, "function": {"arguments": "{\"num"}})),
        call(
            json!({"index": 1, "id": "call_2", "type": "function", "function": {"name": "wait", "arguments": "{}"}}),
        ),
        call(json!({"index": 0, "function": {"arguments": "ber\":7}"}})),
        piece(json!({}), json!("tool_calls")),
        "data: [DONE]\n\n".to_owned(),
    ];
    let (_, calls, _) = run(vec![Script::Events(events)]).await;
    let expected = [
        ("call_1", "find", "{\"number\":7}"),
        ("call_2", "wait", "{}"),
    ];
    let found: Vec<_> = calls
        .iter()
        .map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn failures_before_the_first_word_are_tried_again() {
    for failure in [
        Script::Status(429),
        Script::Status(500),
        Script::Events(vec![]),
    ] {
        let (said, _, requests) = run(vec![failure, Script::Events(text(&["Hi."]))]).await;
        assert_eq!((said.as_deref(), requests), (Ok("Hi."), 2));
    }
}

#[tokio::test]
async fn a_wrong_key_is_not_tried_again() {
    let (said, _, requests) = run(vec![Script::Status(401)]).await;
    assert_eq!((said, requests), (Err(ChatError::Denied(401)), 1));
}

#[tokio::test]
async fn an_endpoint_that_stays_broken_is_given_up() {
    let (said, _, requests) = run(vec![]).await;
    assert_eq!((said, requests), (Err(ChatError::Failed(500)), 4));
}

#[tokio::test]
async fn silence_before_the_first_word_is_noticed() {
    let silent = vec![Script::Stall(vec![": ping\n\n".to_owned()]); 4];
    let (said, _, _) = run(silent).await;
    assert_eq!(said, Err(ChatError::FirstByte));
}

#[tokio::test]
async fn silence_in_the_middle_is_noticed_and_not_tried_again() {
    let (said, _, requests) = run(vec![Script::Stall(vec![delta(
        json!({"content": "Let me"}),
    )])])
    .await;
    assert_eq!((said, requests), (Err(ChatError::Stalled), 1));
}

#[tokio::test]
async fn a_cut_stream_is_an_error_not_an_answer() {
    let (said, _, _) = run(vec![Script::Events(vec![delta(
        json!({"content": "Let me"}),
    )])])
    .await;
    assert_eq!(said, Err(ChatError::Cut));
}

#[tokio::test]
async fn garbage_is_an_error() {
    let (said, _, _) = run(vec![Script::Events(vec!["data: <html>\n\n".to_owned()])]).await;
    assert_eq!(said, Err(ChatError::Garbled));
}

async fn ideas(mut thought: Thought) -> (String, Vec<Act>, Option<crate::brain::Memory>, usize) {
    thought.permit();
    let (mut said, mut acts, mut memory, mut failures) = (String::new(), Vec::new(), None, 0);
    while let Some(idea) = thought.next().await {
        match idea {
            Idea::Text(part) => said.push_str(&part),
            Idea::Act(act) => acts.push(act),
            Idea::Memory(latest) => memory = Some(latest),
            Idea::Failed(_) => failures += 1,
            Idea::Pinned => {}
        }
    }
    (said, acts, memory, failures)
}

/// Somebody in sales takes calls over, and nobody else does.
fn tools(sections: &str) -> Arc<Toolbox> {
    let text = format!(
        "brain: external\nexternal: {{url: \"http://127.0.0.1:1\", apology: Sorry.}}\n\
         transfer_to: {{sales: {{to: tel:+15550100}}}}\n{sections}"
    );
    let source = Source::new("agent.yaml", text);
    let config = AgentConfig::parse(&source, &Environment::default());
    let config = config.unwrap_or_else(|report| panic!("{report}"));
    Arc::new(Toolbox::start(&config.tools, &reqwest::Client::new()))
}

fn brain_at(config: ChatConfig) -> Box<dyn Brain> {
    brain_with(config, tools(""))
}

fn brain_with(config: ChatConfig, tools: Arc<Toolbox>) -> Box<dyn Brain> {
    let call = Facts::new(RoomName::parse("call-1").unwrap());
    ChatMind::new(Arc::new(config), reqwest::Client::new(), tools).brain(&call)
}

fn heard(text: &str) -> Question {
    Question::Heard(Heard::Speech(Personal::new(text.to_owned())))
}

#[tokio::test]
async fn a_goodbye_with_its_tool_ends_the_call_and_what_was_cut_is_not_remembered() {
    let bye = vec![
        delta(json!({"content": "Goodbye."})),
        delta(
            json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "hang_up", "arguments": "{}"}}]}),
        ),
        piece(json!({}), json!("tool_calls")),
    ];
    let scripts = vec![
        Script::Events(text(&["One. Two. Three."])),
        Script::Events(bye),
    ];
    let (server, address, _tasks) = Server::start(scripts).await;
    let mut config = config(address);
    config.greeting = Some("Hello.".to_owned());
    let mut brain = brain_at(config);
    let now = OffsetDateTime::UNIX_EPOCH;
    let (said, _, memory, _) = ideas(brain.think(&heard("count"), now)).await;
    assert_eq!(said, "One. Two. Three.");
    brain.remember(memory.unwrap());
    brain.spoke(&Spoken {
        text: "One.".to_owned(),
        progress: Progress::Cut,
    });
    let (said, acts, _, failures) = ideas(brain.think(&heard("bye"), now)).await;
    assert_eq!(
        (said.trim_end(), acts, failures),
        (
            "Goodbye.",
            vec![Act::HangUp(crate::brain::Farewell::Done)],
            0
        )
    );
    let (request, key) = server.requests().pop().unwrap();
    assert_eq!(key.as_deref(), Some("Bearer sk-test"));
    let spoken: Vec<&str> = request["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|m| m["content"].as_str())
        .collect();
    assert_eq!(spoken, ["", "Hello.", "count", "One.", "bye"]);
}

#[tokio::test]
async fn a_dead_endpoint_is_a_failure_of_the_thought() {
    let (_server, address, _tasks) = Server::start(vec![Script::Status(401)]).await;
    let brain = brain_at(config(address));
    let (said, _, _, failures) = ideas(brain.think(&heard("hi"), OffsetDateTime::UNIX_EPOCH)).await;
    assert_eq!((said.as_str(), failures), ("", 1));
}

#[tokio::test]
async fn a_voicemail_greeting_ends_the_call_without_asking_the_endpoint() {
    let (server, address, _tasks) = Server::start(Vec::new()).await;
    let brain = brain_at(config(address));
    let greeting = "Hi, you've reached Anna. Please leave a message after the tone.";
    let now = OffsetDateTime::UNIX_EPOCH;
    let (said, acts, _, _) = ideas(brain.think(&heard(greeting), now)).await;
    assert_eq!(acts, [Act::HangUp(crate::brain::Farewell::Machine)]);
    assert_eq!((said.as_str(), server.requests().len()), ("", 0));
}

#[tokio::test]
async fn nobody_there_is_not_asked_for_ever() {
    let lines = vec![Script::Events(text(&["Are you there?"])); 8];
    let (_server, address, _tasks) = Server::start(lines).await;
    let mut brain = brain_at(config(address));
    let mut ends = Vec::new();
    for times in 1..=3 {
        let thought = brain.think(&Question::Silence(times), OffsetDateTime::UNIX_EPOCH);
        let (_, acts, memory, _) = ideas(thought).await;
        brain.remember(memory.unwrap());
        ends.push(acts);
    }
    let silence = Act::HangUp(crate::brain::Farewell::Silence);
    assert_eq!(ends, [vec![], vec![], vec![silence]]);
}

/// Others cut an answer that did not ask for any.
#[tokio::test]
async fn keys_are_wanted_once_they_were_asked_for() {
    let scripts = vec![
        Script::Events(text(&["We are open until six."])),
        Script::Events(text(&["Please enter your number."])),
    ];
    let (_server, address, _tasks) = Server::start(scripts).await;
    let mut brain = brain_at(config(address));
    for wanted in [false, true] {
        let thought = brain.think(&heard("tell me"), OffsetDateTime::UNIX_EPOCH);
        brain.remember(ideas(thought).await.2.unwrap());
        assert_eq!(brain.digits().wanted.hold('5'), wanted);
    }
}

/// A conversation whose announcement of somebody from sales was cut short, and what is answered next.
async fn promised(next: Vec<Script>) -> (Box<dyn Brain>, Server, JoinSet<()>) {
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "function": {
        "name": "transfer", "arguments": "{\"to\": \"sales\"}"}}]});
    let mut scripts = vec![
        Script::Events(vec![delta(call), piece(json!({}), json!("tool_calls"))]),
        Script::Events(text(&["Somebody from sales will call you back today."])),
    ];
    scripts.extend(next);
    let (server, address, tasks) = Server::start(scripts).await;
    let mut brain = brain_at(config(address));
    assert_eq!(acts_of(&mut *brain, "sales please").await, [to_sales()]);
    brain.spoke(&spoken("Somebody from", Progress::Cut));
    (brain, server, tasks)
}

fn to_sales() -> Act {
    Act::Transfer {
        to: "sales".to_owned(),
    }
}

fn spoken(text: &str, progress: Progress) -> Spoken {
    Spoken {
        text: text.to_owned(),
        progress,
    }
}

/// What is done after the answer to this, which is begun.
async fn acts_of(brain: &mut dyn Brain, text: &str) -> Vec<Act> {
    let thought = brain.think(&heard(text), OffsetDateTime::UNIX_EPOCH);
    let (_, acts, memory, _) = ideas(thought).await;
    brain.remember(memory.unwrap());
    acts
}

#[tokio::test]
async fn a_person_who_was_promised_is_called_though_the_promise_was_cut_short() {
    let answers = ["You are welcome.", "You are welcome.", "Goodbye."];
    let answers = answers.map(|answer| Script::Events(text(&[answer])));
    let (mut brain, _server, _tasks) = promised(answers.to_vec()).await;
    assert_eq!(acts_of(&mut *brain, "thank you").await, [to_sales()]);
    brain.spoke(&spoken("You are", Progress::Cut));
    assert_eq!(acts_of(&mut *brain, "no problem").await, [to_sales()]);
    brain.spoke(&spoken("You are welcome.", Progress::Whole));
    assert_eq!(acts_of(&mut *brain, "bye").await, [], "once is enough");
}

#[tokio::test]
async fn nobody_is_called_who_was_refused_and_the_endpoint_is_told() {
    for refusal in ["No, I don't want that.", "Stop.", "Wait, wait."] {
        let answers = ["All right.", "Until six."].map(|answer| Script::Events(text(&[answer])));
        let (mut brain, server, _tasks) = promised(answers.to_vec()).await;
        assert_eq!(acts_of(&mut *brain, refusal).await, [], "{refusal}");
        brain.spoke(&spoken("All", Progress::Cut));
        assert_eq!(acts_of(&mut *brain, "when do you close").await, []);
        let asked = server.requests().pop().unwrap().0.to_string();
        assert!(asked.contains("was not made"), "{asked}");
    }
}

/// A machine is passed on to nobody, whoever was promised to it.
#[tokio::test]
async fn a_machine_is_hung_up_on_once_it_sounds_finished() {
    let (brain, _server, _tasks) = promised(Vec::new()).await;
    let greeting = "I can not take your call. Please leave a message after the tone.";
    let thought = brain.think(&heard(greeting), OffsetDateTime::UNIX_EPOCH);
    assert_eq!(thought.verdict, Verdict::Unknown);
    let machine = Act::HangUp(crate::brain::Farewell::Machine);
    assert_eq!(ideas(thought).await.1, [machine]);
}

/// "My number is …" brings nothing new before the number.
#[tokio::test]
async fn what_leads_nowhere_ends_a_call_only_once_it_sounds_finished() {
    let answers = vec![Script::Events(text(&["I see."])); 8];
    let (_server, address, _tasks) = Server::start(answers).await;
    let mut brain = brain_at(config(address));
    while acts_of(&mut *brain, "my number is").await.is_empty() {}
    let thought = brain.think(&heard("my number is"), OffsetDateTime::UNIX_EPOCH);
    assert_eq!(thought.verdict, Verdict::Unknown);
    let thought = brain.think(&heard("my number is 427"), OffsetDateTime::UNIX_EPOCH);
    assert_eq!(ideas(thought).await.1, []);
}

#[tokio::test]
async fn a_yes_or_a_no_to_each_question_does_not_end_a_call() {
    let questions = vec![Script::Events(text(&["Is it a box?"])); 9];
    let (_server, address, _tasks) = Server::start(questions).await;
    let mut brain = brain_at(config(address));
    for text in ["I want to send something"]
        .into_iter()
        .chain(["yes", "no"].repeat(4))
    {
        assert_eq!(acts_of(&mut *brain, text).await, [], "{text}");
    }
}
