//! Calls that the node's API asks for, carried out by the gateway beside it.

use std::fmt::Display;

use livekit_protocol as proto;
use trunkline_base::class::Classified;
use trunkline_base::id::guid;
use trunkline_bridge::sip::{DialOrder, GatewayHandle};
use trunkline_node::{CallOrder, LineError, LineFuture, Lines};

/// The lines of this gateway.
pub(super) struct GatewayLines(pub(super) GatewayHandle);

impl Lines for GatewayLines {
    fn place(&self, order: CallOrder) -> LineFuture<proto::SipParticipantInfo> {
        let gateway = self.0.clone();
        let CallOrder { request, trunk } = order;
        Box::pin(async move {
            let dialled = gateway.dial(DialOrder { request, trunk }).await;
            let dialled = dialled.map_err(|error| told(&error, error.sip()))?;
            Ok(proto::SipParticipantInfo {
                participant_id: dialled.participant.to_string(),
                participant_identity: dialled.identity.to_string(),
                room_name: dialled.room.to_string(),
                sip_call_id: dialled.call_id.to_string(),
            })
        })
    }

    fn transfer(
        &self,
        request: proto::TransferSipParticipantRequest,
    ) -> LineFuture<proto::TransferSipParticipantResponse> {
        let gateway = self.0.clone();
        Box::pin(async move {
            let transferred = gateway.transfer(request).await;
            transferred.map_err(|error| told(&error, error.sip()))?;
            Ok(proto::TransferSipParticipantResponse {
                transfer_id: guid("STR_", &mut rand::rng()),
                status: proto::SipTransferStatus::StsTransferSuccessful.into(),
                reason: proto::SipTransferReason::StrCompleted.into(),
                sip_status: None,
            })
        })
    }
}

fn told(error: &(impl Classified + Display), sip: Option<(u16, String)>) -> LineError {
    LineError {
        class: error.class(),
        text: error.to_string(),
        sip,
    }
}
