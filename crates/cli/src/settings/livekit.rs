//! `livekit.yaml`: which LiveKit, the embedded node, recording, the store. What it once said of the
//! SIP gateway is handed on to `livekit-sip-correct.yaml`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline_base::secret::Secret;
use trunkline_base::token::{ApiKey, KeyRing, LEEWAY};
use trunkline_client::auth::{LIFE, Purpose};
use trunkline_service::config::{Environment, Report, Source, Spanned, nearest};

use super::node::{self, NodeRooms, RawIngress, RawLimits, RawRooms};
use super::raw::{Address, Judge, filled, ip, redacted, seconds};
use super::sip::gateway::{Layer, RawGateway};
use crate::global::Global;
use crate::keys::{KeyFile, read_map};

/// Long enough for most calls to come to an end, short enough for an operator to wait for.
const DRAIN: Duration = Duration::from_secs(60);

/// Who is recorded is told.
const ANNOUNCED: &str = "This call is recorded.";

/// Several keys in one variable, as LiveKit's server has it: the text of a key file.
pub(crate) const KEYS: &str = "LIVEKIT_KEYS";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    livekit: RawServer,
    node: RawNode,
    sip: Option<Spanned<RawGateway>>,
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

/// What `livekit.yaml` means, and what it says of the gateway, which is another file's business.
pub(super) struct Valid {
    pub(super) livekit: Livekit,
    pub(super) gateway: Option<(Layer, Report)>,
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

    /// The keys of `LIVEKIT_KEYS`, by their ids.
    pub(crate) fn named(&self) -> &[(String, Secret<String>)] {
        &self.named
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

pub(super) fn validate(source: &Source, mut raw: Raw, report: &mut Report) -> Option<Valid> {
    let gateway = raw.sip.take();
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
    let text = |raw: Option<Spanned<String>>| raw.map(|text| text.value).unwrap_or_default();
    let url = text(raw.livekit.url);
    let livekit = Livekit {
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
    };
    let gateway = gateway.map(|raw| moved(source, raw));
    Some(Valid { livekit, gateway })
}

/// The gateway's section in its old place, and the word that it has moved.
fn moved(source: &Source, raw: Spanned<RawGateway>) -> (Layer, Report) {
    let mut notice = Report::new();
    let what = "`sip` has moved: it is `gateway` of livekit-sip-correct.yaml now";
    let remedy = "move its keys there; until then they count here".to_owned();
    notice.at(source, &raw, what, remedy);
    let layer = Layer {
        source: source.clone(),
        raw: raw.value,
    };
    (layer, notice)
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
