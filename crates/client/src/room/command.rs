//! What handles ask of the room task. Bounded; every request carries its typed answer.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use trunkline_base::id::{ParticipantIdentity, TrackSid};
use trunkline_base::lane::LaneSender;

use super::error::{PublishError, RequestError};
use super::media::{AudioOptions, OpusFrame};
use super::message::DataMessage;
use super::snapshot::DisconnectReason;

/// Places in the command lane. Filling it means the room task does not run: callers wait with
/// [`ANSWER_LIMIT`].
pub(super) const COMMAND_DEPTH: usize = 64;

/// Packets waiting to be sent, over all tracks: more than a second of one voice. Filling it means
/// the room task does not keep up, and the oldest are dropped.
pub(super) const OUTGOING_DEPTH: usize = 64;

/// Longest wait of a handle for the task's answer. The task itself gives up on the server earlier.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Names a local track for as long as the room lives, whatever sid the server gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TrackKey(pub(super) u32);

/// A packet on its way to the room task.
#[derive(Clone, Debug)]
pub(super) struct OutgoingFrame {
    pub(super) track: TrackKey,
    pub(super) frame: OpusFrame,
}

/// What a handle of a published track holds.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) key: TrackKey,
    pub(super) lane: LaneSender<OutgoingFrame>,
    pub(super) state: watch::Receiver<LocalTrackState>,
}

/// What the room task tells the handles of a local track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalTrackState {
    pub(super) sid: TrackSid,
    pub(super) subscribed: bool,
    pub(super) muted: bool,
}

/// A piece of a text stream on its way to the room task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutgoingText {
    pub(super) stream_id: String,
    pub(super) destinations: Vec<ParticipantIdentity>,
    pub(super) sender: Option<ParticipantIdentity>,
    pub(super) body: TextBody,
}

/// The three kinds of piece.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum TextBody {
    Header {
        topic: String,
        attributes: BTreeMap<String, String>,
        total: Option<u64>,
    },
    Chunk {
        index: u64,
        content: Vec<u8>,
    },
    Trailer {
        attributes: BTreeMap<String, String>,
    },
}

impl std::fmt::Debug for TextBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header { .. } => "Header",
            Self::Chunk { .. } => "Chunk",
            Self::Trailer { .. } => "Trailer",
        })
    }
}

pub(super) type Answer<T, E = RequestError> = oneshot::Sender<Result<T, E>>;

/// A request to the room task.
#[derive(Debug)]
pub(super) enum Command {
    /// Publish a track.
    Publish {
        options: AudioOptions,
        answer: Answer<Published, PublishError>,
    },
    /// Withdraw a track.
    Unpublish { track: TrackKey, answer: Answer<()> },
    /// Mute or unmute a track.
    Mute {
        track: TrackKey,
        muted: bool,
        answer: Answer<()>,
    },
    /// Change what others see of us; empty means keep.
    Update {
        change: LocalChange,
        answer: Answer<()>,
    },
    /// Want a track or not.
    Subscribe {
        sid: TrackSid,
        wanted: bool,
        answer: Answer<()>,
    },
    /// Send a data packet.
    Data {
        message: DataMessage,
        answer: Answer<()>,
    },
    /// Send a telephone key.
    Dtmf {
        code: u32,
        digit: String,
        to: Vec<ParticipantIdentity>,
        answer: Answer<()>,
    },
    /// Send a piece of a text stream.
    Text {
        piece: OutgoingText,
        answer: Answer<()>,
    },
    Leave {
        reason: DisconnectReason,
        answer: Answer<()>,
    },
}

/// What to change of ourselves.
#[derive(Clone, Debug, Default)]
pub(super) struct LocalChange {
    pub(super) name: String,
    pub(super) metadata: String,
    pub(super) attributes: BTreeMap<String, String>,
}

/// Sends a request and waits for its answer.
pub(super) async fn ask<T, E>(
    commands: &mpsc::Sender<Command>,
    make: impl FnOnce(Answer<T, E>) -> Command,
) -> Result<T, E>
where
    E: From<NoAnswer>,
{
    let (answer, answered) = oneshot::channel();
    let exchange = async {
        commands
            .send(make(answer))
            .await
            .map_err(|_| NoAnswer::Closed)?;
        answered.await.map_err(|_| NoAnswer::Closed)
    };
    match tokio::time::timeout(ANSWER_LIMIT, exchange).await {
        Ok(Ok(result)) => result,
        Ok(Err(closed)) => Err(closed.into()),
        Err(_elapsed) => Err(NoAnswer::Timeout.into()),
    }
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoAnswer {
    Closed,
    Timeout,
}

impl From<NoAnswer> for RequestError {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Closed => Self::Closed,
            NoAnswer::Timeout => Self::Timeout,
        }
    }
}

impl From<NoAnswer> for PublishError {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Closed => Self::Closed,
            NoAnswer::Timeout => Self::Timeout,
        }
    }
}
