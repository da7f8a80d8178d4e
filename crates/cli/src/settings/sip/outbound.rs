//! Outbound trunks: where calls go out.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as proto;
use proto::SipTransport;
use serde::{Deserialize, Serialize};
use trunkline_service::config::{Spanned, nearest, or_default};
use trunkline_sip::routing::mark;
use trunkline_sip::uri::{Uri, is_host_port};

use super::line::{self, allow_refer, maybe_text};
use super::parts::{
    Headers, Login, Media, RawAuth, RawHeaders, RawMedia, Stands, Typed, headers, login, media,
    numbers, typed, unique,
};
use crate::settings::raw::{Judge, filled};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOutbound {
    key: Spanned<String>,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    metadata: String,
    address: Spanned<String>,
    #[serde(default)]
    transport: Option<Spanned<String>>,
    #[serde(default)]
    numbers: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "typed")]
    auth: Typed<RawAuth>,
    #[serde(default)]
    from_host: Option<Spanned<String>>,
    #[serde(default)]
    outbound_proxy: Option<Spanned<String>>,
    #[serde(default)]
    destination_country: Option<Spanned<String>>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    headers_to_attributes: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    attributes_to_headers: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    include_headers: Option<Spanned<String>>,
    #[serde(default)]
    media: RawMedia,
    #[serde(default)]
    allow_refer: Option<Spanned<String>>,
}

impl RawOutbound {
    pub(super) fn key(&self) -> String {
        self.key.value.clone()
    }
}

/// An outbound trunk.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Outbound {
    pub(crate) key: String,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) metadata: String,
    /// A host, and a port where it is not the usual one.
    pub(crate) address: String,
    #[serde(serialize_with = "transport_name")]
    pub(crate) transport: SipTransport,
    /// Numbers that it calls from.
    pub(crate) numbers: Vec<String>,
    pub(crate) auth: Login,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) from_host: String,
    /// What calls pass first. LiveKit's messages have no place for it.
    #[serde(serialize_with = "maybe_text", skip_serializing_if = "Option::is_none")]
    pub(crate) outbound_proxy: Option<Uri>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) destination_country: String,
    pub(crate) headers: Headers,
    pub(crate) media: Media,
    /// The outbound trunk that phones called over this one may pass their calls on over, itself
    /// perhaps; empty: they may not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) allow_refer: String,
    #[serde(skip)]
    pub(crate) stands: Stands,
}

pub(super) fn outbound(
    raw: RawOutbound,
    keys: &mut BTreeSet<String>,
    ways: &BTreeSet<String>,
    judge: &mut Judge<'_>,
) -> Outbound {
    unique(&raw.key, keys, "outbound trunk", judge);
    let allow_refer = allow_refer(raw.allow_refer.as_ref(), ways, judge);
    host(&raw.address, "sip.example.com or 203.0.113.7:5060", judge);
    if let Some(from) = raw.from_host.as_ref().filter(|host| !host.value.is_empty()) {
        host(from, "sip.example.com", judge);
    }
    if raw.numbers.is_empty() {
        let what = format!(
            "outbound trunk `{}` has no number to call from",
            raw.key.value
        );
        let remedy = "give it `numbers`, those that the provider knows as yours".to_owned();
        judge.blame(&raw.key, what, remedy);
    }
    let country = raw.destination_country.map(|typed| country(&typed, judge));
    let transport = raw.transport.as_ref().map(|raw| transport(raw, judge));
    let proxy = filled(raw.outbound_proxy.as_ref());
    let proxy = proxy.and_then(|proxy| line::host(proxy, "outbound_proxy", judge));
    let stands = Some(judge.source.origin(&raw.key));
    Outbound {
        key: raw.key.value,
        name: raw.name,
        metadata: raw.metadata,
        address: raw.address.value,
        transport: transport.unwrap_or_default(),
        numbers: numbers(raw.numbers, judge),
        auth: login(raw.auth, judge),
        from_host: raw.from_host.map(|host| host.value).unwrap_or_default(),
        outbound_proxy: proxy,
        destination_country: country.unwrap_or_default(),
        headers: headers(
            RawHeaders {
                headers: raw.headers,
                headers_to_attributes: raw.headers_to_attributes,
                attributes_to_headers: raw.attributes_to_headers,
                include_headers: raw.include_headers,
            },
            judge,
        ),
        media: media(raw.media, judge),
        allow_refer,
        stands,
    }
}

/// LiveKit takes a host, and nothing of a URI around it.
fn host(raw: &Spanned<String>, like: &str, judge: &mut Judge<'_>) {
    let text = raw.value.to_ascii_lowercase();
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | ';' | '/' | '<');
    let bad = text.is_empty()
        || text.starts_with("sip:")
        || text.starts_with("sips:")
        || text.contains(odd)
        || text.contains("transport=");
    let is_dialled = is_host_port(&raw.value);
    if !bad && !is_dialled {
        let what = format!("`{}` is no host, or no host and port", raw.value);
        let remedy = format!("write it like {like}; ports are 1 to 65535, IPv6 is in brackets");
        judge.blame(raw, what, remedy);
    } else if bad {
        let what = format!("`{}` is not a host", raw.value);
        let remedy = format!("write it like {like}; the transport has a key of its own");
        judge.blame(raw, what, remedy);
    }
}

fn country(raw: &Spanned<String>, judge: &mut Judge<'_>) -> String {
    let is_code = raw.value.len() == 2 && raw.value.chars().all(|c| c.is_ascii_uppercase());
    if !is_code && !raw.value.is_empty() {
        let what = format!("`{}` is no country", raw.value);
        judge.blame(raw, what, "two capital letters, such as DE".to_owned());
    }
    raw.value.clone()
}

fn transport(raw: &Spanned<String>, judge: &mut Judge<'_>) -> SipTransport {
    let word = raw.value.to_ascii_lowercase();
    match word.strip_prefix("sip_transport_").unwrap_or(&word) {
        "auto" | "" => SipTransport::Auto,
        "udp" => SipTransport::Udp,
        "tcp" => SipTransport::Tcp,
        "tls" => SipTransport::Tls,
        other => {
            let remedy = nearest(other, &["auto", "udp", "tcp", "tls"]);
            judge.blame(raw, format!("there is no transport `{other}`"), remedy);
            SipTransport::Auto
        }
    }
}

/// The word of a transport.
pub(crate) const fn transport_word(transport: SipTransport) -> &'static str {
    match transport {
        SipTransport::Auto => "auto",
        SipTransport::Udp => "udp",
        SipTransport::Tcp => "tcp",
        SipTransport::Tls => "tls",
    }
}

fn transport_name<S: serde::Serializer>(
    transport: &SipTransport,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(transport_word(*transport))
}

impl Outbound {
    /// As LiveKit's API takes it.
    pub(crate) fn to_proto(&self) -> proto::SipOutboundTrunkInfo {
        proto::SipOutboundTrunkInfo {
            name: self.name.clone(),
            metadata: mark::mark(&self.key, &self.metadata),
            address: self.address.clone(),
            destination_country: self.destination_country.clone(),
            transport: self.transport.into(),
            numbers: self.numbers.clone(),
            auth_username: self.auth.username.clone(),
            auth_password: self.auth.password.expose().clone(),
            headers: self.headers.headers.clone().into_iter().collect(),
            headers_to_attributes: self
                .headers
                .headers_to_attributes
                .clone()
                .into_iter()
                .collect(),
            attributes_to_headers: self
                .headers
                .attributes_to_headers
                .clone()
                .into_iter()
                .collect(),
            include_headers: self.headers.include_headers.into(),
            media: self.media.to_proto(),
            from_host: self.from_host.clone(),
            ..Default::default()
        }
    }
}
