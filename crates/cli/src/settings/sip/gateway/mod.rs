//! The gateway's own section: `gateway` of `livekit-sip-correct.yaml`.
//!
//! It was `sip` of `livekit.yaml`, which is still read. Each key is looked for by itself: what
//! somebody wrote under `gateway` counts, then what stands under the old `sip`, then what ships,
//! variables included. A line that is as it ships is nobody's word, so that new files may be put
//! beside an old `livekit.yaml`.

mod capture;
mod limits;
mod secure;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer};
use trunkline_bridge::sip::{AnswerPolicy, OPUS_COMPLEXITY};
use trunkline_service::config::{Report, Source, Spanned, nearest};
use trunkline_sip::sdp::{Codec, Encryption};
use trunkline_sip::stun::PORT;
use trunkline_sip::uri::{Params, Uri};

use capture::{Capture, RawCapture};
use limits::{FullAt, RawLimits};
pub(in crate::settings) use secure::encryption;
use secure::{RawTls, Tls, encryption_word};

use crate::settings::home::SIP;
use crate::settings::raw::{Judge, filled, ip, seconds};

/// An agent that starts a process for its job takes some seconds; a caller hears three rings.
const AGENT_WAIT: Duration = Duration::from_secs(20);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// From key to key.
const PIN_WAIT: Duration = Duration::from_secs(15);
const HOLD_LIMIT: Duration = Duration::from_secs(30 * 60);
const SESSION_TIMER: Duration = Duration::from_secs(30 * 60);
/// RFC 4028 knows none shorter.
const SHORTEST_TIMER: Duration = Duration::from_secs(90);
/// A supervisor starts a daemon again within a second or two; phones wait a little longer.
const RESUME_WITHIN: Duration = Duration::from_secs(30);
const RINGING: Duration = Duration::from_secs(60);
const LONGEST_CALL: Duration = Duration::from_secs(24 * 3600);
const MEDIA_TIMEOUT: Duration = Duration::from_secs(30);
const RTP_PORTS: RangeInclusive<u16> = 10_000..=20_000;

/// The section as typed. Every key is optional: see [`Layers`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::settings) struct RawGateway {
    enabled: Option<Spanned<bool>>,
    udp: Option<Spanned<String>>,
    tcp: Option<Spanned<String>>,
    public_ip: Option<Spanned<String>>,
    stun: Option<Spanned<String>>,
    rtp_ports: Option<Spanned<String>>,
    codecs: Vec<Spanned<String>>,
    opus_complexity: Option<Spanned<String>>,
    answer: Option<Spanned<String>>,
    agent_wait: Option<Spanned<String>>,
    pin_wait: Option<Spanned<String>>,
    hold_limit: Option<Spanned<String>>,
    session_timer: Option<Spanned<String>>,
    resume_within: Option<Spanned<String>>,
    ringing_timeout: Option<Spanned<String>>,
    max_call_duration: Option<Spanned<String>>,
    media_timeout: Option<Spanned<String>>,
    drain: Option<Spanned<String>>,
    local_networks: Vec<Spanned<String>>,
    srtp: Option<Spanned<String>>,
    tls: Option<Spanned<RawTls>>,
    capture: Option<Spanned<RawCapture>>,
    limits: Option<Spanned<RawLimits>>,
    api: Option<Spanned<String>>,
}

/// The SIP gateway.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Gateway {
    pub(crate) enabled: bool,
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: Option<SocketAddr>,
    pub(crate) public_ip: Option<IpAddr>,
    /// Who is asked for it: a host with its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stun: Option<String>,
    pub(crate) rtp_ports: RangeInclusive<u16>,
    #[serde(serialize_with = "codec_names")]
    pub(crate) codecs: Vec<Codec>,
    /// How hard Opus works on a voice.
    pub(crate) opus_complexity: u8,
    #[serde(serialize_with = "answer_word")]
    pub(crate) answer: AnswerPolicy,
    /// How long a caller waits for somebody to be in the room.
    #[serde(serialize_with = "seconds")]
    pub(crate) agent_wait: Duration,
    /// How long a caller who is asked for a PIN may be silent.
    #[serde(serialize_with = "seconds")]
    pub(crate) pin_wait: Duration,
    /// How long a phone may hold its call.
    #[serde(serialize_with = "seconds")]
    pub(crate) hold_limit: Duration,
    /// How long a call may stand without a sign of life; zero asks for none.
    #[serde(serialize_with = "seconds")]
    pub(crate) session_timer: Duration,
    /// How long nobody may be there for a call that goes on; zero keeps none.
    #[serde(serialize_with = "seconds")]
    pub(crate) resume_within: Duration,
    /// How long a phone may ring where its trunk does not say.
    #[serde(serialize_with = "seconds")]
    pub(crate) ringing_timeout: Duration,
    /// How long a call may last where its trunk does not say.
    #[serde(serialize_with = "seconds")]
    pub(crate) max_call_duration: Duration,
    /// How long the line may be silent where the trunk does not say.
    #[serde(serialize_with = "seconds")]
    pub(crate) media_timeout: Duration,
    /// How long calls may go on after the first signal; `None`: as long as rooms may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drain: Option<Duration>,
    /// From where phones reach us at our own address, not at the public one.
    #[serde(serialize_with = "network_texts")]
    pub(crate) local_networks: Vec<IpNet>,
    /// Whether audio is encrypted, where neither trunk nor rule says.
    #[serde(serialize_with = "encryption_word")]
    pub(crate) srtp: Encryption,
    pub(crate) tls: Tls,
    /// What is kept of what went over the wire.
    pub(crate) capture: Capture,
    /// From where on new calls are refused.
    pub(crate) limits: FullAt,
    /// Where `livekit.SIP` of this gateway is served, beside a server elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<SocketAddr>,
}

pub(in crate::settings) fn validate(layers: &Layers, report: &mut Report) -> Gateway {
    let mut keys = Keys { layers, report };
    Gateway {
        enabled: keys.flag("enabled", |raw| &raw.enabled),
        udp: keys.address("udp", |raw| &raw.udp),
        tcp: Some(keys.address("tcp", |raw| &raw.tcp)),
        public_ip: keys.text("public_ip", |raw| &raw.public_ip, ip),
        stun: keys.text("stun", |raw| &raw.stun, stun),
        rtp_ports: keys.text("rtp_ports", |raw| &raw.rtp_ports, ports),
        codecs: keys.list("codecs", |raw| &raw.codecs, codecs),
        opus_complexity: keys.text("opus_complexity", |raw| &raw.opus_complexity, complexity),
        answer: keys.text("answer", |raw| &raw.answer, answer),
        agent_wait: keys.duration(
            "agent_wait",
            |raw| &raw.agent_wait,
            Wait {
                usual: AGENT_WAIT,
                shorter: "it is too short for an agent to come",
            },
        ),
        pin_wait: keys.duration(
            "pin_wait",
            |raw| &raw.pin_wait,
            Wait {
                usual: PIN_WAIT,
                shorter: "nobody types that fast",
            },
        ),
        hold_limit: keys.duration(
            "hold_limit",
            |raw| &raw.hold_limit,
            Wait {
                usual: HOLD_LIMIT,
                shorter: "a call on hold would end at once",
            },
        ),
        session_timer: keys.text("session_timer", |raw| &raw.session_timer, session_timer),
        resume_within: keys.text(
            "resume_within",
            |raw| &raw.resume_within,
            |raw, judge| judge.duration(raw, RESUME_WITHIN),
        ),
        ringing_timeout: keys.duration(
            "ringing_timeout",
            |raw| &raw.ringing_timeout,
            Wait {
                usual: RINGING,
                shorter: "nobody is that quick to answer",
            },
        ),
        max_call_duration: keys.duration(
            "max_call_duration",
            |raw| &raw.max_call_duration,
            Wait {
                usual: LONGEST_CALL,
                shorter: "every call would end at once",
            },
        ),
        media_timeout: keys.duration(
            "media_timeout",
            |raw| &raw.media_timeout,
            Wait {
                usual: MEDIA_TIMEOUT,
                shorter: "a breath would end the call",
            },
        ),
        drain: keys.text(
            "drain",
            |raw| &raw.drain,
            |raw, judge| raw.map(|raw| judge.duration(Some(raw), Duration::ZERO)),
        ),
        local_networks: keys.list("local_networks", |raw| &raw.local_networks, networks),
        srtp: keys
            .text("srtp", |raw| &raw.srtp, encryption)
            .unwrap_or_default(),
        tls: keys.tls(),
        capture: keys.capture(),
        limits: keys.limits(),
        api: keys.text("api", |raw| &raw.api, api),
    }
}

/// A duration's usual value, and what is wrong with one below a second.
struct Wait {
    usual: Duration,
    shorter: &'static str,
}

/// Reads key after key, each from the place where it counts. `key` is its name, for people.
struct Keys<'a> {
    layers: &'a Layers,
    report: &'a mut Report,
}

impl Keys<'_> {
    fn text<V>(
        &mut self,
        key: &str,
        of: fn(&RawGateway) -> &Option<Spanned<String>>,
        read: impl FnOnce(Option<&Spanned<String>>, &mut Judge<'_>) -> V,
    ) -> V {
        let find = |raw| filled(of(raw).as_ref());
        let (layer, value) = self.layers.find(key, find, self.report);
        read(value, &mut layer.judge(self.report))
    }

    fn list<V>(
        &mut self,
        key: &str,
        of: fn(&RawGateway) -> &Vec<Spanned<String>>,
        read: impl FnOnce(&[Spanned<String>], &mut Judge<'_>) -> V,
    ) -> V {
        let (layer, _) = self.layers.find(key, |raw| of(raw).first(), self.report);
        read(of(&layer.raw), &mut layer.judge(self.report))
    }

    /// On, unless it is said otherwise.
    fn flag(&mut self, key: &str, of: fn(&RawGateway) -> &Option<Spanned<bool>>) -> bool {
        let (_, value) = self.layers.find(key, |raw| of(raw).as_ref(), self.report);
        value.is_none_or(|value| value.value)
    }

    fn tls(&mut self) -> Tls {
        let found = self.layers.find("tls", |raw| raw.tls.as_ref(), self.report);
        let (layer, typed) = found;
        typed.map_or_else(Tls::default, |raw| {
            secure::tls(raw, &mut layer.judge(self.report))
        })
    }

    fn capture(&mut self) -> Capture {
        let found = self
            .layers
            .find("capture", |raw| raw.capture.as_ref(), self.report);
        let (layer, typed) = found;
        typed.map_or_else(Capture::default, |raw| {
            capture::capture(&raw.value, &mut layer.judge(self.report))
        })
    }

    fn limits(&mut self) -> FullAt {
        let found = self
            .layers
            .find("limits", |raw| raw.limits.as_ref(), self.report);
        let (layer, typed) = found;
        typed.map_or_else(FullAt::default, |raw| {
            limits::limits(&raw.value, &mut layer.judge(self.report))
        })
    }

    fn address(
        &mut self,
        key: &str,
        of: fn(&RawGateway) -> &Option<Spanned<String>>,
    ) -> SocketAddr {
        let local = SocketAddr::from(([127, 0, 0, 1], 5060));
        self.text(key, of, |raw, judge| judge.addr(raw, local))
    }

    fn duration(
        &mut self,
        key: &str,
        of: fn(&RawGateway) -> &Option<Spanned<String>>,
        wait: Wait,
    ) -> Duration {
        self.text(key, of, |raw, judge| {
            let found = judge.duration(raw, wait.usual);
            if let Some(raw) = raw.filter(|_| found < SHORTEST_WAIT) {
                let what = format!("`{}` is too short: {}", raw.value, wait.shorter);
                judge.blame(raw, what, "write 1s or more".to_owned());
            }
            found
        })
    }
}

/// One place where the section may stand.
pub(in crate::settings) struct Layer {
    pub(in crate::settings) source: Source,
    pub(in crate::settings) raw: RawGateway,
}

impl Layer {
    fn judge<'a>(&'a self, report: &'a mut Report) -> Judge<'a> {
        Judge {
            source: &self.source,
            report,
        }
    }
}

/// The places where a key is looked for.
pub(in crate::settings) struct Layers {
    /// `gateway` of `livekit-sip-correct.yaml`.
    here: Layer,
    /// `sip` of `livekit.yaml`.
    old: Option<Layer>,
    shipped: Layer,
}

impl Layers {
    /// Where a file could not be read, there is nothing in it.
    pub(in crate::settings) fn new(
        here: Option<Layer>,
        old: Option<Layer>,
        shipped: Layer,
    ) -> Self {
        let nothing = || Layer {
            source: shipped.source.clone(),
            raw: RawGateway::default(),
        };
        Self {
            here: here.unwrap_or_else(nothing),
            old,
            shipped,
        }
    }

    /// The place where a key counts, and its value there.
    fn find<'a, T>(
        &'a self,
        key: &str,
        of: impl Fn(&'a RawGateway) -> Option<&'a Spanned<T>>,
        report: &mut Report,
    ) -> (&'a Layer, Option<&'a Spanned<T>>) {
        let ships = of(&self.shipped.raw);
        let as_it_ships = |typed: &Spanned<T>| {
            let line = ships.and_then(|ships| self.shipped.source.line_of(ships));
            line.is_some() && line == self.here.source.line_of(typed)
        };
        let here = of(&self.here.raw);
        let said = here.filter(|typed| !as_it_ships(typed));
        let old = self.old.as_ref().and_then(|old| Some((old, of(&old.raw)?)));
        if let (Some(said), Some((layer, old))) = (said, old) {
            let place = self.here.source.origin(said);
            let what = format!("`sip.{key}` is also said by `gateway.{key}` at {place}");
            let remedy = format!("keep the one in {SIP}, and take this one out");
            report.at(&layer.source, old, what, remedy);
        }
        match (said, old) {
            (Some(said), _) => (&self.here, Some(said)),
            (None, Some((layer, old))) => (layer, Some(old)),
            (None, None) if here.is_some() => (&self.here, here),
            (None, None) => (&self.shipped, ships),
        }
    }
}

fn stun(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Option<String> {
    let raw = raw?;
    let text = raw.value.trim();
    let bare = text.strip_prefix("stun:").unwrap_or(text);
    let uri = Uri::parse(&format!("sip:{bare}")).ok();
    let is_bare = |uri: &Uri| uri.user.is_none() && uri.params == Params::default();
    let Some(uri) = uri.filter(is_bare) else {
        let what = format!("`{text}` is no STUN server");
        let remedy = "write a host, with its port where it is not 3478, like stun.example.com";
        judge.blame(raw, what, remedy.to_owned());
        return None;
    };
    let port = uri.port.unwrap_or(PORT);
    let host = match uri.host.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
        _ => uri.host,
    };
    Some(format!("{host}:{port}"))
}

fn ports(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> RangeInclusive<u16> {
    let Some(raw) = raw else { return RTP_PORTS };
    let parsed = raw.value.split_once('-').and_then(|(low, high)| {
        let range = low.trim().parse::<u16>().ok()?..=high.trim().parse::<u16>().ok()?;
        (range.end() > range.start() && *range.start() >= 1024).then_some(range)
    });
    parsed.unwrap_or_else(|| {
        let what = format!("`{}` is not a range of ports", raw.value);
        let remedy = "write it like 10000-20000, from 1024 up".to_owned();
        judge.blame(raw, what, remedy);
        RTP_PORTS
    })
}

fn session_timer(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Duration {
    let timer = judge.duration(raw, SESSION_TIMER);
    if let Some(raw) = raw.filter(|_| !timer.is_zero() && timer < SHORTEST_TIMER) {
        let what = format!("`{}` is too short for a session timer", raw.value);
        judge.blame(
            raw,
            what,
            "write 90s or more, or 0s to ask for none".to_owned(),
        );
    }
    timer
}

fn answer(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> AnswerPolicy {
    let Some(raw) = raw else {
        return AnswerPolicy::OnAgent;
    };
    match raw.value.as_str() {
        "on_agent" => AnswerPolicy::OnAgent,
        "on_room" => AnswerPolicy::OnRoom,
        other => {
            let remedy = nearest(other, &["on_agent", "on_room"]);
            judge.blame(raw, format!("there is no answer policy `{other}`"), remedy);
            AnswerPolicy::OnAgent
        }
    }
}

fn codecs(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<Codec> {
    let mut codecs = Vec::new();
    for name in raw {
        match Codec::parse(&name.value) {
            Some(codec) if codecs.contains(&codec) => {}
            Some(codec) => codecs.push(codec),
            None => {
                let remedy = nearest(
                    &name.value.to_ascii_uppercase(),
                    &Codec::ALL.map(Codec::name),
                );
                let what = format!("codec `{}` is not known here", name.value);
                judge.blame(name, what, remedy);
            }
        }
    }
    if codecs.is_empty() {
        Codec::ALL.to_vec()
    } else {
        codecs
    }
}

fn api(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Option<SocketAddr> {
    // Beside a livekit-server on the same machine, which has 7880 to 7882.
    let like = SocketAddr::from(([127, 0, 0, 1], 7883));
    raw.map(|raw| judge.addr(Some(raw), like))
}

fn complexity(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> u8 {
    let Some(raw) = raw else {
        return OPUS_COMPLEXITY;
    };
    let level = raw.value.trim().parse().ok().filter(|level| *level <= 10);
    level.unwrap_or_else(|| {
        let what = format!("`{}` is no complexity of Opus", raw.value);
        let remedy = "write a whole number from 0, the least work, to 10".to_owned();
        judge.blame(raw, what, remedy);
        OPUS_COMPLEXITY
    })
}

fn networks(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for entry in raw.iter().filter(|entry| !entry.value.is_empty()) {
        let one = || entry.value.parse::<IpAddr>().map(IpNet::from);
        match entry.value.parse().or_else(|_| one()) {
            Ok(network) => networks.push(network),
            Err(_) => {
                let what = format!("`{}` is neither an IP address nor a network", entry.value);
                let remedy = "write it like 10.0.0.0/8 or 192.168.1.7".to_owned();
                judge.blame(entry, what, remedy);
            }
        }
    }
    networks
}

fn answer_word<S: Serializer>(answer: &AnswerPolicy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match answer {
        AnswerPolicy::OnAgent => "on_agent",
        AnswerPolicy::OnRoom => "on_room",
    })
}

fn network_texts<S: Serializer>(networks: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(networks.iter().map(ToString::to_string))
}

fn codec_names<S: Serializer>(codecs: &[Codec], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(codecs.iter().map(|codec| codec.name()))
}

#[cfg(test)]
mod tests;
