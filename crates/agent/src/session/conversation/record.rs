//! A turn as it is written down.

use rand::rngs::SmallRng;
use tokio::time::Instant;
use trunkline_base::id::{TurnId, guid};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;
use trunkline_store::{Turn, TurnLatency};

use super::Facts;

/// A turn that is being spoken.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) turn: TurnId,
    pub(super) at: UnixTime,
    pub(super) heard: Personal<String>,
    pub(super) last_speech: Option<Instant>,
    pub(super) latency: TurnLatency,
    /// The segment of the caller's transcript.
    pub(super) caller_segment: String,
    /// The segment of the agent's transcript.
    pub(super) segment: String,
    /// Bytes of it already told to the room.
    pub(super) told: usize,
}

impl Record {
    pub(super) fn new(heard: Personal<String>, caller_segment: String, rng: &mut SmallRng) -> Self {
        Self {
            turn: TurnId::generate(rng),
            at: UnixTime::from_system(std::time::SystemTime::now()),
            heard,
            last_speech: None,
            latency: TurnLatency::default(),
            caller_segment,
            segment: guid("SG_", rng),
            told: 0,
        }
    }

    /// What the journal keeps of it.
    pub(super) fn turn(&self, facts: &Facts, said: String, interrupted: bool) -> Turn {
        Turn {
            turn_id: self.turn.clone(),
            room: facts.room.clone(),
            call_id: facts.call.clone(),
            at: self.at,
            heard: self.heard.clone(),
            said: Personal::new(said),
            interrupted,
            latency: self.latency,
        }
    }
}
