//! The brain with a chat endpoint that speaks as the API documents it.

mod tools;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use trunkline_base::id::RoomName;
use trunkline_base::secret::Personal;
use trunkline_service::config::{Environment, Source};

use super::*;
use crate::brain::{Act, Brain, Facts, Idea, Mind, Progress, Question, Spoken, Thought};
use crate::config::AgentConfig;
use crate::providers::openai::tests::chat::chat;
use crate::providers::openai::tests::chat_server::{Script, Server, delta, piece, text};
use crate::tools::Toolbox;
use crate::turn::{Heard, Verdict};

async fn ideas(mut thought: Thought) -> (String, Vec<Act>, Option<crate::brain::Memory>, usize) {
    thought.permit();
    let (mut said, mut acts, mut memory, mut failures) = (String::new(), Vec::new(), None, 0);
    while let Some(idea) = thought.next().await {
        match idea {
            Idea::Text(part) => said.push_str(&part),
            Idea::Act(act) => acts.push(act),
            Idea::Memory(latest) => memory = Some(latest),
            Idea::Failed(_) => failures += 1,
            Idea::Pinned | Idea::Used(_) => {}
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

fn brain_at(address: SocketAddr) -> Box<dyn Brain> {
    brain_with(address, tools(""))
}

fn brain_with(address: SocketAddr, tools: Arc<Toolbox>) -> Box<dyn Brain> {
    brain_of(ChatConfig::default(), address, tools)
}

fn brain_of(config: ChatConfig, address: SocketAddr, tools: Arc<Toolbox>) -> Box<dyn Brain> {
    let call = Facts::new(RoomName::parse("call-1").unwrap());
    ChatMind::new(Arc::new(config), Arc::new(chat(address)), tools).brain(&call)
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
    let config = ChatConfig {
        greeting: Some("Hello.".to_owned()),
        ..ChatConfig::default()
    };
    let mut brain = brain_of(config, address, tools(""));
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
    let brain = brain_at(address);
    let (said, _, _, failures) = ideas(brain.think(&heard("hi"), OffsetDateTime::UNIX_EPOCH)).await;
    assert_eq!((said.as_str(), failures), ("", 1));
}

#[tokio::test]
async fn a_voicemail_greeting_ends_the_call_without_asking_the_endpoint() {
    let (server, address, _tasks) = Server::start(Vec::new()).await;
    let brain = brain_at(address);
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
    let mut brain = brain_at(address);
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
    let mut brain = brain_at(address);
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
    let mut brain = brain_at(address);
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
    let mut brain = brain_at(address);
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
    let mut brain = brain_at(address);
    for text in ["I want to send something"]
        .into_iter()
        .chain(["yes", "no"].repeat(4))
    {
        assert_eq!(acts_of(&mut *brain, text).await, [], "{text}");
    }
}
