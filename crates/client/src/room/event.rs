//! What happens in a room, in order.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::sync::mpsc;
use trunkline_base::id::{ParticipantIdentity, TrackSid};
use trunkline_base::secret::Personal;

use super::media::RemoteTrack;
use super::snapshot::{DisconnectReason, ParticipantInfo, TrackInfo};

/// Something that happened.
#[derive(Debug)]
pub enum RoomEvent {
    /// Somebody came; also told for everybody present at our join.
    ParticipantJoined(ParticipantInfo),
    /// Somebody went.
    ParticipantLeft {
        /// As they were last seen.
        info: ParticipantInfo,
        /// Why.
        reason: DisconnectReason,
    },
    /// Name, metadata, attributes or permission changed, ours included.
    ParticipantChanged(ParticipantInfo),
    /// A track was announced.
    TrackPublished {
        participant: ParticipantIdentity,
        track: TrackInfo,
    },
    /// A track was withdrawn.
    TrackUnpublished {
        participant: ParticipantIdentity,
        track: TrackInfo,
    },
    /// Media of a track arrives from now on.
    TrackSubscribed(RemoteTrack),
    /// Media of a track stopped for good.
    TrackUnsubscribed {
        participant: ParticipantIdentity,
        sid: TrackSid,
    },
    /// A track was muted or unmuted by its publisher, or ours by an administrator.
    TrackMuted {
        participant: ParticipantIdentity,
        sid: TrackSid,
        /// The new state.
        muted: bool,
    },
    /// Who speaks now, loudest first; complete, not a change.
    Speakers(Vec<Speaker>),
    /// A data packet.
    Data(DataReceived),
    /// A telephone key.
    Dtmf {
        /// Who pressed it.
        from: Option<ParticipantIdentity>,
        /// RFC 4733 event code.
        code: u32,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: String,
    },
    /// A complete text stream.
    Text(TextReceived),
    /// Somebody hears a track of ours for the first time.
    LocalTrackSubscribed(TrackSid),
    /// The room's metadata or recording flag changed; see the snapshot.
    RoomUpdated,
    /// Sound goes to and fro for the first time.
    Connected,
    /// The connection is lost and sought again.
    Reconnecting,
    /// The connection is back.
    Reconnected,
    /// The end; nothing follows.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
    },
}

/// One who speaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Speaker {
    pub identity: ParticipantIdentity,
    /// How loud, 0 to 1.
    pub level: f32,
}

/// A received data packet.
#[derive(Clone, PartialEq, Eq)]
pub struct DataReceived {
    /// Who sent it; nobody when it came through the API.
    pub from: Option<ParticipantIdentity>,
    pub topic: Option<String>,
    pub payload: Bytes,
    /// Over the reliable channel.
    pub reliable: bool,
}

impl std::fmt::Debug for DataReceived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataReceived")
            .field("topic", &self.topic)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextReceived {
    /// Its topic, such as `lk.transcription`.
    pub topic: String,
    /// Who sent it.
    pub from: Option<ParticipantIdentity>,
    /// The stream's id.
    pub id: String,
    /// Attributes of header and trailer together.
    pub attributes: BTreeMap<String, String>,
    pub text: Personal<String>,
}

#[derive(Debug)]
pub struct RoomEvents {
    pub(super) events: mpsc::Receiver<RoomEvent>,
}

impl RoomEvents {
    /// The next event; nothing after [`RoomEvent::Disconnected`].
    ///
    /// # Cancel safety
    /// Safe: an event is either returned or still queued.
    pub async fn next(&mut self) -> Option<RoomEvent> {
        self.events.recv().await
    }
}
