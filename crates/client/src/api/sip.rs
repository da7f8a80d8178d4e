//! `SIP`: trunks, dispatch rules, participants.

use std::time::Duration;

use trunkline_base::id::{RoomName, RuleId, TrunkId};

use super::{ApiError, LiveKitApiClient, Need, Repeat, Rpc, proto};

const CREATE_INBOUND: Rpc = Rpc::new("SIP/CreateSIPInboundTrunk", Need::SipAdmin, Repeat::Never);
const CREATE_OUTBOUND: Rpc = Rpc::new("SIP/CreateSIPOutboundTrunk", Need::SipAdmin, Repeat::Never);
const UPDATE_INBOUND: Rpc = Rpc::new("SIP/UpdateSIPInboundTrunk", Need::SipAdmin, Repeat::Safe);
const UPDATE_OUTBOUND: Rpc = Rpc::new("SIP/UpdateSIPOutboundTrunk", Need::SipAdmin, Repeat::Safe);
const GET_INBOUND: Rpc = Rpc::new("SIP/GetSIPInboundTrunk", Need::SipAdmin, Repeat::Safe);
const GET_OUTBOUND: Rpc = Rpc::new("SIP/GetSIPOutboundTrunk", Need::SipAdmin, Repeat::Safe);
const LIST_INBOUND: Rpc = Rpc::new("SIP/ListSIPInboundTrunk", Need::SipAdmin, Repeat::Safe);
const LIST_OUTBOUND: Rpc = Rpc::new("SIP/ListSIPOutboundTrunk", Need::SipAdmin, Repeat::Safe);
const DELETE_TRUNK: Rpc = Rpc::new("SIP/DeleteSIPTrunk", Need::SipAdmin, Repeat::GoneIsDone);
const CREATE_RULE: Rpc = Rpc::new("SIP/CreateSIPDispatchRule", Need::SipAdmin, Repeat::Never);
const UPDATE_RULE: Rpc = Rpc::new("SIP/UpdateSIPDispatchRule", Need::SipAdmin, Repeat::Safe);
const LIST_RULES: Rpc = Rpc::new("SIP/ListSIPDispatchRule", Need::SipAdmin, Repeat::Safe);
const DELETE_RULE: Rpc = Rpc::new(
    "SIP/DeleteSIPDispatchRule",
    Need::SipAdmin,
    Repeat::GoneIsDone,
);
const CREATE_PARTICIPANT: Rpc = Rpc::new("SIP/CreateSIPParticipant", Need::SipCall, Repeat::Never);
const TRANSFER: Rpc = Rpc::new(
    "SIP/TransferSIPParticipant",
    Need::SipCallAndRoomAdmin,
    Repeat::Never,
);

/// Ringing, when the request names no time: LiveKit's own default.
const RINGING: Duration = Duration::from_secs(30);

/// What an answered call may take over the ringing: LiveKit allows 80 s in all.
const ANSWERED: Duration = Duration::from_secs(50);

/// What the exchange itself takes beside the ringing.
const MARGIN: Duration = Duration::from_secs(2);

impl LiveKitApiClient {
    /// Creates an inbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_inbound_trunk(
        &self,
        trunk: proto::SipInboundTrunkInfo,
    ) -> Result<proto::SipInboundTrunkInfo, ApiError> {
        let request = proto::CreateSipInboundTrunkRequest { trunk: Some(trunk) };
        self.transport.call(&CREATE_INBOUND, None, &request).await
    }

    /// Creates an outbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_outbound_trunk(
        &self,
        trunk: proto::SipOutboundTrunkInfo,
    ) -> Result<proto::SipOutboundTrunkInfo, ApiError> {
        let request = proto::CreateSipOutboundTrunkRequest { trunk: Some(trunk) };
        self.transport.call(&CREATE_OUTBOUND, None, &request).await
    }

    /// Replaces or changes an inbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_inbound_trunk(
        &self,
        request: proto::UpdateSipInboundTrunkRequest,
    ) -> Result<proto::SipInboundTrunkInfo, ApiError> {
        self.transport.call(&UPDATE_INBOUND, None, &request).await
    }

    /// Replaces or changes an outbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_outbound_trunk(
        &self,
        request: proto::UpdateSipOutboundTrunkRequest,
    ) -> Result<proto::SipOutboundTrunkInfo, ApiError> {
        self.transport.call(&UPDATE_OUTBOUND, None, &request).await
    }

    /// One inbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn get_inbound_trunk(
        &self,
        id: &TrunkId,
    ) -> Result<Option<proto::SipInboundTrunkInfo>, ApiError> {
        let request = proto::GetSipInboundTrunkRequest {
            sip_trunk_id: id.to_string(),
        };
        let answer: proto::GetSipInboundTrunkResponse =
            self.transport.call(&GET_INBOUND, None, &request).await?;
        Ok(answer.trunk)
    }

    /// One outbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn get_outbound_trunk(
        &self,
        id: &TrunkId,
    ) -> Result<Option<proto::SipOutboundTrunkInfo>, ApiError> {
        let request = proto::GetSipOutboundTrunkRequest {
            sip_trunk_id: id.to_string(),
        };
        let answer: proto::GetSipOutboundTrunkResponse =
            self.transport.call(&GET_OUTBOUND, None, &request).await?;
        Ok(answer.trunk)
    }

    /// Every inbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_inbound_trunks(&self) -> Result<Vec<proto::SipInboundTrunkInfo>, ApiError> {
        let request = proto::ListSipInboundTrunkRequest::default();
        let answer: proto::ListSipInboundTrunkResponse =
            self.transport.call(&LIST_INBOUND, None, &request).await?;
        Ok(answer.items)
    }

    /// Every outbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_outbound_trunks(&self) -> Result<Vec<proto::SipOutboundTrunkInfo>, ApiError> {
        let request = proto::ListSipOutboundTrunkRequest::default();
        let answer: proto::ListSipOutboundTrunkResponse =
            self.transport.call(&LIST_OUTBOUND, None, &request).await?;
        Ok(answer.items)
    }

    /// Deletes a trunk of either direction.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_trunk(&self, id: &TrunkId) -> Result<(), ApiError> {
        let request = proto::DeleteSipTrunkRequest {
            sip_trunk_id: id.to_string(),
        };
        let _gone: proto::SipTrunkInfo = self.transport.call(&DELETE_TRUNK, None, &request).await?;
        Ok(())
    }

    /// Creates a dispatch rule.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_dispatch_rule(
        &self,
        rule: proto::SipDispatchRuleInfo,
    ) -> Result<proto::SipDispatchRuleInfo, ApiError> {
        let request = proto::CreateSipDispatchRuleRequest {
            dispatch_rule: Some(rule),
            ..proto::CreateSipDispatchRuleRequest::default()
        };
        self.transport.call(&CREATE_RULE, None, &request).await
    }

    /// Replaces or changes a dispatch rule.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_dispatch_rule(
        &self,
        request: proto::UpdateSipDispatchRuleRequest,
    ) -> Result<proto::SipDispatchRuleInfo, ApiError> {
        self.transport.call(&UPDATE_RULE, None, &request).await
    }

    /// Every dispatch rule.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_dispatch_rules(&self) -> Result<Vec<proto::SipDispatchRuleInfo>, ApiError> {
        let request = proto::ListSipDispatchRuleRequest::default();
        let answer: proto::ListSipDispatchRuleResponse =
            self.transport.call(&LIST_RULES, None, &request).await?;
        Ok(answer.items)
    }

    /// Deletes a dispatch rule.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_dispatch_rule(&self, id: &RuleId) -> Result<(), ApiError> {
        let request = proto::DeleteSipDispatchRuleRequest {
            sip_dispatch_rule_id: id.to_string(),
        };
        let _gone: proto::SipDispatchRuleInfo =
            self.transport.call(&DELETE_RULE, None, &request).await?;
        Ok(())
    }

    /// Places a call. Never repeated: a second one would ring a second time.
    ///
    /// # Errors
    /// [`ApiError`], with the SIP status where the far end gave one.
    pub async fn create_sip_participant(
        &self,
        request: proto::CreateSipParticipantRequest,
    ) -> Result<proto::SipParticipantInfo, ApiError> {
        let answered = if request.wait_until_answered {
            ANSWERED
        } else {
            Duration::ZERO
        };
        let limit = ringing(request.ringing_timeout.as_ref()) + answered + MARGIN;
        self.transport
            .call_within(&CREATE_PARTICIPANT, None, &request, limit)
            .await
    }

    /// Transfers a call. Never repeated: a timeout leaves its state unknown.
    ///
    /// # Errors
    /// [`ApiError`], with the SIP status where the far end gave one.
    pub async fn transfer_sip_participant(
        &self,
        request: proto::TransferSipParticipantRequest,
    ) -> Result<(), ApiError> {
        let room = RoomName::parse(request.room_name.as_str()).ok();
        let limit = ringing(request.ringing_timeout.as_ref()) + MARGIN;
        let _done: proto::TransferSipParticipantResponse = self
            .transport
            .call_within(&TRANSFER, room.as_ref(), &request, limit)
            .await?;
        Ok(())
    }
}

fn ringing(asked: Option<&pbjson_types::Duration>) -> Duration {
    asked
        .and_then(|asked| u64::try_from(asked.seconds).ok())
        .filter(|seconds| *seconds > 0)
        .map_or(RINGING, Duration::from_secs)
}
