//! What the media plane tells the signalling layer.

use std::collections::BTreeMap;

use livekit_protocol::{SpeakerInfo, TrackInfo};
use trunkline_base::id::{ParticipantSid, TrackSid};

use crate::peer::SdpError;

/// What the media plane tells the signalling layer. The order matters: write messages to clients
/// in the order of the events that cause them.
#[derive(Debug, Clone, PartialEq)]
pub enum SfuEvent {
    /// Answer to a client's offer. Send as `answer`.
    Answer {
        /// The client.
        to: ParticipantSid,
        description: Described,
    },
    /// Offer for a client's subscriber connection. Send as `offer`.
    Offer {
        /// The client.
        to: ParticipantSid,
        description: Described,
    },
    /// A single-connection client must add receive sections and offer again; both counts may be
    /// zero. Send as `media_sections_requirement`.
    SectionsRequired {
        /// The client.
        to: ParticipantSid,
        /// Audio sections missing.
        audios: u32,
        /// Video sections missing.
        videos: u32,
    },
    /// A track announced while its client id was taken is now accepted. Send as
    /// `track_published`.
    TrackAccepted {
        /// The publisher.
        to: ParticipantSid,
        /// The client's name of the track.
        cid: String,
        info: TrackInfo,
    },
    /// A track is on the air: tell the others by a participant update, before anything that
    /// follows.
    TrackPublished {
        /// The publisher.
        by: ParticipantSid,
        info: TrackInfo,
    },
    /// Something about a track changed, such as being muted: participant update.
    TrackChanged {
        /// The publisher.
        by: ParticipantSid,
        /// The track as it is now.
        info: TrackInfo,
    },
    /// A track ended: participant update.
    TrackUnpublished {
        /// The publisher.
        by: ParticipantSid,
        /// The track as it last was.
        info: TrackInfo,
        /// The server took it away: also send `track_unpublished` to the publisher.
        revoked: bool,
    },
    /// Somebody hears a track for the first time. Send `track_subscribed` to the publisher.
    TrackSubscribed {
        publisher: ParticipantSid,
        track: TrackSid,
    },
    /// Whether a subscriber may have a track was decided or changed. Send
    /// `subscription_permission_update`.
    SubscriptionAllowed {
        /// The subscriber.
        to: ParticipantSid,
        publisher: ParticipantSid,
        track: TrackSid,
        allowed: bool,
    },
    /// A subscription cannot be met. Send `subscription_response`.
    SubscriptionFailed {
        /// The subscriber.
        to: ParticipantSid,
        track: String,
        /// Why.
        error: livekit_protocol::SubscriptionError,
    },
    /// The primary connection of a participant is up for the first time: it is active.
    Connected { participant: ParticipantSid },
    /// A connection has been without a path for too long, or ended. Tell the client to resume.
    TransportFailed {
        participant: ParticipantSid,
        /// Which of its connections.
        target: Target,
    },
    /// A connection that had lost its path has one again.
    TransportRestored { participant: ParticipantSid },
    /// Descriptions could not be agreed on, in content or in time. The client must reconnect in
    /// full.
    NegotiationFailed {
        participant: ParticipantSid,
        /// Why, for the log.
        reason: NegotiationFailure,
    },
    /// Speakers changed, as far as this recipient should know. Send as `speakers_changed`.
    Speakers {
        /// The recipient.
        to: ParticipantSid,
        /// Only the changes; level 0 and inactive for those who stopped.
        speakers: Vec<SpeakerInfo>,
    },
    /// A participant has received a call of one of its methods.
    CallReceived {
        /// The call.
        id: String,
    },
    /// A participant has answered a call of one of its methods.
    CallAnswered {
        /// The call.
        id: String,
        /// What it returned, or how it failed.
        value: Option<livekit_protocol::rpc_response::Value>,
    },
    /// A peer answers to this ICE user fragment from now on: route datagrams that name it here.
    FragmentAdded {
        /// The peer's number within the room; never used twice.
        peer: u64,
        /// The fragment.
        ufrag: String,
    },
    /// A peer has answered a check from this address: route what comes from there here, unless
    /// another peer that is alive has the address.
    AddressChecked {
        peer: u64,
        /// The address.
        from: std::net::SocketAddr,
    },
    /// Nobody answers to this fragment any more.
    FragmentRetired {
        /// The fragment.
        ufrag: String,
    },
}

use super::config::Target;

/// A description ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The text.
    pub sdp: String,
    /// Its id; an answer repeats the offer's.
    pub id: u32,
    /// Track id per section we send on, always complete.
    pub mid_to_track_id: BTreeMap<String, String>,
}

/// Why descriptions could not be agreed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationFailure {
    /// A description from the client was refused.
    #[error("description refused")]
    Refused(#[from] SdpError),
    /// The client did not answer an offer in time.
    #[error("no answer in time")]
    TimedOut,
}

impl NegotiationFailure {
    /// The reason in a word, for counting.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Refused(SdpError::TooMuch(_)) => "too_much",
            Self::Refused(SdpError::Unreadable(_)) => "unreadable",
            Self::Refused(SdpError::Refused(_)) => "contradictory",
            Self::Refused(SdpError::NoOfferOpen | SdpError::OfferOpen) => "out_of_order",
            Self::Refused(SdpError::Closed) => "closed",
            Self::TimedOut => "no_answer",
        }
    }
}
