//! The room as a conversation sees it: where its voice and its notes go, and what comes in.

use futures::future::BoxFuture;
use trunkline_base::secret::Personal;

use super::VOICE_FRAME;
use crate::tools::Target;
use crate::turn::{AgentState, Line};

/// What comes in.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// 20 ms of the caller's sound at 16 kHz.
    Frame(Vec<i16>),
    /// A key.
    Digit(char),
    /// The call was held, or is no longer.
    Line(Line),
    /// The caller left.
    Left,
    /// The room is over.
    Closed,
}

/// Where a conversation's voice and notes go.
pub(crate) trait Stage: Send {
    /// Sends 20 ms of the agent's sound; false when there is nowhere to send it.
    fn play(&mut self, frame: &[i16; VOICE_FRAME]) -> bool;

    /// Tells the room something. Must not wait; what the room cannot take is dropped.
    fn tell(&mut self, note: Note);

    /// Passes the call on, which lasts as long as it rings.
    fn transfer(&mut self, name: &str, target: &Target) -> Doing;

    /// Presses keys of the telephone, one after the other.
    fn press(&mut self, keys: &str) -> Doing;
}

/// Something that is being done to the call; a failure says why, as a part of a sentence.
pub(crate) type Doing = BoxFuture<'static, Result<(), String>>;

/// Something the room should know.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    /// For `lk.agent.state`.
    State(AgentState),
    Transcript(Piece),
    /// For an attribute of the agent's.
    Attribute {
        key: String,
        value: String,
    },
}

/// A piece of transcript; pieces of one segment replace each other.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) segment: String,
    pub(crate) text: Personal<String>,
    pub(crate) last: bool,
    pub(crate) by_caller: bool,
}
