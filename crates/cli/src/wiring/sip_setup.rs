//! Makes the server's trunks and rules those of `livekit-sip-correct.yaml`. Things the file does
//! not know are left alone; things it knows carry its mark in their metadata.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use proto::update_sip_dispatch_rule_request::Action as RuleAction;
use proto::update_sip_inbound_trunk_request::Action as TrunkAction;
use tracing::info;
use trunkline_client::api::{ApiError, LiveKitApiClient};

use crate::settings::SipSetup;
use crate::settings::sip::mark;

/// Creates what is missing and replaces what differs.
///
/// # Errors
/// [`ApiError`] of the call that failed; what was done before it stays done, and a repeat goes on.
pub(super) async fn apply(api: &LiveKitApiClient, setup: &SipSetup) -> Result<(), ApiError> {
    let present = api.list_inbound_trunks().await?;
    let mut ids = BTreeMap::new();
    for trunk in &setup.trunks {
        let mark = mark(&trunk.key);
        let wanted = trunk.to_proto();
        let found = present.iter().find(|info| info.metadata == mark);
        let id = match found {
            Some(info) if same_trunk(info, &wanted) => info.sip_trunk_id.clone(),
            Some(info) => {
                let id = info.sip_trunk_id.clone();
                let action = Some(TrunkAction::Replace(wanted));
                let request = proto::UpdateSipInboundTrunkRequest {
                    sip_trunk_id: id.clone(),
                    action,
                };
                api.update_inbound_trunk(request).await?;
                info!(key = trunk.key, "trunk replaced");
                id
            }
            None => {
                info!(key = trunk.key, "trunk created");
                api.create_inbound_trunk(wanted).await?.sip_trunk_id
            }
        };
        ids.insert(trunk.key.clone(), id);
    }
    rules(api, setup, &ids).await
}

async fn rules(
    api: &LiveKitApiClient,
    setup: &SipSetup,
    ids: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    let present = api.list_dispatch_rules().await?;
    for rule in &setup.rules {
        let mark = mark(&rule.key);
        let wanted = rule.to_proto(ids);
        match present.iter().find(|info| info.metadata == mark) {
            Some(info) if same_rule(info, &wanted) => {}
            Some(info) => {
                let request = proto::UpdateSipDispatchRuleRequest {
                    sip_dispatch_rule_id: info.sip_dispatch_rule_id.clone(),
                    action: Some(RuleAction::Replace(wanted)),
                };
                api.update_dispatch_rule(request).await?;
                info!(key = rule.key, "rule replaced");
            }
            None => {
                api.create_dispatch_rule(wanted).await?;
                info!(key = rule.key, "rule created");
            }
        }
    }
    Ok(())
}

/// Alike in everything the file can say.
fn same_trunk(info: &proto::SipInboundTrunkInfo, wanted: &proto::SipInboundTrunkInfo) -> bool {
    info.name == wanted.name
        && info.numbers == wanted.numbers
        && info.allowed_addresses == wanted.allowed_addresses
        && info.allowed_numbers == wanted.allowed_numbers
        && info.auth_username == wanted.auth_username
        && info.auth_password == wanted.auth_password
}

fn same_rule(info: &proto::SipDispatchRuleInfo, wanted: &proto::SipDispatchRuleInfo) -> bool {
    let agents = |info: &proto::SipDispatchRuleInfo| {
        info.room_config
            .as_ref()
            .map(|config| config.agents.clone())
            .unwrap_or_default()
    };
    info.rule == wanted.rule
        && info.name == wanted.name
        && info.trunk_ids == wanted.trunk_ids
        && info.numbers == wanted.numbers
        && info.inbound_numbers == wanted.inbound_numbers
        && info.hide_phone_number == wanted.hide_phone_number
        && info.attributes == wanted.attributes
        && agents(info) == agents(wanted)
}
