//! Calls of participants' methods: made for the API, answered by the participant, or given up.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use proto::rpc_response::Value;
use rand::RngCore;
use trunkline_base::id::ParticipantSid;

use super::call::Call;
use super::{Now, RoomState};
use crate::room::command::Ask;
use crate::room::rpc::{MAX_PAYLOAD, RpcFailure, RpcOutcome};

impl RoomState {
    /// Calls a method of a participant; `answer` hears how it went.
    pub(super) fn perform_rpc(
        &mut self,
        request: proto::PerformRpcRequest,
        answer: Ask<RpcOutcome>,
        now: Now,
    ) {
        let callee = match self.sid_of(&request.destination_identity) {
            Ok(callee) => callee,
            Err(error) => return drop(answer.send(Err(error))),
        };
        let refused = |answer: Ask<RpcOutcome>, code| {
            let _gone = answer.send(Ok(Err(RpcFailure::built_in(code))));
        };
        if request.payload.len() > MAX_PAYLOAD {
            return refused(answer, RpcFailure::REQUEST_TOO_LARGE);
        }
        if self.calls.len() >= MAX_CALLS {
            return refused(answer, RpcFailure::SEND_FAILED);
        }
        let patience = match request.response_timeout_ms {
            0 => DEFAULT_PATIENCE,
            millis => Duration::from_millis(millis.into()),
        };
        let id = self.call_id();
        let call = proto::RpcRequest {
            id: id.clone(),
            method: request.method,
            payload: request.payload,
            response_timeout_ms: u32::try_from(patience.as_millis()).unwrap_or(u32::MAX),
            version: 1,
            ..Default::default()
        };
        if self.sfu.call(&callee, call, now.instant).is_err() {
            return refused(answer, RpcFailure::SEND_FAILED);
        }
        let call = Call::new(callee, answer, patience, now);
        self.calls.insert(id, call);
        self.after_media(now);
    }

    pub(super) fn on_call_received(&mut self, id: &str) {
        if let Some(call) = self.calls.get_mut(id) {
            call.received_by = None;
        }
    }

    pub(super) fn on_call_answered(&mut self, id: &str, value: Option<Value>) {
        let outcome = match value {
            Some(Value::Payload(payload)) => Ok(payload),
            Some(Value::Error(error)) => Err(RpcFailure::told(error)),
            // A form of answer this server does not know.
            Some(_) | None => Err(RpcFailure::built_in(RpcFailure::SEND_FAILED)),
        };
        self.end_call(id, outcome);
    }

    /// A participant has gone, with what it was asked.
    pub(super) fn drop_calls(&mut self, callee: &ParticipantSid) {
        let its = self.calls.iter().filter(|(_, call)| call.callee == *callee);
        let its: Vec<String> = its.map(|(id, _)| id.clone()).collect();
        for id in its {
            self.end_call(&id, Err(RpcFailure::built_in(RpcFailure::DISCONNECTED)));
        }
    }

    pub(super) fn calls_due(&self) -> Option<Instant> {
        self.calls.values().map(Call::deadline).min()
    }

    /// Gives up calls whose time is over.
    pub(super) fn check_calls(&mut self, now: Now) {
        let late = self
            .calls
            .iter()
            .filter(|(_, c)| c.deadline() <= now.instant);
        let late = late.map(|(id, call)| {
            let code = match call.received_by {
                Some(at) if at <= now.instant => RpcFailure::CONNECTION_TIMEOUT,
                _ => RpcFailure::RESPONSE_TIMEOUT,
            };
            (id.clone(), code)
        });
        let late: Vec<(String, u32)> = late.collect();
        for (id, code) in late {
            self.end_call(&id, Err(RpcFailure::built_in(code)));
        }
    }

    fn end_call(&mut self, id: &str, outcome: Result<String, RpcFailure>) {
        self.sfu.forget_call(id);
        if let Some(call) = self.calls.remove(id) {
            let _gone = call.answer.send(Ok(outcome));
        }
    }

    /// A random UUID, as participants name their own calls.
    fn call_id(&mut self) -> String {
        let mut bytes = [0; 16];
        self.rng.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }
}

const DEFAULT_PATIENCE: Duration = Duration::from_secs(10);
/// Calls of one room under way; more is a loop in somebody's code.
const MAX_CALLS: usize = 1_000;
