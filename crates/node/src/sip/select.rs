//! Of many trunks and rules those that a list asks for.

use livekit_protocol as proto;
use proto::{
    SipDispatchRuleInfo as Rule, SipInboundTrunkInfo as Inbound, SipOutboundTrunkInfo as Outbound,
};

use super::serves;
use crate::records;

/// Numbers are the same however they are spelt.
pub(crate) fn inbound(
    all: Vec<Inbound>,
    request: &proto::ListSipInboundTrunkRequest,
) -> Vec<Inbound> {
    let fits = |trunk: &Inbound| serves(&trunk.numbers, &request.numbers);
    records::select(all, &request.trunk_ids, request.page.as_ref(), fits)
}

/// Numbers are compared as they are written, unlike those of inbound trunks.
pub(crate) fn outbound(
    all: Vec<Outbound>,
    request: &proto::ListSipOutboundTrunkRequest,
) -> Vec<Outbound> {
    let wanted = &request.numbers;
    let fits = |trunk: &Outbound| {
        let serves = || trunk.numbers.iter().any(|number| wanted.contains(number));
        wanted.is_empty() || trunk.numbers.is_empty() || serves()
    };
    records::select(all, &request.trunk_ids, request.page.as_ref(), fits)
}

/// Rules of these trunks; one of all trunks is of each.
pub(crate) fn rules(all: Vec<Rule>, request: &proto::ListSipDispatchRuleRequest) -> Vec<Rule> {
    let wanted = &request.trunk_ids;
    let fits = |rule: &Rule| {
        let named = || rule.trunk_ids.iter().any(|id| wanted.contains(id));
        wanted.is_empty() || rule.trunk_ids.is_empty() || named()
    };
    records::select(all, &request.dispatch_rule_ids, request.page.as_ref(), fits)
}
