//! What the server says to participants for others: data, calls of their methods; and sending
//! participants elsewhere, which only LiveKit Cloud does.

use livekit_protocol as proto;

use super::names::{as_participant, room_name, somebody};
use crate::caller::Caller;
use crate::twirp::api::Api;
use crate::twirp::error::{Code, TwirpError};

pub(super) async fn send_data(
    api: &Api,
    caller: &Caller,
    request: proto::SendDataRequest,
) -> Result<proto::SendDataResponse, TwirpError> {
    caller.may_administer(&request.room)?;
    let nonce = request.nonce.len();
    if !matches!(nonce, 0 | 16) {
        let text = format!("nonce should be 16-bytes or not present, got: {nonce} bytes");
        return Err(TwirpError::invalid(text));
    }
    let room = room_name(&request.room)?;
    api.rooms.send_data(&room, request).await?;
    Ok(proto::SendDataResponse {})
}

pub(super) async fn perform_rpc(
    api: &Api,
    caller: &Caller,
    request: proto::PerformRpcRequest,
) -> Result<proto::PerformRpcResponse, TwirpError> {
    caller.may_administer(&request.room)?;
    if request.destination_identity.is_empty() {
        return Err(TwirpError::invalid("destination identity is required"));
    }
    let (room, _) = somebody(&request.room, &request.destination_identity)?;
    let answered = api.rooms.perform_rpc(&room, request).await;
    let payload = answered.map_err(as_participant)??;
    Ok(proto::PerformRpcResponse { payload })
}

pub(super) async fn forward(
    api: &Api,
    caller: &Caller,
    request: proto::ForwardParticipantRequest,
) -> Result<proto::ForwardParticipantResponse, TwirpError> {
    let to = Elsewhere {
        room: &request.room,
        identity: &request.identity,
        destination: &request.destination_room,
    };
    Err(to.refusal(api, caller).await)
}

pub(super) async fn move_away(
    api: &Api,
    caller: &Caller,
    request: proto::MoveParticipantRequest,
) -> Result<proto::MoveParticipantResponse, TwirpError> {
    let to = Elsewhere {
        room: &request.room,
        identity: &request.identity,
        destination: &request.destination_room,
    };
    Err(to.refusal(api, caller).await)
}

/// Who is to go where.
struct Elsewhere<'a> {
    room: &'a str,
    identity: &'a str,
    destination: &'a str,
}

impl Elsewhere<'_> {
    /// What is wrong with the wish, or else that it cannot be met.
    async fn refusal(&self, api: &Api, caller: &Caller) -> TwirpError {
        match self.check(api, caller).await {
            Err(error) => error,
            Ok(()) => TwirpError::new(Code::Unknown, "not implemented"),
        }
    }

    async fn check(&self, api: &Api, caller: &Caller) -> Result<(), TwirpError> {
        caller.may_send_to(self.room, self.destination)?;
        if self.room == self.destination {
            let text = "destination room cannot be the same as source room";
            return Err(TwirpError::argument(&text, ""));
        }
        let (room, identity) = somebody(self.room, self.identity)?;
        let there = api.rooms.participant(&room, &identity).await;
        there.map_err(as_participant)?;
        Ok(())
    }
}
