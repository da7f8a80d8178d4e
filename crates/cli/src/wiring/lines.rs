//! Calls that an API asks for, the node's or the gateway's own, carried out by the gateway.

use std::fmt::Display;

use livekit_protocol as proto;
use tokio::sync::watch;
use trunkline_base::class::Classified;
use trunkline_base::id::guid;
use trunkline_bridge::sip::{DialOrder, GatewayHandle, ServerStore};
use trunkline_client::api::{ApiError, LiveKitApiClient};
use trunkline_node::{CallOrder, LineError, LineFuture, Lines, Trunks};

use super::sip_setup;
use crate::settings::SipSetup;

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

/// Trunks and rules of a gateway whose server is elsewhere: the server's, and then the file's, under
/// ids that no server gives.
pub(super) struct FarTrunks {
    pub(super) api: LiveKitApiClient,
    pub(super) gateway: GatewayHandle,
    /// What the file says, as of now.
    pub(super) file: watch::Receiver<SipSetup>,
}

impl FarTrunks {
    /// What the server has, if it keeps any, and then what the file says.
    fn both<T: Send + 'static>(
        &self,
        asked: impl Future<Output = Result<Vec<T>, ApiError>> + Send + 'static,
        ours: impl FnOnce(&SipSetup) -> Vec<T>,
    ) -> LineFuture<Vec<T>> {
        let keeps_none = self.gateway.known_store() == ServerStore::Missing;
        let ours = ours(&self.file.borrow());
        Box::pin(async move {
            let theirs = if keeps_none {
                Ok(Vec::new())
            } else {
                asked.await
            };
            let mut all = theirs.map_err(|error| told(&error, None))?;
            all.extend(ours);
            Ok(all)
        })
    }
}

impl Trunks for FarTrunks {
    fn inbound(&self) -> LineFuture<Vec<proto::SipInboundTrunkInfo>> {
        let api = self.api.clone();
        let asked = async move { api.list_inbound_trunks().await };
        self.both(asked, |file| {
            let mut ours = sip_setup::own(file).trunks;
            ours.iter_mut()
                .for_each(|trunk| trunk.auth_password.clear());
            ours
        })
    }

    fn outbound(&self) -> LineFuture<Vec<proto::SipOutboundTrunkInfo>> {
        let api = self.api.clone();
        let asked = async move { api.list_outbound_trunks().await };
        self.both(asked, |file| {
            let mut ours = sip_setup::own_outbound(file);
            ours.iter_mut()
                .for_each(|trunk| trunk.auth_password.clear());
            ours
        })
    }

    /// The file's own is known here; the server is asked for this one and no other.
    fn way_out(&self, id: String) -> LineFuture<Option<proto::SipOutboundTrunkInfo>> {
        let ours = sip_setup::own_outbound(&self.file.borrow());
        let ours = ours.into_iter().find(|trunk| trunk.sip_trunk_id == id);
        let is_alone = self.gateway.known_store() == ServerStore::Missing;
        let api = self.api.clone();
        Box::pin(async move {
            if ours.is_some() || is_alone {
                return Ok(ours);
            }
            let request = proto::ListSipOutboundTrunkRequest {
                trunk_ids: vec![id.clone()],
                ..proto::ListSipOutboundTrunkRequest::default()
            };
            let listed = api.list_sip_outbound_trunk(request).await;
            let listed = listed.map_err(|error| told(&error, None))?.items;
            Ok(listed.into_iter().find(|trunk| trunk.sip_trunk_id == id))
        })
    }

    fn rules(&self) -> LineFuture<Vec<proto::SipDispatchRuleInfo>> {
        let api = self.api.clone();
        let asked = async move { api.list_dispatch_rules().await };
        self.both(asked, |file| sip_setup::own(file).rules)
    }
}
