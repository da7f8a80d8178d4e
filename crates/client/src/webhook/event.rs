//! A verified event.

use std::fmt;
use std::sync::Arc;

use livekit_protocol as proto;
use sha2::{Digest as _, Sha256};
use trunkline_base::time::UnixTime;

use super::error::WebhookError;
use super::lenient;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $variant:ident => $word:literal,)+) => {
        /// What happened at the server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum WebhookKind {
            $($(#[$doc])+ $variant,)+
            /// Something newer than this library.
            Other,
        }

        impl WebhookKind {
            /// Every kind that has a word.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// From LiveKit's word.
            pub fn from_word(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    _ => Self::Other,
                }
            }

            /// LiveKit's word; `other` for what has none here.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other => "other",
                }
            }
        }
    };
}

kinds! {
    /// A room opened.
    RoomStarted => "room_started",
    /// A room closed.
    RoomFinished => "room_finished",
    /// A participant is in.
    ParticipantJoined => "participant_joined",
    /// A participant is gone.
    ParticipantLeft => "participant_left",
    /// A participant went before being in.
    ParticipantConnectionAborted => "participant_connection_aborted",
    /// A track is up.
    TrackPublished => "track_published",
    /// A track is down.
    TrackUnpublished => "track_unpublished",
    /// A recording begins.
    EgressStarted => "egress_started",
    /// A recording changed.
    EgressUpdated => "egress_updated",
    /// A recording is over.
    EgressEnded => "egress_ended",
    /// An import begins.
    IngressStarted => "ingress_started",
    /// An import is over.
    IngressEnded => "ingress_ended",
    /// An agent's job begins.
    AgentJobStarted => "agent_job_started",
    /// An agent's job is over.
    AgentJobEnded => "agent_job_ended",
}

/// A verified event: its kind, the whole message in `detail`, and the text it came as. It does not
/// print what it holds.
#[derive(Clone, PartialEq)]
pub struct WebhookEvent {
    /// What happened.
    pub kind: WebhookKind,
    /// Everything about it that LiveKit's messages have a place for.
    pub detail: proto::WebhookEvent,
    id: String,
    raw: Arc<str>,
}

impl WebhookEvent {
    /// Reads an event that was verified before, such as one from a store.
    ///
    /// # Errors
    /// [`WebhookError::Body`] when it is not an event.
    pub fn parse(body: &[u8]) -> Result<Self, WebhookError> {
        let raw = std::str::from_utf8(body).map_err(|_| WebhookError::Body)?;
        let json = serde_json::from_str(raw).map_err(|_| WebhookError::Body)?;
        let detail = lenient::detail(&json).ok_or(WebhookError::Body)?;
        if detail.event.is_empty() {
            return Err(WebhookError::Body);
        }
        let id = if detail.id.is_empty() {
            digest_id(body)
        } else {
            detail.id.clone()
        };
        Ok(Self {
            kind: WebhookKind::from_word(&detail.event),
            detail,
            id,
            raw: raw.into(),
        })
    }

    /// The event's id, for telling repeats apart. One that came without is named by its content.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// LiveKit's word for what happened, also where it is newer than this library.
    pub fn word(&self) -> &str {
        &self.detail.event
    }

    /// When it happened, in whole seconds, where the server says it.
    pub fn created_at(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.detail.created_at).ok()?;
        (seconds > 0).then(|| UnixTime::from_secs(seconds))
    }

    /// The text that was sent.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Everything that was sent, also the fields this library does not know.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.raw).unwrap_or_default()
    }

    /// The room's name, wherever the event tells it.
    pub fn room(&self) -> Option<&str> {
        let detail = &self.detail;
        let room = detail.room.as_ref().map(|room| room.name.as_str());
        let egress = || Some(detail.egress_info.as_ref()?.room_name.as_str());
        let ingress = || Some(detail.ingress_info.as_ref()?.room_name.as_str());
        let job = || Some(detail.job.as_ref()?.room.as_ref()?.name.as_str());
        room.or_else(egress)
            .or_else(ingress)
            .or_else(job)
            .filter(|name| !name.is_empty())
    }

    /// The participant's identity, where there is one.
    pub fn participant(&self) -> Option<&str> {
        self.detail
            .participant
            .as_ref()
            .map(|participant| participant.identity.as_str())
    }
}

impl fmt::Debug for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookEvent({}, {})", self.kind.as_str(), self.id)
    }
}

fn digest_id(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("EV_sha256_{}", hex.collect::<String>())
}
