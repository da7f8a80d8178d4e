//! What the rooms tell those around them.

use livekit_protocol as proto;

/// What happened in a room, for webhooks and agent dispatch. Sent in order per room.
#[derive(Debug, Clone)]
pub enum RoomNotice {
    /// A room exists now (CreateRoom or first join). `agents` are those asked for by the request
    /// or the token's `roomConfig`; empty means the implicit unnamed dispatch. A room that a
    /// process before this one had brings its `dispatches` instead.
    RoomStarted {
        room: proto::Room,
        agents: Vec<proto::RoomAgentDispatch>,
        dispatches: Option<Vec<proto::AgentDispatch>>,
    },
    /// The room closed; everybody has left.
    RoomFinished {
        room: proto::Room,
        reason: proto::RoomEndReason,
    },
    /// A non-dependent participant was let in (not ACTIVE yet): the moment of JT_PARTICIPANT jobs.
    ParticipantEntered {
        room: proto::Room,
        participant: proto::ParticipantInfo,
    },
    /// A participant became ACTIVE for the first time: webhook `participant_joined`.
    ParticipantJoined {
        room: proto::Room,
        participant: proto::ParticipantInfo,
    },
    /// A participant that was ACTIVE is gone: webhook `participant_left`.
    ParticipantLeft {
        room: proto::Room,
        participant: proto::ParticipantInfo,
    },
    /// A participant left without ever becoming ACTIVE: `participant_connection_aborted`.
    ConnectionAborted {
        room: proto::Room,
        participant: proto::ParticipantInfo,
    },
    /// Webhook `track_published`; `first` marks the participant's first track (JT_PUBLISHER).
    TrackPublished {
        room: proto::Room,
        participant: proto::ParticipantInfo,
        track: proto::TrackInfo,
        first: bool,
    },
    /// Webhook `track_unpublished`.
    TrackUnpublished {
        room: proto::Room,
        participant: proto::ParticipantInfo,
        track: proto::TrackInfo,
    },
}

/// Figures of the whole node, latest wins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occupancy {
    pub rooms: usize,
    /// Open participant sessions, dependents included.
    pub participants: usize,
    /// Tracks published.
    pub tracks: usize,
}
