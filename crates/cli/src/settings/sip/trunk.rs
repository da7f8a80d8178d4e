//! Inbound trunks: who may call in, and on which numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::IpNet;
use livekit_protocol as proto;
use serde::{Deserialize, Serialize};
use trunkline_service::config::{Spanned, or_default};
use trunkline_sip::routing::called::{ATTRIBUTE, HEADERS};
use trunkline_sip::routing::{is_source, mark};

use super::gateway::encryption;
use super::line::{RawRegister, Register, allow_refer, country, register};
use super::parts::{
    Headers, Login, Media, RawAuth, RawHeaders, RawMedia, Stands, Typed, duration, headers, login,
    media, numbers, texts, to_proto_duration, typed, unique,
};
use crate::settings::raw::{Judge, filled};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTrunk {
    key: Spanned<String>,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    metadata: String,
    #[serde(default)]
    numbers: Vec<Spanned<String>>,
    #[serde(default)]
    allowed_addresses: Vec<Spanned<String>>,
    #[serde(default)]
    allowed_numbers: Vec<Spanned<String>>,
    #[serde(default)]
    called_number_from: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "typed")]
    auth: Typed<RawAuth>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    headers_to_attributes: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    attributes_to_headers: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    include_headers: Option<Spanned<String>>,
    #[serde(default)]
    ringing_timeout: Option<Spanned<String>>,
    #[serde(default)]
    max_call_duration: Option<Spanned<String>>,
    #[serde(default)]
    krisp_enabled: Option<bool>,
    #[serde(default)]
    encryption: Option<Spanned<String>>,
    #[serde(default)]
    media: RawMedia,
    #[serde(default)]
    register: Option<RawRegister>,
    #[serde(default)]
    country: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "or_default")]
    trusted: bool,
    #[serde(default)]
    allow_refer: Option<Spanned<String>>,
}

/// An inbound trunk.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Trunk {
    pub(crate) key: String,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) metadata: String,
    pub(crate) numbers: Vec<String>,
    pub(crate) allowed_addresses: Vec<String>,
    pub(crate) allowed_numbers: Vec<String>,
    /// Headers that name the called number, in their usual spelling.
    pub(crate) called_number_from: Vec<String>,
    pub(crate) auth: Login,
    pub(crate) headers: Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ringing_timeout: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_call_duration: Option<Duration>,
    pub(crate) krisp_enabled: bool,
    pub(crate) media: Media,
    /// The registration its provider wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) register: Option<Register>,
    /// Whose numbering plan its numbers follow; empty: the file's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) country: String,
    /// Is it believed what it says of the caller?
    pub(crate) trusted: bool,
    /// The outbound trunk that its phones may pass their calls on over; empty: they may not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) allow_refer: String,
    #[serde(skip)]
    pub(crate) stands: Stands,
}

pub(super) fn trunk(
    mut raw: RawTrunk,
    keys: &mut BTreeSet<String>,
    ways: &BTreeSet<String>,
    judge: &mut Judge<'_>,
) -> Trunk {
    unique(&raw.key, keys, "trunk", judge);
    let allow_refer = allow_refer(raw.allow_refer.as_ref(), ways, judge);
    if raw.auth.is_none() {
        nobody_dials_for_all(&raw, judge);
    }
    for entry in &raw.allowed_addresses {
        if !is_source(&entry.value) {
            let what = format!(
                "`{}` is no IP address and no network that calls come from",
                entry.value
            );
            let remedy = "write it like 203.0.113.7 or 203.0.113.0/24".to_owned();
            judge.blame(entry, what, remedy);
        }
    }
    let auth = login(raw.auth.take(), judge);
    if auth.username.is_empty() && raw.allowed_addresses.is_empty() {
        anyone(&raw, judge);
    }
    let stands = Some(judge.source.origin(&raw.key));
    let mut media = media(raw.media, judge);
    let wish = encryption(filled(raw.encryption.as_ref()), judge);
    if let (Some(typed), Some(_)) = (&raw.encryption, wish.and(media.encryption)) {
        let what = "`media.encryption` says that too".to_owned();
        judge.blame(typed, what, "keep one of the two".to_owned());
    }
    media.encryption = wish.or(media.encryption);
    Trunk {
        key: raw.key.value,
        name: raw.name,
        metadata: raw.metadata,
        numbers: numbers(raw.numbers, judge),
        allowed_addresses: texts(raw.allowed_addresses),
        allowed_numbers: numbers(raw.allowed_numbers, judge),
        called_number_from: headers_of(&raw.called_number_from, judge),
        auth,
        headers: headers(
            RawHeaders {
                headers: raw.headers,
                headers_to_attributes: raw.headers_to_attributes,
                attributes_to_headers: raw.attributes_to_headers,
                include_headers: raw.include_headers,
            },
            judge,
        ),
        ringing_timeout: duration(raw.ringing_timeout.as_ref(), judge),
        max_call_duration: duration(raw.max_call_duration.as_ref(), judge),
        krisp_enabled: raw.krisp_enabled.unwrap_or_default(),
        media,
        register: raw.register.and_then(|raw| register(raw, judge)),
        country: country(raw.country.as_ref(), judge),
        trusted: raw.trusted,
        allow_refer,
        stands,
    }
}

/// A trunk without login and addresses lets anybody in, unless it registers; then LiveKit wants to
/// know its numbers at least.
fn anyone(raw: &RawTrunk, judge: &mut Judge<'_>) {
    let key = &raw.key.value;
    let (what, remedy) = if raw.register.is_none() {
        let what = format!("trunk `{key}` lets anyone on the network call in");
        let remedy = "give it allowed_addresses, auth with username and password, or register";
        (what, remedy)
    } else if raw.numbers.is_empty() {
        let what = format!("trunk `{key}` names neither numbers nor addresses");
        let remedy = "give it the numbers that its provider calls, as numbers";
        (what, remedy)
    } else {
        return;
    };
    judge.blame(&raw.key, what, remedy.to_owned());
}

/// Who may pass calls on has others dialled at our cost.
fn nobody_dials_for_all(raw: &RawTrunk, judge: &mut Judge<'_>) {
    let is_all = |entry: &Spanned<String>| {
        let network = entry.value.trim().parse::<IpNet>();
        network.is_ok_and(|network| network.prefix_len() == 0)
    };
    if let Some(allow) = filled(raw.allow_refer.as_ref())
        && raw.allowed_addresses.iter().any(is_all)
    {
        let what = format!("trunk `{}` lets anyone have calls dialled", raw.key.value);
        let remedy = "give it auth, or addresses that are yours, or take allow_refer out";
        judge.blame(allow, what, remedy.to_owned());
    }
}

/// Headers that may name the called number.
fn headers_of(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<String> {
    let mut known = Vec::new();
    for entry in raw {
        let named = |header: &&str| header.eq_ignore_ascii_case(&entry.value);
        match HEADERS.into_iter().find(named) {
            Some(header) => known.push(header.to_owned()),
            None => {
                let what = format!("no called number is read from `{}`", entry.value);
                let remedy = format!("choose from {}", HEADERS.join(", "));
                judge.blame(entry, what, remedy);
            }
        }
    }
    known
}

impl Trunk {
    /// As LiveKit's API takes it.
    pub(crate) fn to_proto(&self) -> proto::SipInboundTrunkInfo {
        let told = self.called_number_from.iter();
        let told = told.map(|header| (header.clone(), ATTRIBUTE.to_owned()));
        proto::SipInboundTrunkInfo {
            name: self.name.clone(),
            metadata: mark::mark(&self.key, &self.metadata),
            numbers: self.numbers.clone(),
            allowed_addresses: self.allowed_addresses.clone(),
            allowed_numbers: self.allowed_numbers.clone(),
            auth_username: self.auth.username.clone(),
            auth_password: self.auth.password.expose().clone(),
            auth_realm: self.auth.realm.clone(),
            headers: self.headers.headers.clone().into_iter().collect(),
            headers_to_attributes: self
                .headers
                .headers_to_attributes
                .clone()
                .into_iter()
                .chain(told)
                .collect(),
            attributes_to_headers: self
                .headers
                .attributes_to_headers
                .clone()
                .into_iter()
                .collect(),
            include_headers: self.headers.include_headers.into(),
            ringing_timeout: self.ringing_timeout.and_then(to_proto_duration),
            max_call_duration: self.max_call_duration.and_then(to_proto_duration),
            krisp_enabled: self.krisp_enabled,
            media: self.media.to_proto(),
            ..Default::default()
        }
    }
}
