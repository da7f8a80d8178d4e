//! One conversation in one room, owned by one task.
//!
//! ```text
//!  room: frames, keys, leaving ─► Conversation ─► frames, transcripts, states: Stage
//!  models, brains (child tasks)  ◄─► turn::Machine decides, the task obeys
//! ```
//! `run` joins the room and picks the caller; `Conversation` does the talking and knows no
//! room, so that tests hold one without a server. Slow work runs in child tasks that report back;
//! everything they report carries the id of the answer it belongs to and is dropped when that
//! answer is over.

mod ahead;
mod bill;
mod cache;
mod conversation;
mod desk;
mod fault;
mod hearing;
mod journal;
mod lately;
mod listener;
mod make;
mod mouth;
mod reply;
mod room;
mod sentences;
mod shared;
mod stage;
mod synthesis;
#[cfg(test)]
mod tests;

pub(crate) use ahead::warm;
pub(crate) use cache::VoiceCache;
pub(crate) use room::{Joining, run};
pub(crate) use shared::Shared;

use crate::brain::Farewell;

/// Why a conversation is over; the words are those of livekit/agents where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The caller left.
    ParticipantDisconnected,
    /// The agent hung up after a goodbye.
    TaskCompleted,
    /// The agent hung up: the caller said nothing for too long.
    CallerSilent,
    /// The agent hung up: many turns led nowhere.
    NoProgress,
    /// The agent hung up on a machine.
    Machine,
    /// The agent hung up: its providers cost more than a call may.
    CostLimit,
    /// Too many failures.
    Error,
    /// The process or the server ended it.
    JobShutdown,
    /// Nobody came.
    NoCaller,
}

impl CloseReason {
    /// Whether the agent ended the call.
    pub(crate) fn is_agents(self) -> bool {
        match self {
            Self::TaskCompleted
            | Self::CallerSilent
            | Self::NoProgress
            | Self::Machine
            | Self::CostLimit
            | Self::Error => true,
            Self::ParticipantDisconnected | Self::JobShutdown | Self::NoCaller => false,
        }
    }

    /// The word in logs, metrics and storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ParticipantDisconnected => "participant_disconnected",
            Self::TaskCompleted => "task_completed",
            Self::CallerSilent => "caller_silent",
            Self::NoProgress => "no_progress",
            Self::Machine => "machine",
            Self::CostLimit => "cost_limit",
            Self::Error => "error",
            Self::JobShutdown => "job_shutdown",
            Self::NoCaller => "no_caller",
        }
    }
}

impl From<Farewell> for CloseReason {
    fn from(farewell: Farewell) -> Self {
        match farewell {
            Farewell::Done => Self::TaskCompleted,
            Farewell::Silence => Self::CallerSilent,
            Farewell::NoProgress => Self::NoProgress,
            Farewell::Machine => Self::Machine,
        }
    }
}

/// Rate the agent's voice is sent at: everything a voice model makes, and cheap to encode.
pub(crate) const VOICE_RATE: u32 = 24_000;

/// Samples of one frame of 20 ms.
pub(crate) const VOICE_FRAME: usize = 480;
