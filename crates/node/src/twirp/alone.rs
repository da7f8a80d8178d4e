//! `livekit.SIP` of a gateway whose LiveKit server is elsewhere.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use livekit_protocol as proto;

use super::call::Call;
use super::error::{Code, TwirpError};
use super::service::{Answers, Service};
use super::sip::{callable, transferable};
use crate::caller::Caller;
use crate::plain::nowhere;
use crate::sip::{CallOrder, Lines, SipError, Trunks, has_number, select};

/// What it works on.
#[derive(Clone)]
pub(crate) struct Alone {
    pub(crate) lines: Arc<dyn Lines>,
    pub(crate) trunks: Arc<dyn Trunks>,
}

impl Answers for Alone {
    async fn answer(&self, service: Service, call: Call, method: &str) -> Response {
        match service {
            Service::Sip => self.sip(call, method).await,
            // The server's own.
            Service::Room | Service::AgentDispatch | Service::Egress | Service::Ingress => {
                nowhere()
            }
        }
    }
}

impl Alone {
    async fn sip(&self, call: Call, method: &str) -> Response {
        match method {
            "CreateSIPParticipant" => {
                call.run(|c, r| async move { self.place(&c, r).await })
                    .await
            }
            "TransferSIPParticipant" => {
                call.run(|c, r| async move { self.transfer(&c, r).await })
                    .await
            }
            "ListSIPInboundTrunk" => {
                call.run(
                    |c: Caller, r: proto::ListSipInboundTrunkRequest| async move {
                        c.may_administer_sip()?;
                        let items = select::inbound(self.trunks.inbound().await?, &r);
                        Ok(proto::ListSipInboundTrunkResponse { items })
                    },
                )
                .await
            }
            "ListSIPOutboundTrunk" => {
                call.run(
                    |c: Caller, r: proto::ListSipOutboundTrunkRequest| async move {
                        c.may_administer_sip()?;
                        let items = select::outbound(self.trunks.outbound().await?, &r);
                        Ok(proto::ListSipOutboundTrunkResponse { items })
                    },
                )
                .await
            }
            "ListSIPDispatchRule" => {
                call.run(
                    |c: Caller, r: proto::ListSipDispatchRuleRequest| async move {
                        c.may_administer_sip()?;
                        let items = select::rules(self.trunks.rules().await?, &r);
                        Ok(proto::ListSipDispatchRuleResponse { items })
                    },
                )
                .await
            }
            "CreateSIPInboundTrunk"
            | "CreateSIPOutboundTrunk"
            | "CreateSIPDispatchRule"
            | "UpdateSIPInboundTrunk"
            | "UpdateSIPOutboundTrunk"
            | "UpdateSIPDispatchRule"
            | "DeleteSIPTrunk"
            | "DeleteSIPDispatchRule" => {
                let refused = TwirpError::new(Code::Unimplemented, ELSEWHERE);
                let may = call.caller.may_administer_sip();
                may.map_or_else(TwirpError::from, |()| refused)
                    .into_response()
            }
            _ => call.no_method(),
        }
    }

    async fn place(
        &self,
        caller: &Caller,
        request: proto::CreateSipParticipantRequest,
    ) -> Result<proto::SipParticipantInfo, TwirpError> {
        callable(caller, &request)?;
        let trunk = match request.sip_trunk_id.as_str() {
            "" => None,
            id => {
                let all = self.trunks.outbound().await?;
                let found = all.into_iter().find(|trunk| trunk.sip_trunk_id == id);
                Some(found.ok_or(SipError::NoTrunk)?)
            }
        };
        has_number(&request, trunk.as_ref())?;
        Ok(self.lines.place(CallOrder { request, trunk }).await?)
    }

    /// The gateway knows whether there is such a call.
    async fn transfer(
        &self,
        caller: &Caller,
        request: proto::TransferSipParticipantRequest,
    ) -> Result<proto::TransferSipParticipantResponse, TwirpError> {
        transferable(caller, &request)?;
        Ok(self.lines.transfer(request).await?)
    }
}

const ELSEWHERE: &str = "trunks and rules are not changed here: send this to the LiveKit server, or \
                         change livekit-sip-correct.yaml";
