//! Trunks and rules, as one kind of thing: each has an id of the server's and the file's mark.

use std::future::Future;

use livekit_protocol as proto;
use prost::Message;
use proto::update_sip_dispatch_rule_request::Action as RuleAction;
use proto::update_sip_inbound_trunk_request::Action as TrunkAction;
pub(super) use proto::{SipDispatchRuleInfo as Rule, SipInboundTrunkInfo as Inbound};
use trunkline_client::api::{ApiError, LiveKitApiClient, table};

type Answer<T> = Result<T, ApiError>;

/// A trunk or a rule.
pub(super) trait Entry: Message + Default + Clone + PartialEq {
    /// In messages.
    const WHAT: &'static str;
    /// The kind of document in which it is remembered.
    const MADE: &'static str;
    /// The verb that deletes one.
    const DELETE: &'static str;

    fn id(&self) -> &str;
    fn metadata(&self) -> &str;
    /// The same with the metadata of another.
    fn with_metadata_of(self, other: &Self) -> Self;
    /// Whether nobody has written it since it was created.
    fn is_as_created(&self) -> bool;
    /// Alike in everything the file can say.
    fn is_as(&self, wanted: &Self) -> bool;

    fn list(api: &LiveKitApiClient) -> impl Future<Output = Answer<Vec<Self>>> + Send;
    fn create(api: &LiveKitApiClient, new: Self) -> impl Future<Output = Answer<Self>> + Send;
    fn replace(
        api: &LiveKitApiClient,
        id: &str,
        new: Self,
    ) -> impl Future<Output = Answer<Self>> + Send;
    fn delete(api: &LiveKitApiClient, id: &str) -> impl Future<Output = Answer<()>> + Send;
}

/// Their messages have these fields in common, and no trait that says so.
macro_rules! fields {
    ($id:ident) => {
        fn id(&self) -> &str {
            &self.$id
        }

        fn metadata(&self) -> &str {
            &self.metadata
        }

        fn with_metadata_of(mut self, other: &Self) -> Self {
            self.metadata.clone_from(&other.metadata);
            self
        }

        fn is_as_created(&self) -> bool {
            self.created_at == self.updated_at
        }
    };
}

impl Entry for Inbound {
    const WHAT: &'static str = "trunk";
    const MADE: &'static str = "sip_file_trunk";
    const DELETE: &'static str = "trunkline sip inbound delete";

    fields!(sip_trunk_id);

    fn is_as(&self, wanted: &Self) -> bool {
        self.name == wanted.name
            && self.metadata == wanted.metadata
            && self.numbers == wanted.numbers
            && self.allowed_addresses == wanted.allowed_addresses
            && self.allowed_numbers == wanted.allowed_numbers
            && self.headers_to_attributes == wanted.headers_to_attributes
            && self.auth_username == wanted.auth_username
            && self.auth_password == wanted.auth_password
    }

    async fn list(api: &LiveKitApiClient) -> Answer<Vec<Self>> {
        api.list_inbound_trunks().await
    }

    async fn create(api: &LiveKitApiClient, new: Self) -> Answer<Self> {
        api.create_inbound_trunk(new).await
    }

    async fn replace(api: &LiveKitApiClient, id: &str, new: Self) -> Answer<Self> {
        let request = proto::UpdateSipInboundTrunkRequest {
            sip_trunk_id: id.to_owned(),
            action: Some(TrunkAction::Replace(new)),
        };
        api.update_inbound_trunk(request).await
    }

    async fn delete(api: &LiveKitApiClient, id: &str) -> Answer<()> {
        let request = proto::DeleteSipTrunkRequest {
            sip_trunk_id: id.to_owned(),
        };
        api.call(&table::DELETE_SIP_TRUNK, request).await.map(drop)
    }
}

impl Entry for Rule {
    const WHAT: &'static str = "dispatch rule";
    const MADE: &'static str = "sip_file_rule";
    const DELETE: &'static str = "trunkline sip dispatch delete";

    fields!(sip_dispatch_rule_id);

    fn is_as(&self, wanted: &Self) -> bool {
        let config = |rule: &Self| {
            let config = rule.room_config.clone().unwrap_or_default();
            (config.agents, config.departure_timeout)
        };
        self.rule == wanted.rule
            && self.name == wanted.name
            && self.metadata == wanted.metadata
            && self.trunk_ids == wanted.trunk_ids
            && self.numbers == wanted.numbers
            && self.inbound_numbers == wanted.inbound_numbers
            && self.hide_phone_number == wanted.hide_phone_number
            && self.attributes == wanted.attributes
            && config(self) == config(wanted)
    }

    async fn list(api: &LiveKitApiClient) -> Answer<Vec<Self>> {
        api.list_dispatch_rules().await
    }

    async fn create(api: &LiveKitApiClient, new: Self) -> Answer<Self> {
        api.create_dispatch_rule(new).await
    }

    async fn replace(api: &LiveKitApiClient, id: &str, new: Self) -> Answer<Self> {
        let request = proto::UpdateSipDispatchRuleRequest {
            sip_dispatch_rule_id: id.to_owned(),
            action: Some(RuleAction::Replace(new)),
        };
        api.update_dispatch_rule(request).await
    }

    async fn delete(api: &LiveKitApiClient, id: &str) -> Answer<()> {
        let request = proto::DeleteSipDispatchRuleRequest {
            sip_dispatch_rule_id: id.to_owned(),
        };
        let deleted = api.call(&table::DELETE_SIP_DISPATCH_RULE, request).await;
        deleted.map(drop)
    }
}
