//! A provider that hears words while they are spoken.

use super::*;
use crate::speech::testing::ScriptedListener;

fn listening(lines: &[Result<&str, Failure>]) -> Speech {
    let lines = lines.iter().cloned().map(|line| line.map(str::to_owned));
    Speech::from_parts(
        Arc::new(ScriptedListener::new(lines)),
        Arc::new(ScriptedTts::default()),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::script(&[0.1, 0.9])),
    )
}

fn heard_in(turns: &[Turn]) -> Vec<&str> {
    let heard = turns.iter().map(|turn| turn.heard.expose().as_str());
    heard.filter(|heard| !heard.is_empty()).collect()
}

#[tokio::test]
async fn a_question_is_answered_from_what_was_heard_by_then() {
    let call = Call::new(listening(&[Ok("What are your opening hours?")])).await;
    call.is_silent(4000).await;
    call.speaks(1500).await;
    let quiet = Instant::now();
    call.is_silent(12_000).await;
    assert!(call.heard.loud_after(quiet).is_some());
    let (_, turns, heard) = call.leaves().await;
    assert_eq!(heard_in(&turns), ["What are your opening hours?"]);
    assert!(turns[1].said.expose().contains("eight in the morning"));
    assert!(turns[1].latency.stt_ms.is_some());
    assert_eq!(heard.transcripts(true), ["What are your opening hours?"]);
}

/// Each pause is a flush, and each flush brings only what is new; the turn is all of it.
#[tokio::test]
async fn a_sentence_that_is_heard_in_two_parts_is_one_turn() {
    let call = Call::new(listening(&[Ok("where is"), Ok("my parcel")])).await;
    call.is_silent(3500).await;
    call.speaks(700).await;
    call.is_silent(400).await;
    call.speaks(700).await;
    call.is_silent(2000).await;
    let (_, turns, _) = call.leaves().await;
    assert_eq!(heard_in(&turns), ["where is my parcel"]);
}

#[tokio::test]
async fn two_turns_do_not_share_a_word() {
    let lines = [Ok("What are your opening hours?"), Ok("goodbye")];
    let call = Call::new(listening(&lines)).await;
    call.is_silent(4000).await;
    call.speaks(1500).await;
    call.is_silent(14_000).await;
    call.speaks(700).await;
    call.is_silent(8000).await;
    let (reason, turns, _) = call.ends().await;
    assert_eq!(reason, CloseReason::TaskCompleted);
    assert_eq!(
        heard_in(&turns),
        ["What are your opening hours?", "goodbye"]
    );
}

#[tokio::test]
async fn a_listener_that_fails_is_apologised_for_and_asked_again() {
    let lines = [Err(Failure::Cut), Ok("goodbye")];
    let call = Call::new(listening(&lines)).await;
    call.is_silent(4000).await;
    call.speaks(1500).await;
    call.is_silent(8000).await;
    call.speaks(700).await;
    call.is_silent(8000).await;
    let (reason, turns, _) = call.ends().await;
    assert_eq!(reason, CloseReason::TaskCompleted);
    assert!(
        said(&turns).iter().any(|said| said.contains("went wrong")),
        "{:?}",
        said(&turns)
    );
}
