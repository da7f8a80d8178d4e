//! What trunks of both directions and rules say alike: logins, headers, media, durations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use livekit_protocol as proto;
use serde::{Deserialize, Deserializer, Serialize};
use trunkline_base::secret::Secret;
use trunkline_service::config::{Origin, Spanned, nearest};
use trunkline_sip::message::reserved;
use trunkline_sip::sdp::Encryption;

use super::gateway::encryption;
use crate::settings::raw::{Judge, filled, redacted};

/// LiveKit's bound.
const LONGEST_MEDIA_TIMEOUT: Duration = Duration::from_secs(600);
/// LiveKit's bounds for headers.
const LONGEST_NAME: usize = 255;
const LONGEST_VALUE: usize = 1024;
/// Codecs that go without a rate.
const RATED: [&str; 4] = ["PCMU", "PCMA", "G722", "AMR-WB"];

/// A key that was written: `Some(None)` where nothing stands behind it, which is not the same as a
/// key that is left out.
pub(super) type Typed<T> = Option<Spanned<Option<T>>>;

/// Reads a [`Typed`] key.
pub(super) fn typed<'de, T, D>(deserializer: D) -> Result<Typed<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Spanned::deserialize(deserializer).map(Some)
}

/// A login as typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuth {
    username: Spanned<String>,
    password: Spanned<Secret<String>>,
    #[serde(default)]
    realm: Option<Spanned<String>>,
}

/// A login.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Login {
    pub(crate) username: String,
    #[serde(serialize_with = "redacted")]
    pub(crate) password: Secret<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) realm: String,
}

impl Login {
    pub(crate) fn is_empty(&self) -> bool {
        self.username.is_empty() && self.password.expose().is_empty()
    }
}

/// A login that is there and says nothing would let everybody in.
pub(super) fn login(raw: Typed<RawAuth>, judge: &mut Judge<'_>) -> Login {
    let Some(section) = raw else {
        return Login::default();
    };
    let remedy = "give both username and password, or take `auth` out".to_owned();
    let Some(raw) = &section.value else {
        judge.blame(&section, "the login is empty".to_owned(), remedy);
        return Login::default();
    };
    let half = match (
        raw.username.value.is_empty(),
        raw.password.value.expose().is_empty(),
    ) {
        (true, true) => Some("the login is empty"),
        (true, false) => Some("a password without a username lets nobody in"),
        (false, true) => Some("a username without a password is no login"),
        _ => None,
    };
    if let Some(what) = half {
        judge.blame(&raw.username, what.to_owned(), remedy);
    }
    Login {
        username: raw.username.value.clone(),
        password: raw.password.value.clone(),
        realm: raw
            .realm
            .as_ref()
            .map(|realm| realm.value.clone())
            .unwrap_or_default(),
    }
}

/// Headers as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHeaders {
    pub(super) headers: BTreeMap<String, Spanned<String>>,
    pub(super) headers_to_attributes: BTreeMap<String, Spanned<String>>,
    pub(super) attributes_to_headers: BTreeMap<String, Spanned<String>>,
    pub(super) include_headers: Option<Spanned<String>>,
}

/// What becomes of headers.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Headers {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers_to_attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes_to_headers: BTreeMap<String, String>,
    #[serde(serialize_with = "include_name", skip_serializing_if = "is_usual")]
    pub(crate) include_headers: proto::SipHeaderOptions,
}

pub(super) fn headers(raw: RawHeaders, judge: &mut Judge<'_>) -> Headers {
    for (name, value) in &raw.headers {
        header_name(name, value, judge);
        let bad = |c: char| c.is_control() && c != '\t';
        if value.value.len() > LONGEST_VALUE || value.value.contains(bad) {
            let what = format!("`{name}` cannot have this value");
            let remedy = format!("one line of at most {LONGEST_VALUE} bytes");
            judge.blame(value, what, remedy);
        }
    }
    for (name, attribute) in &raw.headers_to_attributes {
        token(name, attribute, judge);
        if attribute.value.is_empty() {
            let remedy = "name the attribute that holds it".to_owned();
            judge.blame(attribute, format!("`{name}` goes nowhere"), remedy);
        }
    }
    for header in raw.attributes_to_headers.values() {
        header_name(&header.value, header, judge);
    }
    let include_headers = raw.include_headers.as_ref().map(|raw| include(raw, judge));
    let plain = |map: BTreeMap<String, Spanned<String>>| {
        map.into_iter()
            .map(|(name, value)| (name, value.value))
            .collect()
    };
    Headers {
        headers: plain(raw.headers),
        headers_to_attributes: plain(raw.headers_to_attributes),
        attributes_to_headers: plain(raw.attributes_to_headers),
        include_headers: include_headers.unwrap_or_default(),
    }
}

fn token<T>(name: &str, at: &Spanned<T>, judge: &mut Judge<'_>) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c);
    let is_one = !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(allowed);
    if !is_one {
        let remedy = "letters, digits and -.!%*_+`'~".to_owned();
        judge.blame(at, format!("`{name}` is no header's name"), remedy);
    }
    is_one
}

fn header_name<T>(name: &str, at: &Spanned<T>, judge: &mut Judge<'_>) {
    if token(name, at, judge)
        && let Some(usual) = reserved(name)
    {
        let what = if name.eq_ignore_ascii_case(usual) {
            format!("`{name}` is the gateway's own header")
        } else {
            format!("`{name}` is short for {usual}, the gateway's own header")
        };
        let remedy = "choose another name, such as X-…".to_owned();
        judge.blame(at, what, remedy);
    }
}

fn include(raw: &Spanned<String>, judge: &mut Judge<'_>) -> proto::SipHeaderOptions {
    const WORDS: [&str; 3] = ["none", "x_headers", "all"];
    match raw.value.to_ascii_lowercase().as_str() {
        "none" | "sip_no_headers" => proto::SipHeaderOptions::SipNoHeaders,
        "x_headers" | "sip_x_headers" => proto::SipHeaderOptions::SipXHeaders,
        "all" | "sip_all_headers" => proto::SipHeaderOptions::SipAllHeaders,
        other => {
            judge.blame(
                raw,
                format!("there is no choice of headers `{other}`"),
                nearest(other, &WORDS),
            );
            proto::SipHeaderOptions::default()
        }
    }
}

/// The word of a choice of headers.
pub(crate) const fn include_word(choice: proto::SipHeaderOptions) -> &'static str {
    match choice {
        proto::SipHeaderOptions::SipNoHeaders => "none",
        proto::SipHeaderOptions::SipXHeaders => "x_headers",
        proto::SipHeaderOptions::SipAllHeaders => "all",
    }
}

fn include_name<S: serde::Serializer>(
    choice: &proto::SipHeaderOptions,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.serialize_str(include_word(*choice))
}

fn is_usual(choice: &proto::SipHeaderOptions) -> bool {
    *choice == proto::SipHeaderOptions::default()
}

/// Media as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMedia {
    codecs: Vec<Spanned<String>>,
    only_listed_codecs: Option<Spanned<bool>>,
    encryption: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
}

/// Choices of media.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Media {
    /// Names, with a rate behind `/` where one is needed.
    pub(crate) codecs: Vec<String>,
    pub(crate) only_listed_codecs: bool,
    #[serde(serialize_with = "wish", skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<Encryption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Duration>,
}

fn wish<S: serde::Serializer>(wish: &Option<Encryption>, to: S) -> Result<S::Ok, S::Error> {
    wish.map(Encryption::as_str).serialize(to)
}

pub(super) fn media(raw: RawMedia, judge: &mut Judge<'_>) -> Media {
    if let Some(only) = raw.only_listed_codecs.as_ref().filter(|only| only.value)
        && raw.codecs.is_empty()
    {
        let what = "nothing is listed, so that every call would fail".to_owned();
        judge.blame(only, what, "list `codecs`".to_owned());
    }
    for codec in &raw.codecs {
        judge_codec(codec, judge);
    }
    let timeout = duration(raw.timeout.as_ref(), judge);
    if let Some(typed) = &raw.timeout
        && timeout.is_some_and(|timeout| timeout > LONGEST_MEDIA_TIMEOUT)
    {
        let what = format!("`{}` is longer than LiveKit takes", typed.value);
        judge.blame(typed, what, "10m at the most".to_owned());
    }
    Media {
        codecs: raw.codecs.into_iter().map(|codec| codec.value).collect(),
        only_listed_codecs: raw.only_listed_codecs.is_some_and(|only| only.value),
        encryption: encryption(filled(raw.encryption.as_ref()), judge),
        timeout,
    }
}

fn judge_codec(codec: &Spanned<String>, judge: &mut Judge<'_>) {
    let (name, rate) = codec
        .value
        .split_once('/')
        .map_or((codec.value.as_str(), None), |(name, rate)| {
            (name, Some(rate))
        });
    let known = || RATED.iter().chain(&["OPUS"]);
    let rate_reads = rate.is_none_or(|rate| rate.parse::<u32>().is_ok_and(|rate| rate > 0));
    if name.is_empty() || !rate_reads {
        let what = format!("`{}` is no codec", codec.value);
        judge.blame(codec, what, "write PCMU, or opus/48000".to_owned());
    } else if !known().any(|known| known.eq_ignore_ascii_case(name)) {
        let what = format!("there is no codec `{name}` here, so that no call could use it");
        let known: Vec<&str> = known().copied().collect();
        judge.blame(codec, what, nearest(name, &known));
    } else if rate.is_none() && !RATED.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        let what = format!("`{name}` needs its rate, or every call would fail");
        judge.blame(codec, what, format!("write it like {name}/48000"));
    }
}

impl Media {
    /// As LiveKit's API takes it; nothing chosen is no message at all.
    pub(crate) fn to_proto(&self) -> Option<proto::SipMediaConfig> {
        if *self == Self::default() {
            return None;
        }
        let codec = |text: &String| {
            let (name, rate) = text.split_once('/').unwrap_or((text, "0"));
            proto::SipCodec {
                name: name.to_owned(),
                rate: rate.parse().unwrap_or(0),
            }
        };
        use proto::SipMediaEncryption as Theirs;
        let encryption = self.encryption.map(|encryption| match encryption {
            Encryption::Disable => Theirs::SipMediaEncryptDisable,
            Encryption::Allow => Theirs::SipMediaEncryptAllow,
            Encryption::Require => Theirs::SipMediaEncryptRequire,
        });
        Some(proto::SipMediaConfig {
            only_listed_codecs: self.only_listed_codecs,
            codecs: self.codecs.iter().map(codec).collect(),
            encryption: encryption.map(Into::into),
            media_timeout: self.timeout.and_then(to_proto_duration),
        })
    }
}

/// A duration, if one is given.
pub(super) fn duration(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Option<Duration> {
    let raw = filled(raw)?;
    Some(judge.duration(Some(raw), Duration::ZERO)).filter(|duration| !duration.is_zero())
}

pub(super) fn to_proto_duration(duration: Duration) -> Option<pbjson_types::Duration> {
    Some(pbjson_types::Duration {
        seconds: i64::try_from(duration.as_secs()).ok()?,
        nanos: i32::try_from(duration.subsec_nanos()).ok()?,
    })
}

/// Notes a key, which must be there and be the only one.
pub(super) fn unique(
    key: &Spanned<String>,
    keys: &mut BTreeSet<String>,
    what: &str,
    judge: &mut Judge<'_>,
) {
    if filled(Some(key)).is_none() {
        judge.blame(
            key,
            format!("a {what}'s key is empty"),
            "give it a short name".to_owned(),
        );
    } else if !keys.insert(key.value.clone()) {
        let remedy = "each key stands for one thing; rename one of them".to_owned();
        judge.blame(
            key,
            format!("there are two {what}s with the key `{}`", key.value),
            remedy,
        );
    }
}

/// Numbers, each of which must be one.
pub(super) fn numbers(raw: Vec<Spanned<String>>, judge: &mut Judge<'_>) -> Vec<String> {
    for entry in &raw {
        if let Some(what) = no_number(&entry.value) {
            let remedy = "write a number like +15550100, or the name that is called".to_owned();
            judge.blame(entry, what, remedy);
        }
    }
    raw.into_iter().map(|entry| entry.value).collect()
}

/// Why a text can be no called or calling number, if it cannot.
fn no_number(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Some("a number is empty".to_owned());
    }
    if text.chars().any(char::is_control) || trimmed.contains(['@', ';', '<', '>', ',']) {
        return Some(format!(
            "`{trimmed}` is an address or a list, where one number is wanted"
        ));
    }
    if trimmed.to_ascii_lowercase().starts_with("sip:") || trimmed.starts_with("tel:") {
        return Some(format!("`{trimmed}` is a URI, where a number is wanted"));
    }
    let body = trimmed.strip_prefix('+')?;
    let digits = body.chars().filter(char::is_ascii_digit).count();
    let other = body
        .chars()
        .find(|c| !c.is_ascii_digit() && !matches!(c, '-' | '.' | ' ' | '(' | ')'));
    match other {
        Some(sign) => Some(format!("`{trimmed}` is no number: `{sign}` is in it")),
        None if digits == 0 => Some(format!("`{trimmed}` is no number: it has no digits")),
        None if digits > 15 => Some(format!(
            "`{trimmed}` is no number: it has {digits} digits, and 15 are the most"
        )),
        None => None,
    }
}

/// Where an entry of the file stands; what is made by the program stands nowhere.
pub(crate) type Stands = Option<Origin>;

/// The text of a list of names.
pub(super) fn texts(raw: Vec<Spanned<String>>) -> Vec<String> {
    raw.into_iter().map(|entry| entry.value).collect()
}
