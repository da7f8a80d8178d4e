//! The chat client against a server that speaks the wire format as the API documents it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value as Json, json};
use trunkline_base::secret::Secret;

use super::chat_server::{Script, Server, delta, piece, text};
use crate::provider::{
    Amount, Failure, Llm as _, LlmEvent, LlmRequest, Message, Role, Tokens, ToolCall, conformance,
};
use crate::providers::openai::{Chat, ChatSettings};

/// A client that does not wait for long.
pub(crate) fn chat(address: SocketAddr) -> Chat {
    let key = Secret::new("sk-test".to_owned());
    let mut settings = ChatSettings::new(format!("http://{address}/v1"), key, "m".to_owned());
    settings.deadlines.first = Duration::from_millis(400);
    settings.deadlines.stall = Duration::from_millis(300);
    settings.retry.interval = Duration::from_millis(1);
    Chat::new(settings, reqwest::Client::new())
}

async fn run(scripts: Vec<Script>) -> (Result<String, Failure>, Vec<ToolCall>, usize) {
    let (server, address, _tasks) = Server::start(scripts).await;
    let mut stream = chat(address).answer(LlmRequest {
        messages: vec![Message::text(Role::User, "hello")],
        ..LlmRequest::default()
    });
    let (mut calls, mut said) = (Vec::new(), String::new());
    while let Some(event) = stream.next().await {
        match event {
            Ok(LlmEvent::Text(part)) => said.push_str(&part),
            Ok(LlmEvent::Tool(call)) => calls.push(call),
            Ok(LlmEvent::Used(_)) => {}
            Err(error) => return (Err(error.failure), calls, server.requests().len()),
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
    assert_eq!((said, requests), (Err(Failure::Unauthorised(401)), 1));
}

#[tokio::test]
async fn an_endpoint_that_stays_broken_is_given_up() {
    let (said, _, requests) = run(vec![]).await;
    assert_eq!((said, requests), (Err(Failure::Failed(500)), 4));
}

#[tokio::test]
async fn silence_before_the_first_word_is_noticed() {
    let silent = vec![Script::Stall(vec![": ping\n\n".to_owned()]); 4];
    let (said, _, _) = run(silent).await;
    assert_eq!(said, Err(Failure::TimedOut));
}

#[tokio::test]
async fn silence_in_the_middle_is_noticed_and_not_tried_again() {
    let (said, _, requests) = run(vec![Script::Stall(vec![delta(
        json!({"content": "Let me"}),
    )])])
    .await;
    assert_eq!((said, requests), (Err(Failure::Stalled), 1));
}

#[tokio::test]
async fn a_cut_stream_is_an_error_not_an_answer() {
    let (said, _, _) = run(vec![Script::Events(vec![delta(
        json!({"content": "Let me"}),
    )])])
    .await;
    assert_eq!(said, Err(Failure::Cut));
}

#[tokio::test]
async fn garbage_is_an_error() {
    let (said, _, _) = run(vec![Script::Events(vec!["data: <html>\n\n".to_owned()])]).await;
    assert_eq!(said, Err(Failure::Garbage));
}

#[tokio::test]
async fn what_an_answer_cost_is_told_after_its_last_word() {
    let mut events = text(&["Hi."]);
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 90, "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 64}}});
    events.insert(events.len() - 1, format!("data: {usage}\n\n"));
    let (server, address, _tasks) = Server::start(vec![Script::Events(events)]).await;
    let mut stream = chat(address).answer(LlmRequest::default());
    let mut used = Vec::new();
    while let Some(event) = stream.next().await {
        if let LlmEvent::Used(one) = event.unwrap() {
            used.push(one.amount);
        }
    }
    let tokens = Tokens {
        input: 90,
        cached: 64,
        output: 4,
    };
    assert_eq!(used, [Amount::Thought(tokens)]);
    let asked = &server.requests()[0].0;
    assert_eq!(asked["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn an_answer_nobody_wants_any_more_is_hung_up_on() {
    let endless = vec![Script::Stall(vec![delta(json!({"content": "Well"}))])];
    let (server, address, _tasks) = Server::start(endless).await;
    let mut stream = chat(address).answer(LlmRequest::default());
    stream.next().await.unwrap().unwrap();
    assert_eq!(server.live.open(), 1);
    drop(stream);
    server.live.all_closed().await;
}

#[tokio::test]
async fn it_answers_as_any_provider_must() {
    let answers = vec![Script::Events(text(&["Good ", "day."])); 2];
    let (server, address, _tasks) = Server::start(answers).await;
    let closed = server.live.all_closed();
    let kept = conformance::answers(&chat(address), "Good day.", closed).await;
    assert_eq!(kept, Ok(()));
}
