//! `TransferSIPParticipant`: the phone is asked by REFER, and its call here ends only when it talks to
//! somebody else.

use livekit_protocol as proto;
use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_client::api::{ApiError, table};
use trunkline_media::SampleRate;
use trunkline_media::g711::{self, Law};
use trunkline_media::tone::strength_dbfs;

use super::callee::Callee;
use super::dialling::{dial, has, leaves, meta, order, recorded, until};
use super::house::{House, PATIENCE, ROOM};

pub(crate) fn to(target: &str) -> proto::TransferSipParticipantRequest {
    proto::TransferSipParticipantRequest {
        participant_identity: "callee".to_owned(),
        room_name: ROOM.to_owned(),
        transfer_to: target.to_owned(),
        ..Default::default()
    }
}

/// In dBFS; the tone has six more.
const LOUD: f64 = -22.0;

const TARGET: &str = "sip:+15550177@provider.example";

pub(crate) async fn transfer(
    house: &House,
    request: proto::TransferSipParticipantRequest,
) -> Result<proto::TransferSipParticipantResponse, ApiError> {
    let asked = house.api.call(&table::TRANSFER_SIP_PARTICIPANT, request);
    timeout(PATIENCE, asked).await.unwrap()
}

pub(crate) fn told(
    failed: Result<proto::TransferSipParticipantResponse, ApiError>,
) -> (String, String) {
    let (code, status, _) = meta(&failed.unwrap_err());
    (code, status)
}

fn expected(code: &str, status: &str) -> (String, String) {
    (code.to_owned(), status.to_owned())
}

/// A phone that has been called and talks; and the call's id.
async fn talking(house: &House) -> (Callee, String) {
    let mut callee = Callee::new().await;
    let placed = dial(house, order(&callee)).await.unwrap();
    callee.picks_up().await;
    until(house, "active", has("sip.callStatus", "active")).await;
    (callee, placed.sip_call_id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_to_talk_to_whom_it_was_sent_to_is_let_go() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, mut events) = house.participant().await;
    let (mut callee, call) = talking(&house).await;
    let mut wanted = to(&format!("<{TARGET}>"));
    wanted.play_dialtone = true;
    let header = ("X-Tenant".to_owned(), "acme".to_owned());
    wanted.headers.extend([header]);
    let (done, ()) = tokio::join!(transfer(&house, wanted), async {
        let refer = callee.expects("REFER").await;
        for line in [format!("Refer-To: <{TARGET}>"), "X-Tenant: acme".to_owned()] {
            assert!(refer.lines().any(|is| is == line), "{line}\n{refer}");
        }
        callee.answer(&refer, "202 Accepted", "", "").await;
        callee.tells(1, "active;expires=60", "100 Trying").await;
        callee.tells(2, "active;expires=60", "180 Ringing").await;
        let loud = rings(&callee, 250).await;
        assert!(loud > LOUD, "the phone hears ringing at {loud:.1} dBFS");
        callee
            .tells(3, "terminated;reason=noresource", "200 OK")
            .await;
        let bye = callee.expects("BYE").await;
        callee.answer(&bye, "200 OK", "", "").await;
    });
    done.unwrap();
    leaves(&mut events).await;
    house.no_calls_left().await;
    let call = recorded(&house, &call).await;
    assert_eq!(call.end_reason.as_deref(), Some("transferred"));
    house.close().await;
}

/// How loud the tone of a line that rings comes to be within so many packets.
async fn rings(callee: &Callee, packets: usize) -> f64 {
    let mut loud = f64::NEG_INFINITY;
    let mut heard = Vec::new();
    let mut buffer = [0; 2048];
    for _ in 0..packets {
        let length = timeout(PATIENCE, callee.rtp.recv(&mut buffer)).await;
        g711::decode(Law::Mu, &buffer[12..length.unwrap().unwrap()], &mut heard);
        if heard.len() >= 1600 {
            loud = loud.max(strength_dbfs(&heard, SampleRate::HZ_8000, 425.0));
            heard.clear();
        }
        if loud > LOUD {
            break;
        }
    }
    loud
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_fails_says_why_and_the_call_goes_on() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (mut callee, call) = talking(&house).await;
    let mut ringing = to(TARGET);
    ringing.play_dialtone = true;
    let (failed, ()) = tokio::join!(transfer(&house, ringing), async {
        let refer = callee.expects("REFER").await;
        callee.answer(&refer, "202 Accepted", "", "").await;
        callee.tells(1, "active", "100 Trying").await;
        assert!(rings(&callee, 250).await > LOUD);
        callee.tells(2, "terminated", "603 Decline").await;
    });
    assert_eq!(told(failed), expected("permission_denied", "603"));
    // What was on its way may still ring; a line that did would ring for a second of five.
    rings(&callee, 20).await;
    assert!(rings(&callee, 60).await < LOUD, "it rings on");
    for (status, words, code) in [
        ("405", "Method Not Allowed", "invalid_argument"),
        ("603", "Decline", "permission_denied"),
        ("503", "Service Unavailable", "failed_precondition"),
    ] {
        let (failed, ()) = tokio::join!(transfer(&house, to(TARGET)), async {
            let refer = callee.expects("REFER").await;
            let status = format!("{status} {words}");
            callee.answer(&refer, &status, "", "").await;
        });
        assert_eq!(told(failed), expected(code, status));
    }
    // It agrees, and nobody answers.
    let mut short = to(TARGET);
    short.ringing_timeout = Some(pbjson_types::Duration {
        seconds: 1,
        nanos: 0,
    });
    let (failed, ()) = tokio::join!(transfer(&house, short), async {
        let refer = callee.expects("REFER").await;
        callee.answer(&refer, "202 Accepted", "", "").await;
    });
    assert_eq!(told(failed), expected("deadline_exceeded", "408"));
    // It agrees, and tells no more.
    let (failed, ()) = tokio::join!(transfer(&house, to(TARGET)), async {
        let refer = callee.expects("REFER").await;
        callee.answer(&refer, "202 Accepted", "", "").await;
        callee
            .tells(3, "terminated;reason=timeout", "100 Trying")
            .await;
    });
    assert_eq!(told(failed), expected("failed_precondition", ""));
    until(&house, "still active", has("sip.callStatus", "active")).await;
    callee.hangs_up("").await;
    let call = recorded(&house, &call).await;
    assert_eq!(call.end_reason.as_deref(), Some("callee_hung_up"));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_after_agreeing_has_gone_where_it_was_sent_to() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    for (agrees, end) in [(true, "transferred"), (false, "callee_hung_up")] {
        let (mut callee, call) = talking(&house).await;
        let (done, ()) = tokio::join!(transfer(&house, to(TARGET)), async {
            let refer = callee.expects("REFER").await;
            if agrees {
                callee.answer(&refer, "202 Accepted", "", "").await;
            }
            callee.hangs_up("").await;
        });
        if agrees {
            done.unwrap();
        } else {
            assert_eq!(told(done), expected("failed_precondition", ""));
        }
        let call = recorded(&house, &call).await;
        assert_eq!(call.end_reason.as_deref(), Some(end));
        house.no_calls_left().await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_transfer_at_a_time_and_the_same_asked_for_twice_is_one() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut callee = Callee::new().await;
    dial(&house, order(&callee)).await.unwrap();
    callee.is_called().await;
    callee.says("180 Ringing", "", "").await;
    let early = transfer(&house, to(TARGET)).await;
    assert_eq!(told(early), expected("failed_precondition", ""));
    callee.says("200 OK", "", &callee.sdp()).await;
    callee.expects("ACK").await;
    until(&house, "active", has("sip.callStatus", "active")).await;
    let first = transfer(&house, to(TARGET));
    let (first, again, ()) = tokio::join!(first, transfer(&house, to(TARGET)), async {
        let refer = callee.expects("REFER").await;
        let other = transfer(&house, to("tel:+15550166")).await;
        assert_eq!(told(other), expected("failed_precondition", ""));
        callee.answer(&refer, "202 Accepted", "", "").await;
        assert!(callee.is_left_alone().await, "it is asked twice");
        callee.tells(1, "terminated", "200 OK").await;
        let bye = callee.expects("BYE").await;
        callee.answer(&bye, "200 OK", "", "").await;
    });
    first.unwrap();
    again.unwrap();
    house.no_calls_left().await;
    house.close().await;
}

/// The demo's phone takes no transfers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_are_asked_too_and_one_who_declines_goes_on_talking() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let call = house.call("100").await;
    let mut wanted = to(TARGET);
    wanted.participant_identity = "sip_4711".to_owned();
    let failed = transfer(&house, wanted).await;
    assert_eq!(told(failed), expected("permission_denied", "603"));
    assert_eq!(house.gateway.calls(), 1);
    let nobody = transfer(&house, to(TARGET)).await;
    assert_eq!(told(nobody), expected("not_found", ""));
    drop(call);
    house.close().await;
}
