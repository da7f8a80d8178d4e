//! The gateway's own section: `gateway` of `livekit-sip-correct.yaml`.
//!
//! It was `sip` of `livekit.yaml`, which is still read. Each key is looked for by itself: what
//! somebody wrote under `gateway` counts, then what stands under the old `sip`, then what ships,
//! variables included. A line that is as it ships is nobody's word, so that new files may be put
//! beside an old `livekit.yaml`.

mod capture;
mod layers;
mod limits;
mod secure;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_service::config::{Report, Spanned};
use trunkline_sip::sdp::{Codec, Encryption};

use capture::Capture;
pub(in crate::settings) use layers::{Layer, Layers, RawGateway};
use limits::FullAt;
pub(in crate::settings) use secure::encryption;
use secure::{Tls, encryption_word};
use values::{
    answer, answer_word, api, codec_names, codecs, complexity, network_texts, networks, ports,
    session_timer, stun,
};

use crate::settings::raw::{Judge, filled, ip, seconds};

/// An agent that starts a process for its job takes some seconds; a caller hears three rings.
const AGENT_WAIT: Duration = Duration::from_secs(20);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// From key to key.
const PIN_WAIT: Duration = Duration::from_secs(15);
const HOLD_LIMIT: Duration = Duration::from_secs(30 * 60);
/// A supervisor starts a daemon again within a second or two; phones wait a little longer.
const RESUME_WITHIN: Duration = Duration::from_secs(30);
const RINGING: Duration = Duration::from_secs(60);
const LONGEST_CALL: Duration = Duration::from_secs(24 * 3600);
const MEDIA_TIMEOUT: Duration = Duration::from_secs(30);

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

#[cfg(test)]
mod tests;
