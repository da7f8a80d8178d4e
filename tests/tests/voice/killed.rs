//! Killed in mid-call: finished turns are in the store, the recording plays to its last second,
//! and the next start closes what was left open.

use std::time::Duration;

use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_media::level;
use trunkline_media::ogg::Reader;
use trunkline_store::{Call, Store, Turn};
use trunkline_tests::{Daemon, Setup, root};

use super::ear::{speech, spoken};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_mid_call_loses_no_finished_turn_and_leaves_a_recording_that_plays() {
    let Some(speech) = speech() else { return };
    let dir = tempfile::tempdir().unwrap();
    // Where calls may go on after a kill, nothing is closed.
    let shipped = root().join("config/livekit-sip-correct.yaml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let closing = shipped.replace("resume_within: 30s", "resume_within: 0s");
    assert_ne!(shipped, closing);
    let setup = Setup {
        data: Some(dir.path().to_owned()),
        files: vec![("livekit-sip-correct.yaml", closing)],
        ..Setup::default()
    };
    let daemon = Daemon::start(&setup);
    let database = dir.path().join("trunkline.db").display().to_string();
    let question = spoken(speech, "What are your opening hours?").await;
    let target = format!("sip:agent@{}", daemon.addr("sip"));
    talk(&target, &question, &database).await;
    daemon.kill();

    let store = Store::open(&database).await.unwrap();
    let (call, turns) = latest(&store).await.unwrap();
    assert!(call.ended_at.is_none(), "the call ended before the kill");
    assert!(
        turns
            .iter()
            .any(|turn| turn.heard.expose().contains("opening hours")),
        "{}",
        turns.len()
    );
    let recording = store
        .recordings()
        .of_room(&call.room)
        .await
        .unwrap()
        .remove(0);
    let bytes = std::fs::read(&recording.path).unwrap();
    let length = Reader::new(&bytes).unwrap().measure().duration;
    assert!(
        length > Duration::from_secs(4),
        "only {length:?} of the call is on the disk"
    );
    store.close().await;

    let again = Daemon::start(&setup);
    let store = Store::open(&database).await.unwrap();
    let (call, _) = latest(&store).await.unwrap();
    assert_eq!(call.end_reason.as_deref(), Some("process_ended"));
    let recording = store
        .recordings()
        .of_room(&call.room)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(recording.outcome.as_deref(), Some("recovered"));
    assert!(
        recording.duration_ms.is_some_and(|ms| ms > 4000),
        "{:?}",
        recording.duration_ms
    );
    drop(again);
}

async fn latest(store: &Store) -> Option<(Call, Vec<Turn>)> {
    let call = store.calls().list(1).await.ok()?.into_iter().next()?;
    let turns = store.turns().of_call(&call.call_id).await.ok()?;
    Some((call, turns))
}

/// Asks after the greeting, and returns once the answer's turn is in the store. The call stays up.
async fn talk(target: &str, question: &[i16], database: &str) {
    let mut call = Caller::call(CallerOptions::new(target, "4711"))
        .await
        .unwrap();
    let mut quiet = 0;
    let mut greeted = false;
    let mut asked = question.chunks(160);
    let store = Store::open(database).await.unwrap();
    let conversation = async {
        while let Some(frame) = call.recv().await {
            let loud = level::dbov(&frame.samples) > -50;
            greeted |= loud;
            quiet = if loud { 0 } else { quiet + 1 };
            let speak = greeted && quiet > 50;
            let piece = if speak || asked.len() < question.len().div_ceil(160) {
                asked.next().unwrap_or_default()
            } else {
                &[]
            };
            let mut out = [0; 160];
            for (to, from) in out.iter_mut().zip(piece) {
                *to = *from;
            }
            call.send(&out).await;
            let (_, turns) = latest(&store).await.unwrap();
            if turns.iter().any(|turn| !turn.heard.expose().is_empty()) {
                return;
            }
        }
        panic!("the call ended early");
    };
    tokio::time::timeout(LIMIT, conversation).await.unwrap();
    // Dropped without a BYE: as far as the daemon knows, the caller is still there.
}
