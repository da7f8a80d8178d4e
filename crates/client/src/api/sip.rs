//! `SIP`: trunks, dispatch rules, participants.

use std::time::Duration;

use trunkline_base::id::{ParticipantIdentity, RoomName, RuleId, TrunkId};

use super::{ApiError, LiveKitApiClient, paging, proto, table};

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
        self.call(&table::CREATE_SIP_INBOUND_TRUNK, request).await
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
        self.call(&table::CREATE_SIP_OUTBOUND_TRUNK, request).await
    }

    /// Replaces or changes an inbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_inbound_trunk(
        &self,
        request: proto::UpdateSipInboundTrunkRequest,
    ) -> Result<proto::SipInboundTrunkInfo, ApiError> {
        self.call(&table::UPDATE_SIP_INBOUND_TRUNK, request).await
    }

    /// Replaces or changes an outbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_outbound_trunk(
        &self,
        request: proto::UpdateSipOutboundTrunkRequest,
    ) -> Result<proto::SipOutboundTrunkInfo, ApiError> {
        self.call(&table::UPDATE_SIP_OUTBOUND_TRUNK, request).await
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
        let answer = self.call(&table::GET_SIP_INBOUND_TRUNK, request).await?;
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
        let answer = self.call(&table::GET_SIP_OUTBOUND_TRUNK, request).await?;
        Ok(answer.trunk)
    }

    /// Every inbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_inbound_trunks(&self) -> Result<Vec<proto::SipInboundTrunkInfo>, ApiError> {
        let fetch = |page| async move {
            let request = proto::ListSipInboundTrunkRequest {
                page,
                ..proto::ListSipInboundTrunkRequest::default()
            };
            let answer = self.call(&table::LIST_SIP_INBOUND_TRUNK, request).await?;
            Ok(answer.items)
        };
        let rpc = table::LIST_SIP_INBOUND_TRUNK.info().name;
        paging::behind(rpc, fetch, |item| &item.sip_trunk_id).await
    }

    /// Every outbound trunk.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_outbound_trunks(&self) -> Result<Vec<proto::SipOutboundTrunkInfo>, ApiError> {
        let fetch = |page| async move {
            let request = proto::ListSipOutboundTrunkRequest {
                page,
                ..proto::ListSipOutboundTrunkRequest::default()
            };
            let answer = self.call(&table::LIST_SIP_OUTBOUND_TRUNK, request).await?;
            Ok(answer.items)
        };
        let rpc = table::LIST_SIP_OUTBOUND_TRUNK.info().name;
        paging::behind(rpc, fetch, |item| &item.sip_trunk_id).await
    }

    /// Deletes a trunk of either direction.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_trunk(&self, id: &TrunkId) -> Result<(), ApiError> {
        let request = proto::DeleteSipTrunkRequest {
            sip_trunk_id: id.to_string(),
        };
        self.call(&table::DELETE_SIP_TRUNK, request).await.map(drop)
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
        self.call(&table::CREATE_SIP_DISPATCH_RULE, request).await
    }

    /// Replaces or changes a dispatch rule.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_dispatch_rule(
        &self,
        request: proto::UpdateSipDispatchRuleRequest,
    ) -> Result<proto::SipDispatchRuleInfo, ApiError> {
        self.call(&table::UPDATE_SIP_DISPATCH_RULE, request).await
    }

    /// Every dispatch rule.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_dispatch_rules(&self) -> Result<Vec<proto::SipDispatchRuleInfo>, ApiError> {
        let fetch = |page| async move {
            let request = proto::ListSipDispatchRuleRequest {
                page,
                ..proto::ListSipDispatchRuleRequest::default()
            };
            let answer = self.call(&table::LIST_SIP_DISPATCH_RULE, request).await?;
            Ok(answer.items)
        };
        let rpc = table::LIST_SIP_DISPATCH_RULE.info().name;
        paging::behind(rpc, fetch, |item| &item.sip_dispatch_rule_id).await
    }

    /// Deletes a dispatch rule.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_dispatch_rule(&self, id: &RuleId) -> Result<(), ApiError> {
        let request = proto::DeleteSipDispatchRuleRequest {
            sip_dispatch_rule_id: id.to_string(),
        };
        self.call(&table::DELETE_SIP_DISPATCH_RULE, request)
            .await
            .map(drop)
    }

    /// Places a call. Never repeated: a second one would ring a second time.
    ///
    /// # Errors
    /// [`ApiError`], with the SIP status where the far end gave one.
    pub async fn create_sip_participant(
        &self,
        request: proto::CreateSipParticipantRequest,
    ) -> Result<proto::SipParticipantInfo, ApiError> {
        self.call(&table::CREATE_SIP_PARTICIPANT, request).await
    }

    /// Transfers a call. Never repeated: a timeout leaves its state unknown.
    ///
    /// # Errors
    /// [`ApiError`], with the SIP status where the far end gave one.
    pub async fn transfer_sip_participant(
        &self,
        request: proto::TransferSipParticipantRequest,
    ) -> Result<(), ApiError> {
        self.call(&table::TRANSFER_SIP_PARTICIPANT, request)
            .await
            .map(drop)
    }

    /// Transfers a participant's call to a `tel:` or `sip:` address; whoever waits hears it ring.
    ///
    /// # Errors
    /// As [`LiveKitApiClient::transfer_sip_participant`].
    pub async fn transfer_call(
        &self,
        room: &RoomName,
        identity: &ParticipantIdentity,
        to: &str,
        ringing: Option<Duration>,
    ) -> Result<(), ApiError> {
        self.transfer_sip_participant(proto::TransferSipParticipantRequest {
            room_name: room.to_string(),
            participant_identity: identity.to_string(),
            transfer_to: to.to_owned(),
            play_dialtone: true,
            ringing_timeout: ringing.map(Into::into),
            ..proto::TransferSipParticipantRequest::default()
        })
        .await
    }

    /// The inbound trunks that match, one page of them where the request names a page.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_sip_inbound_trunk(
        &self,
        request: proto::ListSipInboundTrunkRequest,
    ) -> Result<proto::ListSipInboundTrunkResponse, ApiError> {
        self.call(&table::LIST_SIP_INBOUND_TRUNK, request).await
    }

    /// The outbound trunks that match, one page of them where the request names a page.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_sip_outbound_trunk(
        &self,
        request: proto::ListSipOutboundTrunkRequest,
    ) -> Result<proto::ListSipOutboundTrunkResponse, ApiError> {
        self.call(&table::LIST_SIP_OUTBOUND_TRUNK, request).await
    }

    /// The dispatch rules that match, one page of them where the request names a page.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_sip_dispatch_rule(
        &self,
        request: proto::ListSipDispatchRuleRequest,
    ) -> Result<proto::ListSipDispatchRuleResponse, ApiError> {
        self.call(&table::LIST_SIP_DISPATCH_RULE, request).await
    }

    /// Trunks of the kind there was before inbound and outbound ones were told apart.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_sip_trunk(
        &self,
        request: proto::ListSipTrunkRequest,
    ) -> Result<proto::ListSipTrunkResponse, ApiError> {
        self.call(&table::LIST_SIP_TRUNK, request).await
    }
}
