//! Over a WebSocket.

use super::*;

#[tokio::test]
async fn a_socket_carries_turns_notes_and_cancellations() {
    let slow = Script::Stall("{\"turn\": TURN, \"say\": \"Let me see.\"}");
    let late = "{\"turn\": 1, \"say\": \"Too late.\"}\n{\"turn\": TURN, \"say\": \"Bye.\", \"hang_up\": true, \"done\": true}";
    let mut running = Program::start(vec![slow, lines(late)]).await;
    let mut brain = socket_at(&running);
    let mut thought = ask(&*brain, &heard("hello"));
    let mut memory = None;
    loop {
        match thought.next().await.unwrap() {
            Idea::Memory(latest) => memory = Some(latest),
            Idea::Text(text) => break assert_eq!(text, "Let me see.\n"),
            other => panic!("{other:?}"),
        }
    }
    brain.remember(memory.unwrap());
    drop(thought);
    assert_eq!(running.seen.recv().await.unwrap()["text"], "hello");
    assert_eq!(
        running.seen.recv().await.unwrap(),
        json!({"type": "cancel", "turn": 1})
    );
    brain.spoke(&Spoken {
        text: "Let me".to_owned(),
        progress: Progress::Cut,
    });
    assert_eq!(
        running.seen.recv().await.unwrap(),
        json!({"type": "heard", "turn": 1, "text": "Let me", "whole": false})
    );
    let answer = collect(ask(&*brain, &heard("bye"))).await;
    assert_eq!((answer.said.as_str(), answer.error), ("Bye.\n", None));
    assert_eq!(answer.acts, [Act::HangUp(Farewell::Done)]);
}

#[tokio::test]
async fn a_socket_that_breaks_is_a_failure_and_the_next_turn_opens_another() {
    let running = Program::start(vec![
        Script::Cut("{\"say\": \"Let me\"}"),
        lines("{\"say\": \"Here I am.\", \"done\": true}"),
        Script::Silent,
        lines("no JSON"),
    ])
    .await;
    let brain = socket_at(&running);
    let cut = collect(ask(&*brain, &heard("hello"))).await;
    assert_eq!(
        (cut.said.as_str(), cut.error),
        ("Let me\n", Some(ExternalError::Cut))
    );
    let again = collect(ask(&*brain, &heard("hello?"))).await;
    assert_eq!((again.said.as_str(), again.error), ("Here I am.\n", None));
    let silent = collect(ask(&*brain, &heard("and?"))).await;
    assert_eq!(silent.error, Some(ExternalError::FirstByte));
    let garbage = collect(ask(&*brain, &heard("well?"))).await;
    assert_eq!(garbage.error, Some(ExternalError::Garbled));
    let nobody = brain_of(config("ws://127.0.0.1:1/ws".to_owned()));
    let answer = collect(ask(&*nobody, &heard("hello"))).await;
    assert_eq!(answer.error, Some(ExternalError::Unreachable));
}
