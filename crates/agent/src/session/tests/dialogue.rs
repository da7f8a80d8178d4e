//! What a flow makes of what was heard, in a whole conversation.

use super::*;

/// Nobody is greeted, asked or transferred by a machine: the call ends, and says why.
#[tokio::test]
async fn a_voicemail_is_hung_up_on() {
    let speech = scripted_speech(&["Please leave a message after the tone."], 0.95);
    let call = Call::new(speech).await;
    call.is_silent(3500).await;
    call.speaks(2000).await;
    call.is_silent(4000).await;
    let (reason, turns, _) = call.ends().await;
    assert_eq!(reason, CloseReason::Machine);
    assert_eq!(
        turns[1].heard.expose(),
        "Please leave a message after the tone."
    );
    assert_eq!(turns[1].said.expose(), "");
}

/// A "yeah" over the opening hours was taken for the answer to "anything else?", which nobody had
/// heard yet.
#[tokio::test]
async fn a_yeah_over_an_answer_does_not_answer_the_question_at_its_end() {
    let speech = scripted_speech(&["What are your opening hours?", "Yeah."], 0.95);
    let call = Call::new(speech).await;
    call.is_silent(4000).await;
    call.speaks(1500).await;
    let quiet = Instant::now();
    while call.heard.loud_after(quiet).is_none() {
        call.is_silent(100).await;
    }
    call.is_silent(1000).await;
    call.speaks(400).await;
    call.is_silent(12_000).await;
    let (_, turns, _) = call.leaves().await;
    let said = said(&turns);
    assert!(
        !said.iter().any(|said| said.contains("What can I do")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|said| said.contains("anything else")),
        "{said:?}"
    );
}
