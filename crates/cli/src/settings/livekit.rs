//! `livekit.yaml`: which LiveKit, the embedded node, the SIP gateway, recording, the store.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_base::secret::Secret;
use trunkline_base::token::{ApiKey, KeyRing, LEEWAY};
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_client::auth::{LIFE, Purpose};
use trunkline_service::config::{Environment, Report, Source, Spanned, nearest};
use trunkline_sip::sdp::Codec;

use super::node::{self, NodeRooms, RawIngress, RawLimits, RawRooms};
use super::raw::{Address, Judge, filled};
use crate::global::Global;
use crate::keys::{KeyFile, read_map};

/// Long enough for most calls to come to an end, short enough for an operator to wait for.
const DRAIN: Duration = Duration::from_secs(60);
/// An agent that starts a process for its job takes some seconds; a caller hears three rings.
const AGENT_WAIT: Duration = Duration::from_secs(20);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Who is recorded is told.
const ANNOUNCED: &str = "This call is recorded.";

/// Several keys in one variable, as LiveKit's server has it: the text of a key file.
const KEYS: &str = "LIVEKIT_KEYS";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    livekit: RawServer,
    node: RawNode,
    sip: RawSip,
    recording: RawRecording,
    store: RawStore,
    keys: RawKeys,
    drain: RawDrain,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawServer {
    server: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    api_key: Option<Spanned<String>>,
    api_secret: Option<Spanned<Secret<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawNode {
    http: Option<Spanned<String>>,
    rtc_udp: Option<Spanned<String>>,
    node_ip: Option<Spanned<String>>,
    webhooks: Vec<Spanned<String>>,
    rooms: RawRooms,
    limits: RawLimits,
    ingress: RawIngress,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSip {
    enabled: Option<bool>,
    udp: Option<Spanned<String>>,
    tcp: Option<Spanned<String>>,
    public_ip: Option<Spanned<String>>,
    rtp_ports: Option<Spanned<String>>,
    answer: Option<Spanned<String>>,
    hold_limit: Option<Spanned<String>>,
    agent_wait: Option<Spanned<String>>,
    codecs: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawRecording {
    enabled: Option<bool>,
    dir: Option<String>,
    announcement: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawStore {
    path: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawKeys {
    file: Option<String>,
    longest_token: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawDrain {
    limit: Option<Spanned<String>>,
}

/// Where the LiveKit server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Server {
    /// Inside this process.
    Embedded,
    /// Somewhere else: LiveKit Cloud or a cluster.
    Remote,
}

/// What `livekit.yaml` means.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Livekit {
    pub(crate) server: Server,
    pub(crate) url: String,
    pub(crate) api_key: String,
    #[serde(serialize_with = "redacted")]
    pub(crate) api_secret: Secret<String>,
    pub(crate) node: Node,
    pub(crate) sip: Sip,
    pub(crate) recording: Recording,
    pub(crate) store: PathBuf,
    pub(crate) keys: Keys,
    /// How long calls, and after them rooms, may go on after the first signal.
    #[serde(serialize_with = "seconds")]
    pub(crate) drain: Duration,
}

/// The embedded node.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Node {
    pub(crate) http: SocketAddr,
    pub(crate) rtc_udp: SocketAddr,
    pub(crate) node_ip: Option<IpAddr>,
    pub(crate) webhooks: Vec<Address>,
    pub(crate) rooms: NodeRooms,
}

/// The SIP gateway.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sip {
    pub(crate) enabled: bool,
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: Option<SocketAddr>,
    pub(crate) public_ip: Option<IpAddr>,
    pub(crate) rtp_ports: RangeInclusive<u16>,
    #[serde(serialize_with = "answer_word")]
    pub(crate) answer: AnswerPolicy,
    /// How long a phone may hold its call.
    #[serde(serialize_with = "seconds")]
    pub(crate) hold_limit: Duration,
    /// How long a caller waits for somebody to be in the room.
    #[serde(serialize_with = "seconds")]
    pub(crate) agent_wait: Duration,
    #[serde(serialize_with = "codec_names")]
    pub(crate) codecs: Vec<Codec>,
}

/// Recording of calls.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Recording {
    pub(crate) enabled: bool,
    pub(crate) dir: PathBuf,
    /// What callers hear first, where their call is recorded.
    announcement: Option<String>,
}

impl Recording {
    /// What callers hear first.
    pub(crate) fn announcement(&self) -> Option<String> {
        self.announcement.clone().filter(|_| self.enabled)
    }
}

/// Several API keys, which can be changed while everything runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Keys {
    /// Where they are kept; a file that is there stands in place of every other key setting.
    pub(crate) file: PathBuf,
    /// The longest life of a token that any signer of these keys makes.
    #[serde(serialize_with = "seconds")]
    pub(crate) longest_token: Duration,
    /// `LIVEKIT_KEYS`, and what the file holds: ready to sign and verify.
    #[serde(skip)]
    read: Option<KeyRing>,
    /// The keys of `LIVEKIT_KEYS`.
    #[serde(skip)]
    named: Vec<(String, Secret<String>)>,
}

impl Keys {
    /// How long a key that signed no more goes on verifying: until its last token has expired,
    /// with the clocks' difference and one refresh.
    pub(crate) fn window(&self) -> Duration {
        self.longest_token + Duration::from_secs(LEEWAY) + LIFE
    }
}

impl Livekit {
    /// Reads the keys that are not in `livekit.yaml` itself.
    pub(super) fn with_keys(mut self, env: &Environment, report: &mut Report) -> Self {
        if let Some(text) = env.var(KEYS).filter(|text| !text.trim().is_empty()) {
            match read_map(text) {
                Ok(keys) => self.keys.named = keys,
                Err(place) => {
                    let what = format!("is not a map of key ids to secrets{place}");
                    report.file(KEYS, what, "write one `APIxxxx: secret` a line".to_owned());
                }
            }
        }
        let file = KeyFile::new(self.keys.file.clone());
        if file.exists() {
            match file.load() {
                Ok(book) => self.keys.read = book.ring(),
                Err(error) => report.file("keys", error.to_string(), None),
            }
        }
        self
    }

    /// Flags and the variables of the same names win over the file.
    pub(super) fn overridden(mut self, global: &Global) -> Self {
        let filled = |typed: &'_ Option<String>| typed.clone().filter(|text| !text.is_empty());
        if let Some(url) = filled(&global.url) {
            self.url = url;
        }
        if let Some(key) = filled(&global.api_key) {
            self.api_key = key;
        }
        if let Some(secret) = filled(&global.api_secret) {
            self.api_secret = Secret::new(secret);
        }
        self
    }

    /// The keys: those of the key file, else those of `LIVEKIT_KEYS` and the pair of `api_key`
    /// and `api_secret`, which signs where it is set. A ring that is replaced later is replaced
    /// for whoever got it here.
    pub(crate) fn keys(&self) -> Option<KeyRing> {
        if let Some(ring) = &self.keys.read {
            return Some(ring.clone());
        }
        let mut keys = self
            .configured()
            .into_iter()
            .map(|(id, secret)| ApiKey::new(id, secret.expose().clone()));
        Some(KeyRing::new(keys.next()?, keys))
    }

    /// The keys that are set outside the key file, the one that signs first.
    pub(crate) fn configured(&self) -> Vec<(String, Secret<String>)> {
        let set = !self.api_key.is_empty() && !self.api_secret.expose().is_empty();
        let pair = set.then(|| (self.api_key.clone(), self.api_secret.clone()));
        let others = self.keys.named.iter().cloned();
        let others = others.filter(|(id, _)| !set || *id != self.api_key);
        pair.into_iter().chain(others).collect()
    }
}

pub(super) fn validate(source: &Source, raw: Raw, report: &mut Report) -> Option<Livekit> {
    let mut judge = Judge { source, report };
    let server = server(raw.livekit.server.as_ref(), &mut judge);
    // What ships listens on this machine only; a wider address is the operator's word.
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let node = Node {
        http: judge.addr(filled(raw.node.http.as_ref()), local(7880)),
        rtc_udp: judge.addr(filled(raw.node.rtc_udp.as_ref()), local(7882)),
        node_ip: ip(raw.node.node_ip.as_ref(), &mut judge),
        webhooks: judge.addresses(raw.node.webhooks),
        rooms: node::validate(
            raw.node.rooms,
            &raw.node.limits,
            raw.node.ingress,
            &mut judge,
        ),
    };
    let sip = Sip {
        enabled: raw.sip.enabled.unwrap_or(true),
        udp: judge.addr(filled(raw.sip.udp.as_ref()), local(5060)),
        tcp: Some(judge.addr(filled(raw.sip.tcp.as_ref()), local(5060))),
        public_ip: ip(raw.sip.public_ip.as_ref(), &mut judge),
        rtp_ports: ports(raw.sip.rtp_ports.as_ref(), &mut judge),
        answer: answer(raw.sip.answer.as_ref(), &mut judge),
        hold_limit: hold_limit(raw.sip.hold_limit.as_ref(), &mut judge),
        agent_wait: agent_wait(raw.sip.agent_wait.as_ref(), &mut judge),
        codecs: codecs(&raw.sip.codecs, &mut judge),
    };
    let text = |raw: Option<Spanned<String>>| raw.map(|text| text.value).unwrap_or_default();
    let url = text(raw.livekit.url);
    Some(Livekit {
        server,
        url: if url.is_empty() {
            format!("ws://{}", node.http)
        } else {
            url
        },
        api_key: text(raw.livekit.api_key),
        api_secret: raw
            .livekit
            .api_secret
            .map(|secret| secret.value)
            .unwrap_or_default(),
        node,
        sip,
        recording: Recording {
            enabled: raw.recording.enabled.unwrap_or(true),
            dir: raw
                .recording
                .dir
                .unwrap_or_else(|| "data/recordings".to_owned())
                .into(),
            announcement: Some(raw.recording.announcement.as_deref().unwrap_or(ANNOUNCED))
                .map(|sentence| sentence.trim().to_owned())
                .filter(|sentence| !sentence.is_empty()),
        },
        store: raw
            .store
            .path
            .unwrap_or_else(|| "data/trunkline.db".to_owned())
            .into(),
        keys: Keys {
            file: raw
                .keys
                .file
                .filter(|path| !path.is_empty())
                .unwrap_or_else(|| "data/keys.yaml".to_owned())
                .into(),
            longest_token: judge
                .duration(filled(raw.keys.longest_token.as_ref()), Purpose::LONGEST),
            read: None,
            named: Vec::new(),
        },
        drain: judge.duration(filled(raw.drain.limit.as_ref()), DRAIN),
    })
}

fn server(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Server {
    match raw.map(|raw| raw.value.as_str()) {
        None | Some("embedded") => Server::Embedded,
        Some("remote") => Server::Remote,
        Some(other) => {
            if let Some(raw) = raw {
                let remedy = nearest(other, &["embedded", "remote"]);
                judge.blame(raw, format!("there is no server kind `{other}`"), remedy);
            }
            Server::Embedded
        }
    }
}

fn ip(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Option<IpAddr> {
    let raw = filled(raw)?;
    let parsed = raw.value.parse().ok();
    if parsed.is_none() {
        let what = format!("`{}` is not an IP address", raw.value);
        judge.blame(raw, what, "write it like 203.0.113.7".to_owned());
    }
    parsed
}

fn ports(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> RangeInclusive<u16> {
    const DEFAULT: RangeInclusive<u16> = 10_000..=20_000;
    let Some(raw) = filled(raw) else {
        return DEFAULT;
    };
    let parsed = raw.value.split_once('-').and_then(|(low, high)| {
        let range = low.trim().parse::<u16>().ok()?..=high.trim().parse::<u16>().ok()?;
        (range.end() > range.start() && *range.start() >= 1024).then_some(range)
    });
    parsed.unwrap_or_else(|| {
        let what = format!("`{}` is not a range of ports", raw.value);
        judge.blame(
            raw,
            what,
            "write it like 10000-20000, from 1024 up".to_owned(),
        );
        DEFAULT
    })
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

fn hold_limit(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Duration {
    const DEFAULT: Duration = Duration::from_secs(30 * 60);
    let limit = judge.duration(filled(raw), DEFAULT);
    if let Some(raw) = raw
        && limit.is_zero()
    {
        let remedy = "write how long a phone may hold its call, such as 30m".to_owned();
        judge.blame(raw, "a call on hold would end at once".to_owned(), remedy);
        return DEFAULT;
    }
    limit
}

/// A caller who waits for no time at all could not be answered.
fn agent_wait(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Duration {
    let raw = filled(raw);
    let wait = judge.duration(raw, AGENT_WAIT);
    if let Some(raw) = raw.filter(|_| wait < SHORTEST_WAIT) {
        let what = format!("`{}` is too short for an agent to come", raw.value);
        judge.blame(raw, what, "write 1s or more".to_owned());
    }
    wait
}

fn codecs(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<Codec> {
    let mut codecs = Vec::new();
    for name in raw {
        match name.value.to_ascii_uppercase().as_str() {
            "PCMU" => codecs.push(Codec::Pcmu),
            "PCMA" => codecs.push(Codec::Pcma),
            other => {
                let remedy = nearest(other, &["PCMU", "PCMA"]);
                judge.blame(name, format!("codec `{other}` is not known here"), remedy);
            }
        }
    }
    if codecs.is_empty() {
        vec![Codec::Pcmu, Codec::Pcma]
    } else {
        codecs
    }
}

pub(super) fn redacted<S: Serializer>(
    secret: &Secret<String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose().is_empty() {
        ""
    } else {
        "[redacted]"
    })
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

fn answer_word<S: Serializer>(answer: &AnswerPolicy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match answer {
        AnswerPolicy::OnAgent => "on_agent",
        AnswerPolicy::OnRoom => "on_room",
    })
}

fn codec_names<S: Serializer>(codecs: &[Codec], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(
        codecs
            .iter()
            .map(|codec| format!("{codec:?}").to_uppercase()),
    )
}
