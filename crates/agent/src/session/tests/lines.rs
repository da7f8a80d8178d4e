//! Lines that are held, recorded, or come from a browser.

use super::*;

/// A caller held the call in the middle of the greeting, music played, and the agent talked to it,
/// asked whether anybody was there and hung up.
#[tokio::test]
async fn on_hold_the_agent_waits_and_goes_on_where_it_stopped() {
    let call = Call::new(scripted_speech(&["la la la"], 0.95)).await;
    call.is_silent(1200).await;
    drop(call.lane.send(Incoming::Line(Line::Held)).await);
    call.is_silent(40).await;
    let held = Instant::now();
    call.speaks(60_000).await;
    call.is_silent(60_000).await;
    assert_eq!(call.heard.loud_after(held), None);
    drop(call.lane.send(Incoming::Line(Line::Open)).await);
    let resumed = Instant::now();
    call.is_silent(6000).await;
    let again = call.heard.loud_after(held).unwrap() - resumed;
    assert!(again < Duration::from_millis(100), "{again:?}");
    let (_, turns, heard) = call.leaves().await;
    assert_eq!(said(&turns), [GREETING]);
    assert!(!turns[0].interrupted && turns[0].heard.expose().is_empty());
    assert!(heard.transcripts(true).is_empty());
}

/// The configuration of an agent whose phone calls are recorded.
fn recorded() -> AgentConfig {
    AgentConfig {
        announcement: Some("This call is recorded.".to_owned()),
        ..config()
    }
}

#[tokio::test]
async fn a_recorded_caller_hears_so_first_and_cannot_talk_over_it() {
    let speech = scripted_speech(&["speak to a person"], 0.95);
    let call = Call::with(speech, recorded(), Some("SCL_1")).await;
    call.is_silent(300).await;
    call.speaks(900).await;
    call.is_silent(9000).await;
    let (_, turns, _) = call.leaves().await;
    assert_eq!(
        said(&turns)[0],
        format!("This call is recorded. {GREETING}")
    );
    assert!(!turns[0].interrupted);
}

#[tokio::test]
async fn whoever_comes_by_browser_is_not_recorded_and_greeted_as_ever() {
    let call = Call::with(scripted_speech(&[], 0.95), recorded(), None).await;
    call.is_silent(6000).await;
    let (_, turns, _) = call.leaves().await;
    assert_eq!(said(&turns)[0], GREETING);
}
