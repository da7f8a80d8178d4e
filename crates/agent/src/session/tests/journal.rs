//! What is written down is what was heard and said.

use super::*;

#[tokio::test]
async fn what_was_said_so_far_is_kept_when_the_caller_hangs_up_in_the_middle() {
    let call = Call::new(scripted_speech(&[], 0.9)).await;
    call.is_silent(1500).await;
    let (reason, turns, heard) = call.leaves().await;
    assert_eq!(reason, CloseReason::ParticipantDisconnected);
    assert!(turns[0].interrupted);
    assert_eq!(turns[0].said.expose(), "Swift Parcel, good day. How");
    assert_eq!(heard.transcripts(false).len(), 1);
}

/// Whenever the caller hangs up, the journal says what had been played by then.
#[tokio::test]
async fn a_hang_up_leaves_the_journal_true_to_the_word() {
    let mut longest = 0;
    for after in (200..3000).step_by(400) {
        let call = Call::new(scripted_speech(&[], 0.9)).await;
        call.is_silent(after).await;
        let (_, turns, heard) = call.leaves().await;
        let played = heard.loud_frames();
        let said = turns.first().map_or("", |turn| turn.said.expose());
        assert!(GREETING.starts_with(said), "{said}");
        // The scripted voice takes 60 ms for a character, pauses included.
        let letters = played / 3;
        assert!(said.len() <= letters + 6, "{said}: {played} frames");
        assert!(said.len() + 12 >= letters, "{said}: {played} frames");
        let whole = said == GREETING;
        assert!(turns.iter().all(|turn| turn.interrupted != whole));
        longest = longest.max(said.len());
        // The next call opens a store of its own, in real time.
        tokio::time::resume();
    }
    assert!(longest > 20);
}

#[tokio::test]
async fn a_turn_is_in_the_store_when_the_journal_closes() {
    let store = Store::open(":memory:").await.unwrap();
    let journal = Journal::Store(store.clone());
    let turn = Turn {
        turn_id: trunkline_base::id::TurnId::parse("TN_1").unwrap(),
        room: RoomName::parse("call-1").unwrap(),
        call_id: Some(CallId::parse("SCL_1").unwrap()),
        at: trunkline_base::time::UnixTime(1),
        heard: "hello".to_owned().into(),
        said: String::new().into(),
        interrupted: false,
        latency: trunkline_store::TurnLatency::default(),
    };
    journal.write(turn.clone());
    journal.write(Turn {
        said: "Good day.".to_owned().into(),
        ..turn
    });
    journal.close().await;
    assert_eq!(
        said(&store.turns().of_call("SCL_1").await.unwrap()),
        ["Good day."]
    );
}
