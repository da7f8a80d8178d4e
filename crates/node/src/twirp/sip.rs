//! `livekit.SIP`: trunks and rules are served here; calls are handed to a gateway.

use axum::response::Response;
use livekit_protocol as proto;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::api::Api;
use super::call::Call;
use super::error::TwirpError;
use crate::caller::Caller;
use crate::limits::Limits;
use crate::room::RoomError;
use crate::sip::{CallOrder, SipError, SipSetup, check_call, check_transfer};
use trunkline_base::id::{ParticipantIdentity, RoomName};

pub(super) async fn answer(api: &Api, call: Call, method: &str) -> Response {
    let sip = &api.sip;
    match method {
        "CreateSIPParticipant" => {
            call.run(|c, r| async move { place(sip, &c, r).await })
                .await
        }
        "TransferSIPParticipant" => {
            call.run(|c, r| async move { transfer(api, &c, r).await })
                .await
        }
        _ => {
            let response = if method.contains("Rule") {
                rules(sip, call, method).await
            } else {
                trunks(sip, call, method).await
            };
            let reads = method.starts_with("List") || method.starts_with("Get");
            if !reads && response.status().is_success() {
                sip.changed().await;
            }
            response
        }
    }
}

async fn trunks(sip: &SipSetup, call: Call, method: &str) -> Response {
    match method {
        "ListSIPInboundTrunk" => {
            admin(call, |r| async move {
                Ok(proto::ListSipInboundTrunkResponse {
                    items: sip.list_inbound(r).await?,
                })
            })
            .await
        }
        "ListSIPOutboundTrunk" => {
            admin(call, |r| async move {
                Ok(proto::ListSipOutboundTrunkResponse {
                    items: sip.list_outbound(r).await?,
                })
            })
            .await
        }
        "ListSIPTrunk" => {
            admin(call, |r| async move {
                Ok(proto::ListSipTrunkResponse {
                    items: sip.list_legacy(r).await?,
                })
            })
            .await
        }
        "DeleteSIPTrunk" => {
            admin(call, |r: proto::DeleteSipTrunkRequest| async move {
                sip.delete_trunk(&r.sip_trunk_id).await
            })
            .await
        }
        "CreateSIPInboundTrunk" | "UpdateSIPInboundTrunk" | "GetSIPInboundTrunk" => {
            inbound(sip, call, method).await
        }
        _ => outbound(sip, call, method).await,
    }
}

async fn inbound(sip: &SipSetup, call: Call, method: &str) -> Response {
    match method {
        "CreateSIPInboundTrunk" => {
            admin(call, |r: proto::CreateSipInboundTrunkRequest| async move {
                sip.create_inbound(r.trunk).await
            })
            .await
        }
        "UpdateSIPInboundTrunk" => {
            admin(call, |r| async move { sip.update_inbound(r).await }).await
        }
        _ => {
            admin(call, |r: proto::GetSipInboundTrunkRequest| async move {
                let trunk = Some(sip.inbound(&r.sip_trunk_id).await?);
                Ok(proto::GetSipInboundTrunkResponse { trunk })
            })
            .await
        }
    }
}

async fn outbound(sip: &SipSetup, call: Call, method: &str) -> Response {
    match method {
        "CreateSIPOutboundTrunk" => {
            admin(call, |r: proto::CreateSipOutboundTrunkRequest| async move {
                sip.create_outbound(r.trunk).await
            })
            .await
        }
        "UpdateSIPOutboundTrunk" => {
            admin(call, |r| async move { sip.update_outbound(r).await }).await
        }
        "GetSIPOutboundTrunk" => {
            admin(call, |r: proto::GetSipOutboundTrunkRequest| async move {
                let trunk = Some(sip.outbound(&r.sip_trunk_id).await?);
                Ok(proto::GetSipOutboundTrunkResponse { trunk })
            })
            .await
        }
        _ => call.no_method(),
    }
}

async fn rules(sip: &SipSetup, call: Call, method: &str) -> Response {
    match method {
        "CreateSIPDispatchRule" => admin(call, |r| async move { sip.create_rule(r).await }).await,
        "UpdateSIPDispatchRule" => admin(call, |r| async move { sip.update_rule(r).await }).await,
        "ListSIPDispatchRule" => {
            admin(call, |r| async move {
                Ok(proto::ListSipDispatchRuleResponse {
                    items: sip.list_rules(r).await?,
                })
            })
            .await
        }
        "DeleteSIPDispatchRule" => {
            admin(call, |r: proto::DeleteSipDispatchRuleRequest| async move {
                sip.delete_rule(&r.sip_dispatch_rule_id).await
            })
            .await
        }
        _ => call.no_method(),
    }
}

/// A method that needs `sip.admin`.
async fn admin<Request, Reply, Work>(
    call: Call,
    work: impl FnOnce(Request) -> Work + Send,
) -> Response
where
    Request: Message + Default + DeserializeOwned,
    Reply: Message + Serialize,
    Work: Future<Output = Result<Reply, SipError>> + Send,
{
    call.run(|caller: Caller, request: Request| async move {
        caller.may_administer_sip()?;
        Ok(work(request).await?)
    })
    .await
}

/// Checked to the end before a gateway hears of it.
async fn place(
    sip: &SipSetup,
    caller: &Caller,
    request: proto::CreateSipParticipantRequest,
) -> Result<proto::SipParticipantInfo, TwirpError> {
    callable(caller, &request, sip.limits())?;
    let trunk = sip.way_out(&request).await?;
    let lines = sip.lines().get().ok_or(SipError::NotConnected)?;
    Ok(lines.place(CallOrder { request, trunk }).await?)
}

/// Whether the caller may ask for such a call at all.
pub(super) fn callable(
    caller: &Caller,
    request: &proto::CreateSipParticipantRequest,
    limits: Limits,
) -> Result<(), TwirpError> {
    caller.may_call()?;
    Ok(check_call(request, limits)?)
}

/// Whether the caller may ask for such a transfer at all: who is to be sent, and from which room.
pub(super) fn transferable(
    caller: &Caller,
    request: &proto::TransferSipParticipantRequest,
) -> Result<(RoomName, ParticipantIdentity), TwirpError> {
    if request.room_name.is_empty() {
        return Err(TwirpError::invalid("Missing room name"));
    }
    if request.participant_identity.is_empty() {
        return Err(TwirpError::invalid("Missing participant identity"));
    }
    caller.may_call()?;
    caller.may_administer(&request.room_name)?;
    check_transfer(request)?;
    let nobody = |_| RoomError::ParticipantNotFound;
    let room = RoomName::parse(request.room_name.as_str()).map_err(nobody)?;
    let identity = request.participant_identity.as_str();
    Ok((room, ParticipantIdentity::parse(identity).map_err(nobody)?))
}

/// Checked to the end before a gateway hears of it.
async fn transfer(
    api: &Api,
    caller: &Caller,
    request: proto::TransferSipParticipantRequest,
) -> Result<proto::TransferSipParticipantResponse, TwirpError> {
    let (room, identity) = transferable(caller, &request)?;
    let found = api.rooms.participant(&room, &identity).await;
    let participant = found.map_err(|error| match error {
        RoomError::NotFound => RoomError::ParticipantNotFound,
        other => other,
    })?;
    if !participant.attributes.contains_key(CALL_ID) {
        let text = "no SIP session associated with participant";
        return Err(TwirpError::invalid(text));
    }
    let lines = api.sip.lines().get().ok_or(SipError::NotConnected)?;
    Ok(lines.transfer(request).await?)
}

/// The attribute by which a participant on the phone is known.
const CALL_ID: &str = "sip.callID";
