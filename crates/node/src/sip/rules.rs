//! Dispatch rules.

use livekit_protocol as proto;
use proto::SipDispatchRuleInfo as Rule;
use proto::update_sip_dispatch_rule_request::Action;
use trunkline_base::id::RuleId;

use super::{SipError, SipSetup, change, check, conflicts, select, stamp};
use crate::records;

impl SipSetup {
    pub(crate) async fn create_rule(
        &self,
        request: proto::CreateSipDispatchRuleRequest,
    ) -> Result<Rule, SipError> {
        let rule = asked(request);
        if !rule.sip_dispatch_rule_id.is_empty() {
            return Err(SipError::Invalid("rule id must not be set"));
        }
        let _turn = self.write_turn().await?;
        self.store_rule(rule).await
    }

    pub(crate) async fn update_rule(
        &self,
        request: proto::UpdateSipDispatchRuleRequest,
    ) -> Result<Rule, SipError> {
        let id = request.sip_dispatch_rule_id;
        if id.is_empty() {
            return Err(SipError::Invalid("rule id must be set"));
        }
        let action = request.action.ok_or(SipError::Invalid(NO_ACTION))?;
        match &action {
            Action::Replace(new) => {
                if !new.sip_dispatch_rule_id.is_empty() && new.sip_dispatch_rule_id != id {
                    return Err(SipError::Invalid(OTHER_ID));
                }
                check::rule(new, self.limits)?;
            }
            Action::Update(update) => change::check_rule(update)?,
        }
        let _turn = self.write_turn().await?;
        let stored = records::get(&self.store, &id).await?;
        let mut rule: Rule = stored.ok_or(SipError::NoRule)?;
        match action {
            Action::Replace(new) => {
                let created_at = rule.created_at;
                rule = Rule {
                    sip_dispatch_rule_id: id,
                    created_at,
                    ..new
                };
            }
            Action::Update(update) => change::rule(&mut rule, update),
        }
        self.store_rule(rule).await
    }

    /// Checked with all others as they would be with this one; a new one gets its id last, for
    /// the check speaks of it as new.
    #[expect(
        deprecated,
        reason = "older clients set the encryption outside the media settings"
    )]
    async fn store_rule(&self, mut rule: Rule) -> Result<Rule, SipError> {
        change::carry_encryption(&mut rule.media, rule.media_encryption);
        check::rule(&rule, self.limits)?;
        let mut set = records::all::<Rule>(&self.store).await?;
        set.retain(|other| other.sip_dispatch_rule_id != rule.sip_dispatch_rule_id);
        set.push(rule.clone());
        conflicts::rules(&set)?;
        let now = Some(stamp(crate::clock::now()));
        if rule.sip_dispatch_rule_id.is_empty() {
            rule.sip_dispatch_rule_id = RuleId::generate(&mut rand::rng()).into();
            rule.created_at = now;
        }
        rule.updated_at = now;
        records::put(&self.store, &rule).await?;
        tracing::info!(rule = rule.sip_dispatch_rule_id, "dispatch rule stored");
        Ok(rule)
    }

    pub(crate) async fn list_rules(
        &self,
        request: proto::ListSipDispatchRuleRequest,
    ) -> Result<Vec<Rule>, SipError> {
        let all = records::all(&self.store).await?;
        Ok(select::rules(all, &request))
    }

    pub(crate) async fn delete_rule(&self, id: &str) -> Result<Rule, SipError> {
        if id.is_empty() {
            return Err(SipError::Invalid("dispatch rule ID is required"));
        }
        let _turn = self.write_turn().await?;
        let rule = records::get(&self.store, id)
            .await?
            .ok_or(SipError::NoRule)?;
        records::delete::<Rule>(&self.store, id).await?;
        tracing::info!(rule = id, "dispatch rule deleted");
        Ok(rule)
    }
}

/// The rule of a create request, which older clients spread over flat fields.
#[expect(deprecated, reason = "older SDKs still send the flat fields")]
fn asked(request: proto::CreateSipDispatchRuleRequest) -> Rule {
    request.dispatch_rule.unwrap_or_else(|| Rule {
        rule: request.rule,
        trunk_ids: request.trunk_ids,
        hide_phone_number: request.hide_phone_number,
        inbound_numbers: request.inbound_numbers,
        name: request.name,
        metadata: request.metadata,
        attributes: request.attributes,
        room_preset: request.room_preset,
        room_config: request.room_config,
        ..Default::default()
    })
}

const NO_ACTION: &str = "missing or unsupported update action";
const OTHER_ID: &str = "rule id in the info must be empty or match the id in the update";
