//! A call's record in the words of telephony: what is exported, and what webhooks tell. The fields and
//! their order are a promise to those who read them by program; new ones come at the end.

use serde::Serialize;
use serde_json::Value;
use trunkline_base::time::UnixTime;
use trunkline_store::Call;

use crate::clock;

/// One call.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Record {
    pub(crate) call_id: String,
    /// `inbound` or `outbound`.
    pub(crate) direction: &'static str,
    pub(crate) caller: String,
    pub(crate) called: String,
    pub(crate) trunk_id: String,
    pub(crate) rule_id: String,
    pub(crate) room: String,
    /// Times in UTC, to the millisecond (RFC 3339).
    pub(crate) started_at: String,
    pub(crate) answered_at: Option<String>,
    pub(crate) ended_at: Option<String>,
    /// From the answer to the end.
    pub(crate) duration_seconds: Option<f64>,
    pub(crate) billed_seconds: Option<u64>,
    /// `caller`, `callee`, `agent`, `gateway`, `room` or `timeout`.
    pub(crate) ended_by: Option<&'static str>,
    pub(crate) end_reason: Option<String>,
    pub(crate) sip_status: Option<u16>,
    pub(crate) q850: Option<u8>,
    /// A decimal, in `currency`.
    pub(crate) cost: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) codec: Option<String>,
    /// The E-model's opinion of what came from the phone.
    pub(crate) mos: Option<f64>,
    /// The same of what the phone heard.
    pub(crate) remote_mos: Option<f64>,
    /// `gateway` or `webhooks`: who told of it.
    pub(crate) source: Value,
}

impl Record {
    pub(crate) fn of(call: &Call) -> Self {
        let media = call.summary.as_ref().map(|summary| &summary["media"]);
        let opinion = |key: &str| media.and_then(|media| media[key].as_f64());
        let talked = |answered: UnixTime| Some(call.ended_at?.since(answered).as_secs_f64());
        let codec = media.and_then(|media| media["codec"].as_str());
        Self {
            call_id: call.call_id.clone(),
            direction: call.direction.as_str(),
            caller: call.caller.expose().clone(),
            called: call.called.expose().clone(),
            trunk_id: call.trunk_id.clone(),
            rule_id: call.rule_id.clone(),
            room: call.room.clone(),
            started_at: clock::rfc3339(call.started_at),
            answered_at: call.answered_at.map(clock::rfc3339),
            ended_at: call.ended_at.map(clock::rfc3339),
            duration_seconds: call.answered_at.and_then(talked),
            billed_seconds: call.billed_seconds,
            ended_by: call.ended_by.map(trunkline_store::EndedBy::as_str),
            end_reason: call.end_reason.clone(),
            sip_status: call.sip_status,
            q850: call.q850,
            cost: call.cost.clone(),
            currency: call.currency.clone(),
            codec: codec.map(str::to_owned),
            mos: opinion("mos"),
            remote_mos: opinion("remote_mos"),
            source: serde_json::to_value(call.source).unwrap_or_default(),
        }
    }
}
