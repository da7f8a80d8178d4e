//! `livekit.SIP` of a gateway whose LiveKit server is elsewhere.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use livekit_protocol as proto;

use super::call::Call;
use super::error::{Code, TwirpError};
use super::service::{Answers, Service};
use super::sip::{callable, transferable};
use crate::caller::Caller;
use crate::limits::Limits;
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
        // The server has the last word on its own.
        callable(caller, &request, Limits::default())?;
        let trunk = match request.sip_trunk_id.as_str() {
            "" => None,
            id => {
                let found = self.trunks.way_out(id.to_owned()).await?;
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use trunkline_base::token::{Claims, SipGrant};

    use super::*;
    use crate::sip::LineFuture;

    /// Dials, and keeps what it was told to.
    #[derive(Default)]
    struct Desk(Mutex<Option<CallOrder>>);

    impl Lines for Desk {
        fn place(&self, order: CallOrder) -> LineFuture<proto::SipParticipantInfo> {
            *self.0.lock().unwrap() = Some(order);
            Box::pin(async { Ok(proto::SipParticipantInfo::default()) })
        }

        fn transfer(
            &self,
            _request: proto::TransferSipParticipantRequest,
        ) -> LineFuture<proto::TransferSipParticipantResponse> {
            Box::pin(async { Ok(proto::TransferSipParticipantResponse::default()) })
        }
    }

    /// One trunk, which can be asked for and not be listed.
    struct One;

    impl Trunks for One {
        fn inbound(&self) -> LineFuture<Vec<proto::SipInboundTrunkInfo>> {
            panic!("a call lists nothing")
        }

        fn outbound(&self) -> LineFuture<Vec<proto::SipOutboundTrunkInfo>> {
            panic!("a call lists nothing")
        }

        fn way_out(&self, id: String) -> LineFuture<Option<proto::SipOutboundTrunkInfo>> {
            let trunk = proto::SipOutboundTrunkInfo {
                sip_trunk_id: id,
                numbers: vec!["+15550100".to_owned()],
                auth_password: "secret".to_owned(),
                ..Default::default()
            };
            let is_known = trunk.sip_trunk_id == "ST_1";
            Box::pin(async move { Ok(is_known.then_some(trunk)) })
        }

        fn rules(&self) -> LineFuture<Vec<proto::SipDispatchRuleInfo>> {
            panic!("a call lists nothing")
        }
    }

    #[tokio::test]
    async fn a_call_asks_for_its_own_trunk_and_for_no_list() {
        let desk = Arc::new(Desk::default());
        let alone = Alone {
            lines: Arc::<Desk>::clone(&desk),
            trunks: Arc::new(One),
        };
        let claims = Claims {
            sip: Some(SipGrant {
                call: true,
                ..SipGrant::default()
            }),
            ..Claims::default()
        };
        let caller = Caller::with(claims);
        let call = |id: &str| proto::CreateSipParticipantRequest {
            sip_trunk_id: id.to_owned(),
            sip_call_to: "+15550199".to_owned(),
            room_name: "lobby".to_owned(),
            ..Default::default()
        };
        assert!(alone.place(&caller, call("ST_1")).await.is_ok());
        let order = desk.0.lock().unwrap().take().unwrap();
        assert_eq!(order.trunk.unwrap().auth_password, "secret");
        assert!(alone.place(&caller, call("ST_2")).await.is_err());
        assert!(desk.0.lock().unwrap().is_none());
    }
}
