//! What a request says of one side of a call: who calls, who is called, over what, for how long.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use livekit_protocol as proto;
use proto::{SipTransport, sip_named_dest, sip_request_dest};
use rand::Rng;
use rand::seq::IndexedRandom as _;
use trunkline_base::id::{CallId, guid};
use trunkline_base::secret::{Personal, Secret};
use trunkline_sip::digest::Login;
use trunkline_sip::endpoint::Transport;
use trunkline_sip::message::NameAddr;
use trunkline_sip::routing::MediaOptions;
use trunkline_sip::sdp::{Codec, Encryption};
use trunkline_sip::uri::{Params, Uri};

use super::super::super::config::GatewayConfig;
use super::super::super::desk::{LONGEST, duration, older_encryption};
use super::super::negotiate::choose_codecs;
use super::super::secure::choose_encryption;
use super::super::tell::STATUS;
use super::order::Unfit;

/// Who calls.
pub(super) enum From {
    /// A number at a host; ours where none is named.
    Number {
        user: String,
        host: Option<Host>,
        name: Option<String>,
    },
    /// As the request has it.
    Given(NameAddr),
}

/// A host as a URI of ours names it.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: Option<u16>,
}

/// Reads a host, with its port or without. It ends up in the first line of a request, so nothing
/// else may stand there: with it a request of the writer's own would follow.
fn parse_host(field: &'static str, text: &str) -> Result<Host, Unfit> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        let (name, port) = (ip.to_string(), None);
        return Ok(Host { name, port });
    }
    let is_bare =
        |uri: &Uri| uri.user.is_none() && uri.headers.is_none() && uri.params == Params::default();
    let uri = Uri::parse(&format!("sip:{text}")).ok().filter(is_bare);
    let unfit = || Unfit::Host {
        field,
        text: text.to_owned(),
    };
    let uri = uri.ok_or_else(unfit)?;
    let (name, port) = (uri.host, uri.port);
    Ok(Host { name, port })
}

/// A trunk that came with the request.
pub(super) fn inline(config: proto::SipOutboundConfig) -> proto::SipOutboundTrunkInfo {
    proto::SipOutboundTrunkInfo {
        address: config.hostname,
        transport: config.transport,
        destination_country: config.destination_country,
        auth_username: config.auth_username,
        auth_password: config.auth_password,
        headers_to_attributes: config.headers_to_attributes,
        attributes_to_headers: config.attributes_to_headers,
        from_host: config.from_host,
        ..Default::default()
    }
}

pub(super) fn parse_address(address: &str) -> Result<Uri, Unfit> {
    if address.is_empty() {
        return Err(Unfit::NoTrunk);
    }
    let uri = Uri::parse(&format!("sip:{address}")).ok();
    let uri = uri.filter(|uri| uri.user.is_none());
    uri.ok_or_else(|| Unfit::Address(address.to_owned()))
}

/// What the trunk says of it; nothing where the URI or the DNS decides.
pub(super) const fn transport(
    wanted: SipTransport,
    config: &GatewayConfig,
) -> Result<Option<Transport>, Unfit> {
    match wanted {
        SipTransport::Auto => Ok(None),
        SipTransport::Udp => Ok(Some(Transport::Udp)),
        SipTransport::Tcp if config.tcp.is_some() => Ok(Some(Transport::Tcp)),
        SipTransport::Tcp => Err(Unfit::NoTcp),
        SipTransport::Tls => Ok(Some(Transport::Tls)),
    }
}

/// Where a call goes first.
pub(super) struct Hop {
    /// What is looked up.
    pub(super) uri: Uri,
    /// The proxy there, if it is not whom we call.
    pub(super) proxy: Option<Uri>,
}

impl Hop {
    /// The proxy before the trunk, where there is one, else the trunk.
    pub(super) fn new(address: &Uri, transport: Option<Transport>, proxy: Option<Uri>) -> Self {
        let mut uri = proxy.as_ref().unwrap_or(address).clone();
        if let Some(transport) = transport {
            uri.params.set("transport", Some(transport.word()));
        }
        Self { uri, proxy }
    }
}

/// Whether the sound is encrypted: what the request says, in either field, and what the trunk says.
#[expect(deprecated, reason = "older clients say it outside the media settings")]
pub(super) fn encryption(
    request: &proto::CreateSipParticipantRequest,
    media: &[MediaOptions; 2],
    ours: Encryption,
) -> Encryption {
    let [said, trunk] = media;
    let said = said
        .encryption
        .or_else(|| older_encryption(request.media_encryption));
    choose_encryption(said, trunk.encryption, ours)
}

/// The number that calls: the request's, or one of the trunk's.
pub(super) fn caller(
    request: &proto::CreateSipParticipantRequest,
    trunk: &proto::SipOutboundTrunkInfo,
    rng: &mut impl Rng,
) -> Result<String, Unfit> {
    let mut number = request.sip_number.clone();
    if number.is_empty() {
        let numbers: Vec<&String> = trunk.numbers.iter().filter(|n| *n != ANY).collect();
        let chosen = numbers.choose(rng).ok_or(Unfit::NoNumber)?;
        number.clone_from(chosen);
    }
    // Twilio takes no other form.
    if trunk.address.ends_with("twilio.com") && !number.starts_with('+') {
        number.insert(0, '+');
    }
    Ok(number)
}

pub(super) fn identity(request: &proto::CreateSipParticipantRequest, rng: &mut impl Rng) -> String {
    match request.participant_identity.as_str() {
        "" if request.hide_phone_number => guid("sip_", rng),
        "" => format!("sip_{}", request.sip_call_to),
        given => given.to_owned(),
    }
}

pub(super) fn own_attributes(
    request: &proto::CreateSipParticipantRequest,
    trunk: &proto::SipOutboundTrunkInfo,
    (call_id, trunk_id): (&CallId, &str),
    caller: &str,
) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut set = |key: &str, value: &str| all.insert(key.to_owned(), value.to_owned());
    set("sip.callID", call_id.as_str());
    set("sip.trunkID", trunk_id);
    set(STATUS, "dialing");
    if !request.hide_phone_number {
        set("sip.phoneNumber", &request.sip_call_to);
        set("sip.hostname", &trunk.address);
        set("sip.trunkPhoneNumber", caller);
    }
    all
}

/// The trunk's headers, and over them the request's.
pub(super) fn merged(
    trunk: impl IntoIterator<Item = (String, String)>,
    request: &std::collections::HashMap<String, String>,
) -> Vec<(String, String)> {
    let is_new = |name: &String| !request.keys().any(|other| other.eq_ignore_ascii_case(name));
    let mut all: Vec<_> = trunk.into_iter().filter(|(name, _)| is_new(name)).collect();
    all.extend(request.clone());
    all.sort();
    all
}

pub(super) fn target(
    request: &proto::CreateSipParticipantRequest,
    hop: &Uri,
    transport: Option<Transport>,
) -> Result<Uri, Unfit> {
    let given = match request
        .sip_request_uri
        .as_ref()
        .and_then(|to| to.uri.as_ref())
    {
        Some(sip_request_dest::Uri::Raw(text)) => {
            let text = text.trim().trim_start_matches('<').trim_end_matches('>');
            return whole(Uri::parse(text).map_err(Unfit::RequestUri)?);
        }
        Some(sip_request_dest::Uri::Values(values)) => Some(values),
        None => None,
    };
    let user = given
        .map(|uri| uri.user.as_str())
        .filter(|user| !user.is_empty());
    let mut target = with_user(hop.clone(), user.unwrap_or(&request.sip_call_to));
    if let Some(values) = given.filter(|uri| !uri.host.is_empty()) {
        let host = parse_host("sip_request_uri", &values.host)?;
        target.host = host.name;
        let port = u16::try_from(values.port).ok().filter(|port| *port != 0);
        target.port = port.or(host.port);
    }
    if let Some(parameter) = transport.and_then(Transport::parameter) {
        target.params.set("transport", Some(parameter));
    }
    whole(target)
}

/// What is dialled must be seen in the number alone.
fn whole(target: Uri) -> Result<Uri, Unfit> {
    target.dialled()?;
    Ok(target)
}

/// To, where it differs from whom we call.
pub(super) fn addressed(
    request: &proto::CreateSipParticipantRequest,
    target: &Uri,
) -> Option<NameAddr> {
    let user = request.to_user_override.as_str();
    (!user.is_empty()).then(|| NameAddr::new(with_user(target.clone(), user)))
}

/// The same with another user part, escaped as it must be.
fn with_user(uri: Uri, user: &str) -> Uri {
    let escaped = Uri::sip(Some(user), ([0, 0, 0, 0], 0).into()).user;
    Uri {
        user: escaped,
        ..uri
    }
}

pub(super) fn from(
    request: &proto::CreateSipParticipantRequest,
    caller: &str,
    host: &str,
) -> Result<From, Unfit> {
    let name = match &request.display_name {
        None => Some(caller.to_owned()),
        Some(name) if name.is_empty() => None,
        // It came as what stands between quotes.
        Some(name) => Some(name.replace("\\\"", "\"").replace("\\\\", "\\")),
    };
    let host = Some(host).filter(|host| !host.is_empty());
    let host = host.map(|host| parse_host("the trunk's from_host", host));
    let host = host.transpose()?;
    let Some(given) = &request.sip_from_header else {
        let user = caller.to_owned();
        return Ok(From::Number { user, host, name });
    };
    let shown = Some(given.display_name.clone()).filter(|name| !name.is_empty());
    match &given.uri {
        Some(sip_named_dest::Uri::Raw(text)) => {
            let mut from = NameAddr::parse(text).ok_or(Unfit::From)?;
            if let Some(shown) = shown {
                from.name = Some(Personal::new(shown));
            }
            Ok(From::Given(from))
        }
        Some(sip_named_dest::Uri::Values(uri)) => Ok(From::Number {
            user: Some(uri.user.clone())
                .filter(|user| !user.is_empty())
                .unwrap_or_else(|| caller.to_owned()),
            host: match uri.host.as_str() {
                "" => host,
                named => Some(parse_host("sip_from_header", named)?),
            },
            name: shown.or(name),
        }),
        None => Ok(From::Number {
            user: caller.to_owned(),
            host,
            name: shown.or(name),
        }),
    }
}

pub(super) fn login(username: String, password: String) -> Option<Login> {
    (!username.is_empty()).then(|| Login {
        username,
        password: Secret::new(password),
    })
}

#[expect(
    deprecated,
    reason = "older clients ask for the tone by its first name"
)]
pub(super) const fn wants_tone(request: &proto::CreateSipParticipantRequest) -> bool {
    request.play_dialtone || request.play_ringtone
}

pub(super) fn codecs(
    media: &[MediaOptions; 2],
    config: &GatewayConfig,
) -> Result<Vec<Codec>, Unfit> {
    let [request, trunk] = media;
    let codecs = choose_codecs([request, trunk], &config.codecs);
    if codecs.is_empty() {
        return Err(Unfit::Codecs);
    }
    Ok(codecs)
}

/// How long what may last.
pub(super) struct Limits {
    pub(super) ringing: Duration,
    pub(super) longest: Duration,
    pub(super) media: Duration,
}

impl Limits {
    pub(super) fn of(
        request: &proto::CreateSipParticipantRequest,
        media: &[MediaOptions; 2],
        config: &GatewayConfig,
    ) -> Self {
        let ringing = duration(request.ringing_timeout.as_ref());
        let unsaid = if request.wait_until_answered {
            RINGING_WAITED_FOR
        } else {
            RINGING
        };
        let longest = duration(request.max_call_duration.as_ref());
        let silence = media.iter().find_map(|options| options.media_timeout);
        Self {
            ringing: ringing.unwrap_or(unsaid).min(LONGEST),
            longest: longest.unwrap_or(config.max_call_duration).min(LONGEST),
            media: silence.unwrap_or(config.media_timeout),
        }
    }
}

/// A trunk that may call from any number says so.
const ANY: &str = "*";

/// LiveKit's limit for ringing.
const RINGING: Duration = Duration::from_secs(180);

/// The same while the request waits, which its clients do for no longer.
const RINGING_WAITED_FOR: Duration = Duration::from_secs(80);

#[cfg(test)]
mod tests {
    use super::*;

    fn values(user: &str, host: &str, port: u32) -> sip_request_dest::Uri {
        sip_request_dest::Uri::Values(proto::SipUri {
            user: user.to_owned(),
            host: host.to_owned(),
            port,
            ..Default::default()
        })
    }

    fn to(call_to: &str, uri: Option<sip_request_dest::Uri>) -> Result<String, Unfit> {
        let request = proto::CreateSipParticipantRequest {
            sip_call_to: call_to.to_owned(),
            sip_request_uri: uri.map(|uri| proto::SipRequestDest { uri: Some(uri) }),
            ..Default::default()
        };
        let hop = parse_address("trunk.example:5070")?;
        target(&request, &hop, Some(Transport::Udp)).map(|uri| uri.to_string())
    }

    #[test]
    fn a_request_goes_to_a_host_and_to_nothing_else() {
        for (host, port, expected) in [
            ("pbx.example", 0, "sip:100@pbx.example"),
            ("pbx.example:99", 0, "sip:100@pbx.example:99"),
            ("pbx.example:99", 7, "sip:100@pbx.example:7"),
            ("2001:db8::1", 0, "sip:100@[2001:db8::1]"),
            ("[2001:db8::1]:99", 0, "sip:100@[2001:db8::1]:99"),
        ] {
            let told = to("+1555", Some(values("100", host, port)));
            assert_eq!(told.as_deref(), Ok(expected));
        }
        for host in [
            "h SIP/2.0\r\nX: y\r\n\r\nBYE sip:x",
            "h\n",
            "a b",
            "evil@h",
            "h;lr",
            "h?Route=x",
            "<h>",
        ] {
            let told = to("+1555", Some(values("100", host, 0)));
            assert!(matches!(told, Err(Unfit::Host { .. })), "{host:?}");
            let request = proto::CreateSipParticipantRequest {
                sip_from_header: Some(proto::SipNamedDest {
                    uri: Some(sip_named_dest::Uri::Values(proto::SipUri {
                        host: host.to_owned(),
                        ..Default::default()
                    })),
                    ..Default::default()
                }),
                ..Default::default()
            };
            assert!(from(&request, "100", "").is_err(), "{host:?}");
            let usual = proto::CreateSipParticipantRequest::default();
            assert!(from(&usual, "100", host).is_err(), "{host:?}");
        }
    }

    #[test]
    fn a_number_that_is_not_whole_is_not_dialled() {
        let raw = |text: &str| Some(sip_request_dest::Uri::Raw(text.to_owned()));
        for (call_to, uri) in [
            ("100", raw("tel:16123;phone-context=+88")),
            ("100", raw("sip:16123;PHONE-context=+88@h")),
            ("100", raw("sip:16123%3Bphone-context=+88@h;user=phone")),
            ("16123;phone-context=+88", None),
            ("100", Some(values("16123;phone-context=+88", "", 0))),
        ] {
            assert!(to(call_to, uri.clone()).is_err(), "{call_to} {uri:?}");
        }
        assert!(to("100", raw("tel:+15550100")).is_ok());
    }

    #[test]
    fn nothing_lasts_longer_than_a_day() {
        let forever = Some(pbjson_types::Duration {
            seconds: i64::MAX,
            nanos: 0,
        });
        let request = proto::CreateSipParticipantRequest {
            ringing_timeout: forever,
            max_call_duration: forever,
            ..Default::default()
        };
        let lasting = duration(request.ringing_timeout.as_ref());
        assert_eq!(lasting, Some(LONGEST));
        assert_eq!(duration(request.max_call_duration.as_ref()), Some(LONGEST));
    }
}
