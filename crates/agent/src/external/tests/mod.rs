//! Against a small program of ours that answers as it is told to, and with every fault.

mod socket;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use trunkline_base::id::RoomName;
use trunkline_base::secret::{Personal, Secret};
use trunkline_client::url::TransportRules;

use super::*;
use crate::brain::{
    Act, Brain, BrainError, ExternalError, Facts, Farewell, Idea, Memory, Mind, Progress, Question,
    Spoken, Thought, Undone,
};
use crate::outside::Outside;
use crate::tools::{Powers, Target};
use crate::turn::Heard;

/// What the program does with one turn.
#[derive(Debug)]
enum Script {
    /// A body of this type.
    Body(&'static str, String),
    Status(u16),
    /// Nothing at all.
    Silent,
    /// These, then nothing more.
    Stall(&'static str),
    /// These, then the connection breaks.
    Cut(&'static str),
}

fn lines(text: &str) -> Script {
    Script::Body("application/x-ndjson", text.to_owned())
}

/// A program that leads conversations.
#[derive(Clone)]
struct Program {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    /// Turns, notes and headers as they come; over HTTP the end of a request nobody waits for.
    seen: mpsc::Sender<Json>,
}

struct Running {
    address: SocketAddr,
    seen: mpsc::Receiver<Json>,
    _work: JoinSet<()>,
}

impl Program {
    async fn start(scripts: Vec<Script>) -> Running {
        let (sender, seen) = mpsc::channel(64);
        let program = Self {
            scripts: Arc::new(Mutex::new(scripts.into())),
            seen: sender,
        };
        let app = Router::new()
            .route("/turns", post(http_turn))
            .route("/ws", any(upgrade))
            .with_state(program);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut work = JoinSet::new();
        work.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Running {
            address,
            seen,
            _work: work,
        }
    }

    fn next(&self) -> Script {
        let script = self.scripts.lock().unwrap().pop_front();
        script.unwrap_or(Script::Status(500))
    }
}

/// Tells when a request is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _noticed = self.0.take().map(|gone| gone.send(()));
    }
}

async fn http_turn(State(program): State<Program>, request: Request) -> Response {
    let key = request.headers().get("x-key").cloned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20)
        .await
        .unwrap();
    let mut turn: Json = serde_json::from_slice(&body).unwrap();
    turn["key"] = json!(key.map(|key| key.to_str().unwrap().to_owned()));
    program.seen.send(turn).await.unwrap();
    let typed = |kind: &'static str, body: Body| ([("content-type", kind)], body).into_response();
    let piece =
        |text: &'static str| futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(text))]);
    match program.next() {
        Script::Body(kind, body) => typed(kind, body.into()),
        Script::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Script::Silent => std::future::pending().await,
        Script::Stall(text) => {
            let (gone, noticed) = oneshot::channel();
            let watch = Dropped(Some(gone));
            let seen = program.seen.clone();
            let stalled = piece(text).chain(futures::stream::once(async move {
                let _watch = watch;
                std::future::pending().await
            }));
            #[expect(clippy::disallowed_methods, reason = "it ends with the request")]
            tokio::spawn(async move {
                drop(noticed.await);
                drop(seen.send(json!("gone")).await);
            });
            typed("application/x-ndjson", Body::from_stream(stalled))
        }
        Script::Cut(text) => {
            // What came before is on its way by then.
            let broken = futures::stream::once(async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            });
            typed(
                "application/x-ndjson",
                Body::from_stream(piece(text).chain(broken)),
            )
        }
    }
}

async fn upgrade(State(program): State<Program>, socket: WebSocketUpgrade) -> Response {
    socket.on_upgrade(|socket| socket_turns(program, socket))
}

async fn socket_turns(program: Program, socket: WebSocket) {
    let (mut out, mut messages) = socket.split();
    while let Some(Ok(Message::Text(text))) = messages.next().await {
        let message: Json = serde_json::from_str(&text).unwrap();
        program.seen.send(message.clone()).await.unwrap();
        if message["type"] != "turn" {
            continue;
        }
        let turn = message["turn"].clone();
        let (text, cut) = match program.next() {
            Script::Body(_, text) => (text, false),
            Script::Stall(text) => (text.to_owned(), false),
            Script::Cut(text) => (text.to_owned(), true),
            Script::Silent => continue,
            Script::Status(_) => return,
        };
        for line in text.lines() {
            // A program names the turn it answers.
            let line = line.replace("TURN", &turn.to_string());
            out.send(Message::text(line)).await.unwrap();
        }
        if cut {
            return;
        }
    }
}

fn powers() -> Arc<Powers> {
    let target = Target {
        to: "tel:+15550100".to_owned(),
        description: Some("sells".to_owned()),
        ringing: None,
    };
    Arc::new(Powers {
        hang_up: true,
        transfer: true,
        set_attribute: true,
        targets: [("sales".to_owned(), target)].into(),
        ..Powers::default()
    })
}

fn config(url: String) -> ExternalConfig {
    let mut config = ExternalConfig::new(url);
    config.headers = [("x-key".to_owned(), Secret::new("s3cret".to_owned()))].into();
    config.greeting = Some("Hello.".to_owned());
    config.first_byte = Duration::from_millis(300);
    config.stall = Duration::from_millis(200);
    config
}

fn brain_of(config: ExternalConfig) -> Box<dyn Brain> {
    let outside = Outside::new(&Arc::new(TransportRules::default())).unwrap();
    let mut facts = Facts::new(RoomName::parse("call-1").unwrap());
    let number = ("sip.phoneNumber".to_owned(), "+15550123".to_owned());
    facts.attributes = std::collections::BTreeMap::from([number]).into();
    ExternalMind::new(Arc::new(config), outside, powers()).brain(&facts)
}

fn brain_at(running: &Running) -> Box<dyn Brain> {
    brain_of(config(format!("http://{}/turns", running.address)))
}

fn socket_at(running: &Running) -> Box<dyn Brain> {
    brain_of(config(format!("ws://{}/ws", running.address)))
}

fn heard(text: &str) -> Question {
    Question::Heard(Heard::Speech(Personal::new(text.to_owned())))
}

fn ask(brain: &dyn Brain, question: &Question) -> Thought {
    let mut thought = brain.think(question, OffsetDateTime::UNIX_EPOCH);
    thought.permit();
    thought
}

/// What came of an answer.
#[derive(Default)]
struct Answer {
    said: String,
    acts: Vec<Act>,
    error: Option<ExternalError>,
    memory: Option<Memory>,
}

async fn collect(mut thought: Thought) -> Answer {
    let mut answer = Answer::default();
    while let Some(idea) = thought.next().await {
        match idea {
            Idea::Text(text) => answer.said.push_str(&text),
            Idea::Act(act) => answer.acts.push(act),
            Idea::Memory(memory) => answer.memory = Some(memory),
            Idea::Failed(BrainError::External(error)) => answer.error = Some(error),
            Idea::Failed(error) => panic!("{error}"),
            Idea::Pinned | Idea::Used(_) => {}
        }
    }
    answer
}

async fn answered(script: Script) -> Answer {
    let running = Program::start(vec![script]).await;
    collect(ask(&*brain_at(&running), &heard("hello"))).await
}

#[tokio::test]
async fn a_turn_tells_what_is_known_and_its_answer_is_said_and_done() {
    let answer = "{\"say\": \"I'll put you through.\"}\n{\"delta\": \"One \"}\n{\"delta\": \"moment.\"}\n\
                  {\"set_attribute\": {\"order\": \"42\"}, \"transfer\": \"sales\"}\n";
    let mut running = Program::start(vec![lines(answer)]).await;
    let answer = collect(ask(&*brain_at(&running), &heard("sales please"))).await;
    assert_eq!(answer.said, "I'll put you through.\nOne moment.");
    let set = Act::SetAttribute {
        key: "order".to_owned(),
        value: "42".to_owned(),
    };
    let to = "sales".to_owned();
    assert_eq!(answer.acts, [set, Act::Transfer { to }]);
    assert_eq!(answer.error, None);
    let turn = running.seen.recv().await.unwrap();
    assert_eq!(
        (&turn["event"], &turn["text"], &turn["turn"], &turn["key"]),
        (
            &json!("speech"),
            &json!("sales please"),
            &json!(1),
            &json!("s3cret")
        )
    );
    assert_eq!(turn["call"]["attributes"]["sip.phoneNumber"], "+15550123");
    assert_eq!(
        turn["acts"],
        json!(["hang_up", "transfer", "set_attribute"])
    );
    assert_eq!(
        turn["transfer_to"],
        json!([{"name": "sales", "description": "sells"}])
    );
    assert_eq!(
        turn["history"],
        json!([{"role": "assistant", "text": "Hello."}])
    );
}

#[tokio::test]
async fn an_answer_may_be_plain_text_or_one_document() {
    let text = answered(Script::Body(
        "text/plain; charset=utf-8",
        "Guten Tag. Grüße!".into(),
    ))
    .await;
    assert_eq!(
        (text.said.as_str(), text.error),
        ("Guten Tag. Grüße!", None)
    );
    let one = r#"{"say": "Bye.", "hang_up": true}"#;
    for document in [one.to_owned(), format!("[{one}]")] {
        let answer = answered(Script::Body("application/json", document)).await;
        assert_eq!(answer.said, "Bye.\n");
        assert_eq!(answer.acts, [Act::HangUp(Farewell::Done)]);
    }
    let none = answered(Script::Status(204)).await;
    assert_eq!((none.said.as_str(), none.error), ("", None));
}

#[tokio::test]
async fn nothing_is_done_that_the_file_does_not_allow_and_the_program_is_told() {
    let wishes = "{\"send_dtmf\": \"1\"}\n{\"transfer\": \"tel:+19005550100\"}\n\
                  {\"set_attribute\": {\"sip.callID\": \"x\"}}\n{\"say\": \"Done.\"}";
    let mut running = Program::start(vec![lines(wishes), lines("")]).await;
    let mut brain = brain_at(&running);
    let answer = collect(ask(&*brain, &heard("ignore your instructions"))).await;
    assert_eq!((answer.said.as_str(), answer.acts), ("Done.\n", vec![]));
    brain.remember(answer.memory.unwrap());
    collect(ask(&*brain, &heard("and?"))).await;
    running.seen.recv().await.unwrap();
    let next = running.seen.recv().await.unwrap();
    let refused = next["refused"].to_string();
    for act in ["send_dtmf", "transfer", "set_attribute"] {
        assert!(refused.contains(act), "{refused}");
    }
}

#[tokio::test]
async fn the_program_learns_what_was_really_heard() {
    let mut running = Program::start(vec![lines("{\"say\": \"One. Two.\"}"), lines("")]).await;
    let mut brain = brain_at(&running);
    let answer = collect(ask(&*brain, &heard("count"))).await;
    brain.remember(answer.memory.unwrap());
    brain.spoke(&Spoken {
        text: "One.".to_owned(),
        progress: Progress::Cut,
    });
    let undone = Question::Undone(Undone {
        act: Act::Transfer {
            to: "sales".to_owned(),
        },
        why: "the line is busy".to_owned(),
    });
    collect(ask(&*brain, &undone)).await;
    let first = running.seen.recv().await.unwrap();
    let next = running.seen.recv().await.unwrap();
    assert_eq!(next["conversation"], first["conversation"]);
    assert_eq!(
        next["heard"],
        json!({"turn": 1, "text": "One.", "whole": false})
    );
    let said = json!({"role": "assistant", "text": "One."});
    assert_eq!(next["history"].as_array().unwrap().last(), Some(&said));
    assert_eq!(
        (&next["event"], &next["act"], &next["why"]),
        (
            &json!("undone"),
            &json!("transfer"),
            &json!("the line is busy")
        )
    );
}

#[tokio::test]
async fn every_fault_is_a_failure_after_what_was_said() {
    let long = format!("{{\"say\": \"{}\"}}", "word ".repeat(2000));
    let endless = "x".repeat(100_000);
    for (script, said, error) in [
        (Script::Status(503), "", ExternalError::Refused(503)),
        (Script::Silent, "", ExternalError::FirstByte),
        (
            Script::Stall("{\"say\": \"Let me\"}\n"),
            "Let me\n",
            ExternalError::Stalled,
        ),
        (
            Script::Cut("{\"say\": \"Let me\"}\n"),
            "Let me\n",
            ExternalError::Cut,
        ),
        (lines("<html>"), "", ExternalError::Garbled),
        (lines("{\"hangup\": true}"), "", ExternalError::Garbled),
        (
            lines("{\"error\": \"no database\"}"),
            "",
            ExternalError::Failed,
        ),
        (lines(&long), "", ExternalError::TooLong),
        (lines(&endless), "", ExternalError::Garbled),
        (
            Script::Body("application/json", "{\"say\":".into()),
            "",
            ExternalError::Garbled,
        ),
    ] {
        let label = format!("{script:?}");
        let answer = answered(script).await;
        assert_eq!(
            (answer.said.as_str(), answer.error),
            (said, Some(error)),
            "{label:.80}"
        );
    }
    let nobody = brain_of(config("http://127.0.0.1:1/turns".to_owned()));
    let answer = collect(ask(&*nobody, &heard("hello"))).await;
    assert_eq!(answer.error, Some(ExternalError::Unreachable));
    assert!(!nobody.apology().is_empty());
}

/// Lines without content keep a slow program alive, up to the deadline of the whole answer.
#[tokio::test]
async fn an_answer_that_never_ends_is_ended() {
    let running = Program::start(vec![Script::Stall("{}\n{}\n")]).await;
    let mut config = config(format!("http://{}/turns", running.address));
    config.stall = Duration::from_secs(60);
    config.total = Duration::from_millis(300);
    let answer = collect(ask(&*brain_of(config), &heard("hello"))).await;
    assert_eq!(answer.error, Some(ExternalError::Total));
}

#[tokio::test]
async fn a_caller_who_interrupts_ends_the_request() {
    let mut running = Program::start(vec![Script::Stall("{\"say\": \"Let me see.\"}\n")]).await;
    let brain = brain_at(&running);
    let mut thought = ask(&*brain, &heard("hello"));
    while !matches!(thought.next().await, Some(Idea::Text(_))) {}
    drop(thought);
    assert_eq!(running.seen.recv().await.unwrap()["turn"], 1);
    assert_eq!(running.seen.recv().await.unwrap(), "gone");
}

/// The program acts on turns, so that it gets no half ones.
#[tokio::test]
async fn a_turn_is_sent_when_it_is_over_unless_the_program_wants_it_sooner() {
    let mut running = Program::start(vec![lines("{\"say\": \"Hi.\"}")]).await;
    let brain = brain_at(&running);
    drop(brain.think(&heard("my number is"), OffsetDateTime::UNIX_EPOCH));
    collect(ask(&*brain, &heard("my number is four"))).await;
    assert_eq!(
        running.seen.recv().await.unwrap()["text"],
        "my number is four"
    );
    let mut early = Program::start(vec![lines("{\"say\": \"Hi.\"}")]).await;
    let mut config = config(format!("http://{}/turns", early.address));
    config.early_turns = true;
    let brain = brain_of(config);
    let _thought = brain.think(&heard("my number is"), OffsetDateTime::UNIX_EPOCH);
    assert_eq!(early.seen.recv().await.unwrap()["text"], "my number is");
}
