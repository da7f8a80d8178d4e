//! Questions and answers, keys, silence, goodbye.

use super::*;

#[tokio::test]
async fn a_question_is_answered_and_written_down() {
    let call = Call::new(scripted_speech(&["What are your opening hours?"], 0.95)).await;
    call.is_silent(4000).await;
    call.speaks(1500).await;
    let quiet = Instant::now();
    call.is_silent(12_000).await;
    let answered = call.heard.loud_after(quiet).unwrap() - quiet;
    // Instant models: what is left is the wait for the end of the turn.
    assert!(answered < Duration::from_millis(380), "{answered:?}");
    let (reason, turns, heard) = call.leaves().await;
    assert_eq!(reason, CloseReason::ParticipantDisconnected);
    assert_eq!(turns[0].said.expose(), GREETING);
    assert_eq!(turns[1].heard.expose(), "What are your opening hours?");
    assert!(turns[1].said.expose().contains("eight in the morning"));
    assert!(!turns[1].interrupted);
    let latency = turns[1].latency;
    for figure in [
        latency.voice_to_voice_ms,
        latency.turn_ms,
        latency.stt_ms,
        latency.llm_ms,
    ] {
        assert!(figure.is_some(), "{latency:?}");
    }
    assert_eq!(heard.transcripts(true), ["What are your opening hours?"]);
    assert_eq!(heard.transcripts(false)[0], GREETING);
    let states = heard.states();
    assert_eq!(
        states[..4],
        ["thinking", "speaking", "listening", "thinking"],
        "{states:?}"
    );
}

#[tokio::test]
async fn goodbye_is_played_out_and_ends_the_call() {
    let call = Call::new(scripted_speech(&["goodbye"], 0.95)).await;
    call.is_silent(3500).await;
    call.speaks(800).await;
    call.is_silent(8000).await;
    let (reason, turns, _) = call.ends().await;
    assert_eq!(reason, CloseReason::TaskCompleted);
    assert_eq!(
        turns[1].said.expose(),
        "Thank you for calling Swift Parcel. Goodbye."
    );
    assert!(!turns[1].interrupted);
}

#[tokio::test]
async fn keys_are_heard() {
    let call = Call::new(scripted_speech(&[], 0.95)).await;
    call.is_silent(1000).await;
    call.lane.send(Incoming::Digit('1')).await.unwrap();
    call.is_silent(6000).await;
    for key in "111111".chars() {
        call.lane.send(Incoming::Digit(key)).await.unwrap();
        call.is_silent(200).await;
    }
    call.is_silent(3000).await;
    let (_, turns, _) = call.leaves().await;
    let heard: Vec<&str> = turns
        .iter()
        .map(|turn| turn.heard.expose().as_str())
        .collect();
    assert_eq!(heard, ["", "1", "111111"]);
    assert!(
        turns[2].said.expose().contains("Parcel 1 1 1"),
        "{turns:?} {:?}",
        said(&turns)
    );
}

#[tokio::test]
async fn a_silent_caller_is_asked_and_then_let_go() {
    let call = Call::new(scripted_speech(&[], 0.95)).await;
    call.is_silent(60_000).await;
    let (reason, turns, _) = call.ends().await;
    assert_eq!(reason, CloseReason::CallerSilent);
    assert_eq!(turns[1].said.expose(), "Are you still there?");
}

#[tokio::test]
async fn a_sentence_continued_in_time_is_one_turn() {
    let speech = Speech::from_parts(
        Batch::of(ScriptedStt::new(&["where is", "where is my parcel"])),
        Arc::new(ScriptedTts::default()),
        Arc::new(LoudnessVad::default()),
        Arc::new(ScriptedEot::script(&[0.1, 0.9])),
    );
    let call = Call::new(speech).await;
    call.is_silent(3500).await;
    call.speaks(700).await;
    call.is_silent(400).await;
    call.speaks(700).await;
    call.is_silent(2000).await;
    let (_, turns, _) = call.leaves().await;
    let heard: Vec<&str> = turns
        .iter()
        .map(|turn| turn.heard.expose().as_str())
        .collect();
    assert_eq!(heard, ["", "where is my parcel"]);
}

#[tokio::test]
async fn sound_made_ahead_is_found_by_every_conversation() {
    let store = Store::open(":memory:").await.unwrap();
    let config = config();
    let shared = Shared {
        mind: config.mind(&outside()),
        config: Arc::new(config),
        speech: scripted_speech(&[], 0.9),
        cache: Arc::default(),
        store,
        urgent: Arc::default(),
    };
    warm(shared.clone(), Tasks::new().stop()).await;
    for sentence in [
        "Swift Parcel, good day.",
        "How can I help you?",
        "Are you still there?",
    ] {
        let clip = shared.cache.find(sentence).unwrap();
        assert!(!clip.clauses.is_empty());
    }
}
