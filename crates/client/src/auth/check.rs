//! What is wrong with claims, before anyone signs them.
//!
//! A server accepts every well-signed token, so what must not be signed is caught here: rights
//! that contradict each other or mean nothing, rights wider than the bearer's purpose, lives
//! without end, sizes that a server refuses, storage credentials that every bearer could read.

use std::fmt;
use std::time::Duration;

use livekit_protocol as proto;
use serde::Deserialize as _;
use serde_json::Value;
use trunkline_base::token::{AgentGrant, Claims, VideoGrant};

use super::role::Purpose;

/// LiveKit's limit for identities and names, in bytes.
const MAX_NAME: usize = 256;
/// LiveKit's limit for a participant's metadata, in bytes.
const MAX_METADATA: usize = 512 * 1024;
/// LiveKit's limit for all of a participant's attributes, in bytes.
const MAX_ATTRIBUTES: usize = 64 * 1024;

/// What may be published.
const SOURCES: [&str; 4] = ["camera", "microphone", "screen_share", "screen_share_audio"];

/// One thing that is wrong with a token's claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A right that is for one room, and no room.
    #[error("{right} is for one room and none is named; name the room")]
    RoomMissing { right: &'static str },
    /// Nobody is to join.
    #[error("roomJoin needs an identity and there is none; name the bearer")]
    IdentityMissing,
    /// Something that cannot be seen is in the identity.
    #[error("the identity holds a control character; leave it out")]
    IdentityControl,
    /// Over a limit of LiveKit's.
    #[error("{what} is {len} bytes long and LiveKit takes {max}; shorten it")]
    TooLong {
        /// The claim.
        what: &'static str,
        /// Bytes there are.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A right that does not belong to this purpose.
    #[error(
        "{right} reaches beyond what a {purpose} token is for; sign a separate token for it, or \
         allow a wide token deliberately"
    )]
    OverWide {
        right: &'static str,
        /// Who would hold it.
        purpose: Purpose,
    },
    /// Two claims of which one must go.
    #[error("{first} contradicts {second}; leave one of them out")]
    Contradiction {
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A claim that means nothing by itself.
    #[error("{claim} means nothing without {needs}; add {needs} or leave {claim} out")]
    Idle {
        claim: &'static str,
        needs: &'static str,
    },
    /// Not a source of tracks.
    #[error(
        "canPublishSources[{index}] is none of camera, microphone, screen_share, \
         screen_share_audio"
    )]
    UnknownSource {
        /// Its place in the list.
        index: usize,
    },
    /// Not LiveKit's message.
    #[error("roomConfig is not a RoomConfiguration; write it as LiveKit's protobuf JSON")]
    RoomConfig,
    /// A secret that every bearer could read.
    #[error(
        "{place} carries a storage credential, and whoever holds the token can read it; keep the \
         credential in the server's configuration"
    )]
    Credentials {
        /// Where in the claims.
        place: String,
    },
    /// Expires at once, or never.
    #[error("the token has no life; let it be valid for a second or more")]
    NoLife,
    /// Lives too long.
    #[error(
        "the token is valid for {} and a {purpose} token may be for {}; shorten it, or allow a \
         wide token deliberately", Hours(*asked), Hours(purpose.longest())
    )]
    LivesTooLong {
        /// How long it would live.
        asked: Duration,
        /// Who would hold it.
        purpose: Purpose,
    },
}

/// Everything that is wrong with a token's claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// What is wrong with claims for this purpose, beyond what is allowed deliberately.
    pub(super) fn of(claims: &Claims, purpose: Purpose, allowed: Allowed) -> Result<(), Self> {
        let mut faults = faults(claims, purpose);
        faults.retain(|fault| match fault {
            Fault::OverWide { .. } | Fault::LivesTooLong { .. } => !allowed.wide,
            Fault::Credentials { .. } => !allowed.credentials,
            _ => true,
        });
        if faults.is_empty() {
            return Ok(());
        }
        Err(Self(faults))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; also: ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

/// What an operator allows deliberately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) wide: bool,
    pub(super) credentials: bool,
}

/// What is wrong with claims for this purpose, everything of it.
pub fn faults(claims: &Claims, purpose: Purpose) -> Vec<Fault> {
    let mut found = Vec::new();
    life(claims, purpose, &mut found);
    sizes(claims, &mut found);
    width(claims, purpose, &mut found);
    if let Some(video) = &claims.video {
        room(claims, video, &mut found);
        media(video, &mut found);
    }
    if let Some(config) = &claims.room_config {
        if proto::RoomConfiguration::deserialize(config).is_err() {
            found.push(Fault::RoomConfig);
        }
        if let Some(egress) = config.get("egress") {
            credentials(egress, "roomConfig.egress".to_owned(), &mut found);
        }
    }
    found
}

fn life(claims: &Claims, purpose: Purpose, found: &mut Vec<Fault>) {
    match claims.life_secs().map(Duration::from_secs) {
        None | Some(Duration::ZERO) => found.push(Fault::NoLife),
        Some(asked) if asked > purpose.longest() => {
            found.push(Fault::LivesTooLong { asked, purpose });
        }
        Some(_) => {}
    }
}

fn sizes(claims: &Claims, found: &mut Vec<Fault>) {
    let attributes = claims
        .attributes
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    let limits = [
        ("the identity", claims.identity().len(), MAX_NAME),
        ("the name", claims.name.len(), MAX_NAME),
        ("the metadata", claims.metadata.len(), MAX_METADATA),
        ("the attributes together", attributes, MAX_ATTRIBUTES),
    ];
    for (what, len, max) in limits {
        if len > max {
            found.push(Fault::TooLong { what, len, max });
        }
    }
    if claims.identity().contains(char::is_control) {
        found.push(Fault::IdentityControl);
    }
}

/// Rights over the whole server are for those who call its API, and they do not join.
fn width(claims: &Claims, purpose: Purpose, found: &mut Vec<Fault>) {
    let video = claims.video.as_ref();
    let of = |right: fn(&VideoGrant) -> bool| video.is_some_and(right);
    let server = purpose == Purpose::Server;
    let rights = [
        ("roomCreate", of(|video| video.room_create), server),
        ("roomList", of(|video| video.room_list), server),
        ("roomRecord", of(|video| video.room_record), server),
        ("ingressAdmin", of(|video| video.ingress_admin), server),
        ("sip.admin", claims.sip.is_some_and(|sip| sip.admin), server),
        ("sip.call", claims.sip.is_some_and(|sip| sip.call), server),
        (
            "agent (the claim)",
            claims
                .agent
                .is_some_and(|agent| agent != AgentGrant::default()),
            server,
        ),
        ("agent", of(|video| video.agent), purpose == Purpose::Agent),
        ("roomJoin", of(|video| video.room_join), !server),
        (
            "hidden",
            of(|video| video.hidden),
            matches!(purpose, Purpose::Service | Purpose::Agent),
        ),
        (
            "recorder",
            of(|video| video.recorder),
            matches!(purpose, Purpose::Service),
        ),
    ];
    for (right, held, belongs) in rights {
        if held && !belongs {
            found.push(Fault::OverWide { right, purpose });
        }
    }
}

/// Rights that are for one room, and who comes.
fn room(claims: &Claims, video: &VideoGrant, found: &mut Vec<Fault>) {
    for (right, held) in [
        ("roomJoin", video.room_join),
        ("roomAdmin", video.room_admin),
    ] {
        if held && video.room.is_empty() {
            found.push(Fault::RoomMissing { right });
        }
    }
    if video.room_join && claims.identity().is_empty() {
        found.push(Fault::IdentityMissing);
    }
    if !video.destination_room.is_empty() {
        if !video.room_admin {
            found.push(Fault::Idle {
                claim: "destinationRoom",
                needs: "roomAdmin",
            });
        }
        if video.destination_room == video.room {
            found.push(Fault::Contradiction {
                first: "destinationRoom",
                second: "room, which is the same",
            });
        }
    }
}

/// Rights inside a room.
fn media(video: &VideoGrant, found: &mut Vec<Fault>) {
    let listed = !video.can_publish_sources.is_empty();
    let publishes = video.can_publish == Some(true) || listed;
    if video.can_publish == Some(false) && listed {
        found.push(Fault::Contradiction {
            first: "canPublish: false",
            second: "canPublishSources",
        });
    }
    if video.hidden && publishes && !video.agent {
        found.push(Fault::Contradiction {
            first: "hidden",
            second: "the right to publish, which nobody would see",
        });
    }
    if video.recorder && publishes {
        found.push(Fault::Contradiction {
            first: "recorder",
            second: "the right to publish",
        });
    }
    for (index, source) in video.can_publish_sources.iter().enumerate() {
        if !SOURCES.contains(&source.as_str()) {
            found.push(Fault::UnknownSource { index });
        }
    }
    let inside = [
        ("canPublish", video.can_publish == Some(true)),
        ("canPublishSources", listed),
        ("canSubscribe", video.can_subscribe == Some(true)),
        ("canPublishData", video.can_publish_data == Some(true)),
        (
            "canUpdateOwnMetadata",
            video.can_update_own_metadata == Some(true),
        ),
        (
            "canSubscribeMetrics",
            video.can_subscribe_metrics == Some(true),
        ),
        ("hidden", video.hidden),
        ("recorder", video.recorder),
    ];
    for (claim, given) in inside {
        if given && !video.room_join {
            found.push(Fault::Idle {
                claim,
                needs: "roomJoin",
            });
        }
    }
}

/// Secrets anywhere below a place, in either spelling of protobuf JSON. A stream's address holds
/// its key, so that is one too.
fn credentials(value: &Value, place: String, found: &mut Vec<Fault>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let place = format!("{place}.{name}");
                if is_secret(name) && !is_blank(field) {
                    found.push(Fault::Credentials { place });
                } else {
                    credentials(field, place, found);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                credentials(item, format!("{place}[{index}]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_secret(name: &str) -> bool {
    const SECRETS: [&str; 6] = [
        "secret",
        "sessiontoken",
        "credentials",
        "accountkey",
        "password",
        "streamoutputs",
    ];
    let plain = name.replace('_', "").to_ascii_lowercase();
    SECRETS.contains(&plain.as_str())
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// A duration in the unit a person would say it in.
struct Hours(Duration);

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0.as_secs();
        match secs {
            0..=119 => write!(f, "{secs} s"),
            120..=7199 => write!(f, "{} min", secs / 60),
            _ => write!(f, "{} h", secs / 3600),
        }
    }
}
