//! Lines as telephones make them: hung up in the middle of a word, and a speakerphone that returns
//! what it plays.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use trunkline_bridge::sip::{Caller, CallerOptions, OutgoingCall};
use trunkline_media::level;
use trunkline_store::{Store, Turn};
use trunkline_tests::{Daemon, Setup};

use super::ear::speech;

const LIMIT: Duration = Duration::from_secs(60);
/// The announcement and the greeting.
const OPENING: &str = "This call is recorded. Swift Parcel, good day. How can I help you?";

/// The agent is heard in a frame at least this loud, in dBov.
const HEARD: i8 = -50;

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_and_an_echo_leave_the_journal_true() {
    if speech().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        data: Some(dir.path().to_owned()),
        ..Setup::default()
    };
    let daemon = Daemon::start(&setup);
    let target = format!("sip:agent@{}", daemon.addr("sip"));
    let database = dir.path().join("trunkline.db").display().to_string();

    let mut call = Caller::call(CallerOptions::new(target.clone(), "4711"))
        .await
        .unwrap();
    listen(&mut call, |heard, _| heard >= 60, 0).await;
    call.hangup().await;
    let turns = ended(&database, 1).await;
    let said = turns[0].said.expose();
    assert!(turns[0].interrupted, "{said}");
    assert!(
        !said.is_empty() && said.len() < OPENING.len() && OPENING.starts_with(said.as_str()),
        "{said}"
    );

    let mut call = Caller::call(CallerOptions::new(target, "4712"))
        .await
        .unwrap();
    listen(&mut call, |heard, quiet| heard > 50 && quiet > 150, 10).await;
    call.hangup().await;
    let turns = ended(&database, 2).await;
    let heard: Vec<&String> = turns.iter().map(|turn| turn.heard.expose()).collect();
    assert_eq!(heard, [""], "it answered itself");
    assert_eq!(turns[0].said.expose(), OPENING);
    assert!(!turns[0].interrupted);
}

/// Listens until told to stop, by how many frames the agent was heard in and for how many it has
/// been quiet since. The line returns a tenth of what it plays, `late` frames later; none if zero.
async fn listen(call: &mut OutgoingCall, over: impl Fn(u32, u32) -> bool, late: usize) {
    let (mut heard, mut quiet) = (0, 0);
    let mut line = VecDeque::from(vec![[0_i16; 160]; late]);
    while let Some(frame) = timeout(LIMIT, call.recv()).await.unwrap() {
        if level::dbov(&frame.samples) >= HEARD {
            (heard, quiet) = (heard + 1, 0);
        } else {
            quiet += 1;
        }
        let mut echo = [0; 160];
        if late > 0 {
            for (place, sample) in echo.iter_mut().zip(&frame.samples) {
                *place = sample / 10;
            }
        }
        line.push_back(echo);
        call.send(&line.pop_front().unwrap_or(echo)).await;
        if over(heard, quiet) {
            return;
        }
    }
    panic!("the agent hung up");
}

/// The turns of the latest call, once so many calls are over.
async fn ended(database: &str, calls: usize) -> Vec<Turn> {
    let store = Store::open(database).await.unwrap();
    let found = timeout(LIMIT, async {
        loop {
            let all = store.calls().list(10).await.unwrap();
            if all.iter().filter(|call| call.ended_at.is_some()).count() == calls {
                let turns = store.turns().of_call(&all[0].call_id).await.unwrap();
                // The conversation may write its last word a moment after the gateway its own.
                if turns.iter().any(|turn| !turn.said.expose().is_empty()) {
                    return turns;
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    found.await.unwrap()
}
