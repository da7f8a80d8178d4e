//! Trunks of both directions and rules, as one kind of thing: each has an id of the server's and
//! the file's mark, and stands in the way of others or does not.

use std::future::Future;

use livekit_protocol as proto;
use prost::Message;
use proto::update_sip_dispatch_rule_request::Action as RuleAction;
use proto::update_sip_inbound_trunk_request::Action as InboundAction;
use proto::update_sip_outbound_trunk_request::Action as OutboundAction;
pub(crate) use proto::{
    SipDispatchRuleInfo as Rule, SipInboundTrunkInfo as Inbound, SipOutboundTrunkInfo as Outbound,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trunkline_client::api::{ApiError, LiveKitApiClient, table};
use trunkline_sip::routing::{RuleClaims, TrunkClaims};

type Answer<T> = Result<T, ApiError>;

/// A trunk or a rule.
pub(crate) trait Entry:
    Message + Default + Clone + PartialEq + Serialize + DeserializeOwned
{
    /// In messages.
    const WHAT: &'static str;
    /// The kind of document in which it is remembered.
    const MADE: &'static str;
    /// The verb that deletes one.
    const DELETE: &'static str;
    /// What the file says of each, by the API's names: what it leaves out is nothing. Everything
    /// else stays as it is at the server until the file speaks of it.
    const SAID: &'static [&'static str];
    /// Lists of numbers that mean the same however each is spelt; others are compared as text.
    const SPELT: &'static [&'static str];

    fn id(&self) -> &str;
    fn with_id(self, id: String) -> Self;
    fn metadata(&self) -> &str;
    /// The same with the metadata of another.
    fn with_metadata_of(self, other: &Self) -> Self;
    /// Username and password; nothing where there are none.
    fn login(&self) -> (&str, &str);
    /// The same with another password.
    fn with_password(self, password: String) -> Self;
    /// Whether nobody has written it since it was created.
    fn is_as_created(&self) -> bool;
    fn numbers(&self) -> &[String];
    /// The same for other called numbers.
    fn with_numbers(self, numbers: Vec<String>) -> Self;
    /// Whether a server takes no two of them at once: LiveKit's rule.
    fn conflicts(&self, other: &Self) -> bool;
    /// Ids of trunks that it names.
    fn trunk_ids(&mut self) -> Option<&mut Vec<String>>;

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

        fn with_id(mut self, id: String) -> Self {
            self.$id = id;
            self
        }

        fn metadata(&self) -> &str {
            &self.metadata
        }

        fn with_metadata_of(mut self, other: &Self) -> Self {
            self.metadata.clone_from(&other.metadata);
            self
        }

        fn is_as_created(&self) -> bool {
            self.created_at.is_some() && self.created_at == self.updated_at
        }

        fn numbers(&self) -> &[String] {
            &self.numbers
        }

        fn with_numbers(mut self, numbers: Vec<String>) -> Self {
            self.numbers = numbers;
            self
        }
    };
}

/// Logins of trunks.
macro_rules! logs_in {
    () => {
        fn login(&self) -> (&str, &str) {
            (&self.auth_username, &self.auth_password)
        }

        fn with_password(mut self, password: String) -> Self {
            self.auth_password = password;
            self
        }
    };
}

/// Whether a server that knows the login keeps its password to itself.
pub(crate) fn is_untold<E: Entry>(entry: &E) -> bool {
    let (username, password) = entry.login();
    !username.is_empty() && password.is_empty()
}

/// An entry with the password that another has for the same login, if the server did not tell it.
pub(crate) fn with_password_of<E: Entry>(entry: E, other: &E) -> E {
    if is_untold(&entry) && entry.login().0 == other.login().0 {
        let password = other.login().1.to_owned();
        return entry.with_password(password);
    }
    entry
}

/// Whether an entry is there as it was stored, as far as the server tells.
pub(crate) fn is_as_stored<E: Entry>(stored: &E, there: &E) -> bool {
    if is_untold(there) {
        return stored.clone().with_password(String::new()) == *there;
    }
    stored == there
}

async fn delete_trunk(api: &LiveKitApiClient, id: &str) -> Answer<()> {
    let request = proto::DeleteSipTrunkRequest {
        sip_trunk_id: id.to_owned(),
    };
    api.call(&table::DELETE_SIP_TRUNK, request).await.map(drop)
}

impl Entry for Inbound {
    const WHAT: &'static str = "trunk";
    const MADE: &'static str = "sip_file_trunk";
    const DELETE: &'static str = "trunkline sip inbound delete";
    const SAID: &'static [&'static str] = &[
        "name",
        "metadata",
        "numbers",
        "allowedAddresses",
        "allowedNumbers",
        "authUsername",
        "authPassword",
    ];
    const SPELT: &'static [&'static str] = &["numbers", "allowedNumbers"];

    fields!(sip_trunk_id);
    logs_in!();

    fn conflicts(&self, other: &Self) -> bool {
        claims(self).collide(claims(other))
    }

    fn trunk_ids(&mut self) -> Option<&mut Vec<String>> {
        None
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
            action: Some(InboundAction::Replace(new)),
        };
        api.update_inbound_trunk(request).await
    }

    async fn delete(api: &LiveKitApiClient, id: &str) -> Answer<()> {
        delete_trunk(api, id).await
    }
}

impl Entry for Outbound {
    const WHAT: &'static str = "outbound trunk";
    const MADE: &'static str = "sip_file_outbound";
    const DELETE: &'static str = "trunkline sip outbound delete";
    const SAID: &'static [&'static str] = &[
        "name",
        "metadata",
        "address",
        "transport",
        "numbers",
        "authUsername",
        "authPassword",
        "fromHost",
    ];
    const SPELT: &'static [&'static str] = &["numbers"];

    fields!(sip_trunk_id);
    logs_in!();

    fn conflicts(&self, _other: &Self) -> bool {
        false
    }

    fn trunk_ids(&mut self) -> Option<&mut Vec<String>> {
        None
    }

    async fn list(api: &LiveKitApiClient) -> Answer<Vec<Self>> {
        api.list_outbound_trunks().await
    }

    async fn create(api: &LiveKitApiClient, new: Self) -> Answer<Self> {
        api.create_outbound_trunk(new).await
    }

    async fn replace(api: &LiveKitApiClient, id: &str, new: Self) -> Answer<Self> {
        let request = proto::UpdateSipOutboundTrunkRequest {
            sip_trunk_id: id.to_owned(),
            action: Some(OutboundAction::Replace(new)),
        };
        api.update_outbound_trunk(request).await
    }

    async fn delete(api: &LiveKitApiClient, id: &str) -> Answer<()> {
        delete_trunk(api, id).await
    }
}

impl Entry for Rule {
    const WHAT: &'static str = "dispatch rule";
    const MADE: &'static str = "sip_file_rule";
    const DELETE: &'static str = "trunkline sip dispatch delete";
    const SAID: &'static [&'static str] = &[
        "rule",
        "name",
        "metadata",
        "trunkIds",
        "numbers",
        "inboundNumbers",
        "hidePhoneNumber",
    ];
    const SPELT: &'static [&'static str] = &[];

    fields!(sip_dispatch_rule_id);

    fn login(&self) -> (&str, &str) {
        ("", "")
    }

    fn with_password(self, _password: String) -> Self {
        self
    }

    fn conflicts(&self, other: &Self) -> bool {
        rule_claims(self).collide(rule_claims(other))
    }

    fn trunk_ids(&mut self) -> Option<&mut Vec<String>> {
        Some(&mut self.trunk_ids)
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

fn claims(trunk: &Inbound) -> TrunkClaims<'_> {
    TrunkClaims {
        numbers: &trunk.numbers,
        callers: &trunk.allowed_numbers,
    }
}

fn rule_claims(rule: &Rule) -> RuleClaims<'_> {
    RuleClaims {
        pin: pin(rule),
        trunks: &rule.trunk_ids,
        callers: &rule.inbound_numbers,
        numbers: &rule.numbers,
    }
}

/// The digits that a rule asks for.
fn pin(rule: &Rule) -> &str {
    use proto::sip_dispatch_rule::Rule as Kind;
    match rule.rule.as_ref().and_then(|rule| rule.rule.as_ref()) {
        Some(Kind::DispatchRuleDirect(rule)) => &rule.pin,
        Some(Kind::DispatchRuleIndividual(rule)) => &rule.pin,
        Some(Kind::DispatchRuleCallee(rule)) => &rule.pin,
        None => "",
    }
}
