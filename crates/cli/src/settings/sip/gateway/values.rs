//! What single values of the section mean, and how they are written.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serializer;
use trunkline_bridge::sip::{AnswerPolicy, OPUS_COMPLEXITY};
use trunkline_service::config::{Spanned, nearest};
use trunkline_sip::sdp::Codec;
use trunkline_sip::stun::PORT;
use trunkline_sip::uri::{Params, Uri};

use crate::settings::raw::Judge;

const SESSION_TIMER: Duration = Duration::from_secs(30 * 60);
/// RFC 4028 knows none shorter.
const SHORTEST_TIMER: Duration = Duration::from_secs(90);
const RTP_PORTS: RangeInclusive<u16> = 10_000..=20_000;
pub(super) fn stun(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Option<String> {
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

pub(super) fn ports(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> RangeInclusive<u16> {
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

pub(super) fn session_timer(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Duration {
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

pub(super) fn answer(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> AnswerPolicy {
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

pub(super) fn codecs(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<Codec> {
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

pub(super) fn api(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Option<SocketAddr> {
    // Beside a livekit-server on the same machine, which has 7880 to 7882.
    let like = SocketAddr::from(([127, 0, 0, 1], 7883));
    raw.map(|raw| judge.addr(Some(raw), like))
}

pub(super) fn complexity(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> u8 {
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

pub(super) fn networks(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<IpNet> {
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

pub(super) fn answer_word<S: Serializer>(
    answer: &AnswerPolicy,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match answer {
        AnswerPolicy::OnAgent => "on_agent",
        AnswerPolicy::OnRoom => "on_room",
    })
}

pub(super) fn network_texts<S: Serializer>(
    networks: &[IpNet],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(networks.iter().map(ToString::to_string))
}

pub(super) fn codec_names<S: Serializer>(
    codecs: &[Codec],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(codecs.iter().map(|codec| codec.name()))
}
