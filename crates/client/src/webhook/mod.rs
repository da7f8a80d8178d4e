//! What the server posts: verified, then typed.
//!
//! LiveKit signs a webhook with a token in `Authorization` (without `Bearer`) whose `sha256` claim
//! is the base64 digest of the body's exact bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use livekit_protocol as proto;
use sha2::{Digest, Sha256};
use trunkline_base::class::{Class, Classified};
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;

/// Why a post is not a webhook of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The token is absent, forged, expired, or by a key we do not know.
    #[error("webhook is not signed by a known key")]
    Signature,
    /// The token is of another body.
    #[error("webhook body does not match its signature")]
    Digest,
    /// Signed, but no event.
    #[error("webhook body is not an event")]
    Body,
}

impl Classified for WebhookError {
    fn class(&self) -> Class {
        match self {
            Self::Signature | Self::Digest => Class::Denied,
            Self::Body => Class::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Signature => "client.webhook.signature",
            Self::Digest => "client.webhook.digest",
            Self::Body => "client.webhook.body",
        }
    }
}

/// What happened at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WebhookKind {
    /// A room opened.
    RoomStarted,
    /// A room closed.
    RoomFinished,
    /// A participant is in.
    ParticipantJoined,
    /// A participant is gone.
    ParticipantLeft,
    /// A participant went before being in.
    ParticipantConnectionAborted,
    /// A track is up.
    TrackPublished,
    /// A track is down.
    TrackUnpublished,
    /// A recording begins.
    EgressStarted,
    /// A recording changed.
    EgressUpdated,
    /// A recording is over.
    EgressEnded,
    /// An import begins.
    IngressStarted,
    /// An import is over.
    IngressEnded,
    /// Something newer than this library.
    Other,
}

impl WebhookKind {
    /// From LiveKit's word.
    pub fn from_word(word: &str) -> Self {
        match word {
            "room_started" => Self::RoomStarted,
            "room_finished" => Self::RoomFinished,
            "participant_joined" => Self::ParticipantJoined,
            "participant_left" => Self::ParticipantLeft,
            "participant_connection_aborted" => Self::ParticipantConnectionAborted,
            "track_published" => Self::TrackPublished,
            "track_unpublished" => Self::TrackUnpublished,
            "egress_started" => Self::EgressStarted,
            "egress_updated" => Self::EgressUpdated,
            "egress_ended" => Self::EgressEnded,
            "ingress_started" => Self::IngressStarted,
            "ingress_ended" => Self::IngressEnded,
            _ => Self::Other,
        }
    }
}

/// A verified event: its kind, and the whole message in `detail`.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookEvent {
    /// What happened.
    pub kind: WebhookKind,
    /// Everything about it, as LiveKit sends it.
    pub detail: proto::WebhookEvent,
}

impl WebhookEvent {
    /// The event's id, for telling repeats apart.
    pub fn id(&self) -> &str {
        &self.detail.id
    }

    /// LiveKit's word for what happened.
    pub fn word(&self) -> &str {
        &self.detail.event
    }

    /// The room's name, where there is one.
    pub fn room(&self) -> Option<&str> {
        self.detail
            .room
            .as_ref()
            .map(|room| room.name.as_str())
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

/// Verifies webhooks against the keys they may be signed with.
#[derive(Clone, Debug)]
pub struct Receiver {
    keys: KeyRing,
}

impl Receiver {
    /// Accepts any key of the ring, so that a rotation loses nothing.
    pub const fn new(keys: KeyRing) -> Self {
        Self { keys }
    }

    /// Verifies signature and digest over the body's raw bytes, then reads the event.
    ///
    /// # Errors
    /// [`WebhookError`] says which of the three failed.
    pub fn verify(
        &self,
        body: &[u8],
        authorization: &str,
        now: UnixTime,
    ) -> Result<WebhookEvent, WebhookError> {
        let token = authorization
            .strip_prefix("Bearer ")
            .unwrap_or(authorization)
            .trim();
        let claims = self
            .keys
            .verify(token, now)
            .map_err(|_| WebhookError::Signature)?;
        let claimed = STANDARD
            .decode(claims.sha256)
            .map_err(|_| WebhookError::Digest)?;
        if !same_bytes(&claimed, &Sha256::digest(body)) {
            return Err(WebhookError::Digest);
        }
        let detail: proto::WebhookEvent =
            serde_json::from_slice(body).map_err(|_| WebhookError::Body)?;
        Ok(WebhookEvent {
            kind: WebhookKind::from_word(&detail.event),
            detail,
        })
    }
}

/// Compares without telling by its time where the first difference is.
fn same_bytes(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |difference, (l, r)| difference | (l ^ r))
            == 0
}

#[cfg(test)]
mod tests {
    use trunkline_base::token::{ApiKey, Claims, sign};

    use super::*;

    const NOW: UnixTime = UnixTime(1_700_000_000_000);
    const BODY: &[u8] = br#"{"event":"participant_joined","id":"EV_1","createdAt":"1700000000",
        "room":{"sid":"RM_1","name":"lobby"},"participant":{"sid":"PA_1","identity":"alice"},
        "addedLater":true}"#;

    fn signed(body: &[u8], key: &ApiKey) -> String {
        let mut claims = Claims::new("", NOW, 300);
        claims.sha256 = STANDARD.encode(Sha256::digest(body));
        sign(&claims, key).unwrap()
    }

    #[test]
    fn a_signed_event_is_read_and_unknown_fields_are_no_obstacle() {
        let key = ApiKey::new("devkey", "secret");
        let receiver = Receiver::new(KeyRing::from(key.clone()));
        let event = receiver.verify(BODY, &signed(BODY, &key), NOW).unwrap();
        assert_eq!(event.kind, WebhookKind::ParticipantJoined);
        assert_eq!((event.id(), event.room()), ("EV_1", Some("lobby")));
        assert_eq!(event.participant(), Some("alice"));
    }

    #[test]
    fn another_body_another_key_and_an_old_token_are_refused() {
        let key = ApiKey::new("devkey", "secret");
        let receiver = Receiver::new(KeyRing::from(key.clone()));
        let token = signed(BODY, &key);
        let mut changed = BODY.to_vec();
        changed[12] ^= 1;
        let verify = |body: &[u8], token: &str, now| receiver.verify(body, token, now);
        assert_eq!(verify(&changed, &token, NOW), Err(WebhookError::Digest));
        let forged = signed(BODY, &ApiKey::new("devkey", "guess"));
        assert_eq!(verify(BODY, &forged, NOW), Err(WebhookError::Signature));
        let late = NOW.plus(std::time::Duration::from_secs(3600));
        assert_eq!(verify(BODY, &token, late), Err(WebhookError::Signature));
        assert_eq!(verify(BODY, "", NOW), Err(WebhookError::Signature));
    }

    #[test]
    fn signed_nonsense_is_no_event() {
        let key = ApiKey::new("devkey", "secret");
        let receiver = Receiver::new(KeyRing::from(key.clone()));
        let verified = receiver.verify(b"[]", &signed(b"[]", &key), NOW);
        assert_eq!(verified, Err(WebhookError::Body));
    }
}
