//! Calls of participants' methods, in virtual time.

use proto::rpc_response::Value;
use tokio::sync::oneshot;

use super::super::call::Call;
use super::*;
use crate::room::command::RoomAsk;
use crate::room::error::RoomError;
use crate::room::rpc::{RpcFailure, RpcOutcome};

type Answer = oneshot::Receiver<RpcOutcome>;

fn ask(house: &mut House, request: proto::PerformRpcRequest) -> Answer {
    let (answer, answered) = oneshot::channel();
    let request = Box::new(request);
    let ask = RoomAsk::PerformRpc { request, answer };
    house.room.on_ask(ask, house.now);
    house.room.give_replies();
    answered
}

fn request(to: &str) -> proto::PerformRpcRequest {
    proto::PerformRpcRequest {
        destination_identity: to.to_owned(),
        method: "greet".to_owned(),
        ..Default::default()
    }
}

/// A call that is under way to somebody who is connected.
fn under_way(house: &mut House, callee: &ParticipantSid) -> Answer {
    let (answer, answered) = oneshot::channel();
    let patience = Duration::from_secs(10);
    let call = Call::new(callee.clone(), answer, patience, house.now);
    house.room.calls.insert("call".to_owned(), call);
    answered
}

fn failed(mut answered: Answer) -> u32 {
    answered.try_recv().unwrap().unwrap().unwrap_err().code
}

#[test]
fn a_call_to_nobody_or_of_too_much_is_refused_at_once() {
    let mut house = House::new(spec());
    let mut nobody = ask(&mut house, request("ann"));
    let refused = nobody.try_recv().unwrap();
    assert_eq!(refused, Err(RoomError::ParticipantNotFound));
    house.join(guest("ann"));
    let heavy = proto::PerformRpcRequest {
        payload: "x".repeat(15_361),
        ..request("ann")
    };
    let heavy = ask(&mut house, heavy);
    assert_eq!(failed(heavy), RpcFailure::REQUEST_TOO_LARGE);
    let early = ask(&mut house, request("ann"));
    assert_eq!(failed(early), RpcFailure::SEND_FAILED, "not connected yet");
}

#[test]
fn who_does_not_say_that_it_has_the_call_is_given_up_after_two_seconds() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let mut answered = under_way(&mut house, &ann);
    assert!(house.room.poll_timeout() <= house.now.instant + Duration::from_secs(2));
    house.pass(Duration::from_millis(1_999));
    assert!(answered.try_recv().is_err());
    house.pass(Duration::from_millis(1));
    assert_eq!(failed(answered), RpcFailure::CONNECTION_TIMEOUT);
}

#[test]
fn who_has_the_call_has_the_time_the_caller_gave() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let mut answered = under_way(&mut house, &ann);
    house.room.on_call_received("call");
    house.pass(Duration::from_millis(9_999));
    assert!(answered.try_recv().is_err());
    house.pass(Duration::from_millis(1));
    assert_eq!(failed(answered), RpcFailure::RESPONSE_TIMEOUT);
}

#[test]
fn the_answer_or_the_failure_of_the_method_is_handed_on() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let mut answered = under_way(&mut house, &ann);
    let payload = Value::Payload("hello".to_owned());
    house.room.on_call_answered("call", Some(payload));
    assert_eq!(answered.try_recv().unwrap(), Ok(Ok("hello".to_owned())));
    let answered = under_way(&mut house, &ann);
    let error = proto::RpcError {
        code: 1400,
        message: "Method not supported at destination".to_owned(),
        ..Default::default()
    };
    house
        .room
        .on_call_answered("call", Some(Value::Error(error)));
    assert_eq!(failed(answered), RpcFailure::UNSUPPORTED_METHOD);
}

#[test]
fn a_participant_that_leaves_takes_its_calls_with_it() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let answered = under_way(&mut house, &ann);
    house.ask(&ann, Asked::Leave(proto::LeaveRequest::default()));
    assert_eq!(failed(answered), RpcFailure::DISCONNECTED);
}
