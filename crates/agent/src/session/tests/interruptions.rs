//! Callers who talk over the agent, on purpose or not.

use super::*;

#[tokio::test]
async fn the_agent_is_silent_within_a_moment_of_being_talked_over_and_knows_what_it_said() {
    let call = Call::new(scripted_speech(&["speak to a person"; 4], 0.95)).await;
    call.is_silent(1600).await;
    let began = Instant::now();
    call.speaks(900).await;
    let silent = call.heard.last_loud_before(Instant::now()).unwrap();
    assert!(
        silent - began < Duration::from_millis(300),
        "{:?}",
        silent - began
    );
    call.is_silent(2000).await;
    let (_, turns, _) = call.leaves().await;
    assert!(turns[0].interrupted);
    let greeting = turns[0].said.expose();
    assert!(
        GREETING.starts_with(greeting.as_str()) && greeting.len() < GREETING.len(),
        "{greeting}"
    );
    assert!(greeting.starts_with("Swift Parcel"), "{greeting}");
    assert_eq!(turns[1].heard.expose(), "speak to a person");
    assert!(turns[1].latency.barge_in_ms.is_some());
}

#[tokio::test]
async fn a_cough_over_the_agent_only_holds_it_up() {
    let call = Call::new(scripted_speech(&[""], 0.95)).await;
    call.is_silent(1000).await;
    call.speaks(400).await;
    let quiet = Instant::now();
    call.is_silent(6000).await;
    let resumed = call.heard.loud_after(quiet).unwrap() - quiet;
    assert!(resumed < Duration::from_millis(400), "{resumed:?}");
    let (_, turns, _) = call.leaves().await;
    assert_eq!(said(&turns), [GREETING]);
    assert!(!turns[0].interrupted);
}

/// "Hello" was answered before the caller had said what for, and the answer was "I'm".
#[tokio::test]
async fn an_answer_that_hardly_began_is_withdrawn_and_the_turn_is_the_whole() {
    let speech = scripted_speech(&["To the light.", "Hello, where is my parcel?"], 0.95);
    let call = Call::new(speech).await;
    call.is_silent(4000).await;
    call.speaks(500).await;
    let quiet = Instant::now();
    call.is_silent(460).await;
    assert!(
        call.heard.loud_after(quiet).is_some(),
        "it had begun to answer"
    );
    call.speaks(900).await;
    call.is_silent(9000).await;
    let (_, turns, heard) = call.leaves().await;
    let words: Vec<&str> = turns
        .iter()
        .map(|turn| turn.heard.expose().as_str())
        .collect();
    assert_eq!(words, ["", "Hello, where is my parcel?"]);
    assert!(
        turns[1].said.expose().contains("number"),
        "{:?}",
        said(&turns)
    );
    let told = heard.transcripts(true);
    assert_eq!(told, ["To the light.", "Hello, where is my parcel?"]);
    assert_eq!(heard.segments(true), 1, "the second replaced the first");
}

/// Callers hear themselves from their first sound on; so does the figure.
#[tokio::test]
async fn an_interruption_is_counted_from_its_first_sound() {
    let call = Call::new(scripted_speech(&["speak to a person"; 4], 0.95)).await;
    call.is_silent(1600).await;
    let began = Instant::now();
    // Too soft for the detector yet, and the caller all the same.
    call.line(300, 200).await;
    call.speaks(900).await;
    let silent = call.heard.last_loud_before(Instant::now()).unwrap();
    call.is_silent(2000).await;
    let (_, turns, _) = call.leaves().await;
    let told = turns[1].latency.barge_in_ms.unwrap();
    let true_one = (silent - began).as_secs_f64() * 1e3;
    assert!(
        (told - true_one).abs() < 70.0,
        "{told} told, {true_one} heard"
    );
}

/// A speakerphone: the agent had up to twenty turns with itself.
#[tokio::test]
async fn an_agent_that_hears_itself_does_not_answer() {
    let words = ["Swift Parcel.", "Good day.", "How can I help you?"];
    let call = Call::new(babbling_speech(&words)).await;
    call.returns(250, 0, 6000).await;
    let (_, turns, heard) = call.leaves().await;
    assert_eq!(said(&turns), [GREETING]);
    assert!(!turns[0].interrupted);
    assert!(heard.transcripts(true).is_empty());
}

#[tokio::test]
async fn a_caller_stops_an_agent_that_hears_itself() {
    let call = Call::new(babbling_speech(&["speak to a person"; 4])).await;
    call.returns(250, 0, 1400).await;
    let began = Instant::now();
    call.returns(250, 6000, 900).await;
    let silent = call.heard.last_loud_before(Instant::now()).unwrap();
    let took = silent - began;
    assert!(took < Duration::from_millis(300), "{took:?}");
    call.is_silent(2000).await;
    let (_, turns, _) = call.leaves().await;
    assert!(turns[0].interrupted);
    assert_eq!(turns[1].heard.expose(), "speak to a person");
}

/// A "yeah" over the opening hours is heard and goes by; the agent says every word.
#[tokio::test]
async fn a_listener_does_not_cost_a_word() {
    let speech = scripted_speech(&["What are your opening hours?", "Yeah."], 0.95);
    let call = Call::new(speech).await;
    call.is_silent(4000).await;
    call.speaks(1500).await;
    call.is_silent(2500).await;
    call.speaks(400).await;
    call.is_silent(14_000).await;
    let (_, turns, _) = call.leaves().await;
    assert_eq!(turns.len(), 2, "{:?}", said(&turns));
    assert!(!turns[1].interrupted);
    assert!(
        turns[1]
            .said
            .expose()
            .ends_with("anything else I can do for you?"),
        "{:?}",
        said(&turns)
    );
}
