//! What time brings.

use std::time::{Duration, Instant};

use livekit_protocol::{DisconnectReason, RoomEndReason};
use trunkline_base::id::ParticipantSid;
use trunkline_base::token::ParticipantKind;

use super::exit::Farewell;
use super::participant::{Participant, Primary, Signal};
use super::{Now, RoomState};
use crate::signal::message;

impl RoomState {
    /// Time has passed. Early and repeated calls are harmless.
    pub(crate) fn handle_timeout(&mut self, now: Now) {
        self.sfu.handle_timeout(now.instant);
        self.after_media(now);
        for sid in self.sids() {
            self.check_participant(&sid, now);
        }
        self.check_room(now);
        self.check_calls(now);
        self.tell_counts(now);
        self.end_simulated_speech(now.instant);
    }

    /// When to call [`Self::handle_timeout`] next.
    pub(crate) fn poll_timeout(&self) -> Instant {
        let participants = self.participants.values().filter_map(Participant::deadline);
        let silence = self.participants.keys();
        let silence = silence.filter_map(|sid| self.silence_deadline(sid));
        let participants = participants.chain(silence);
        let own = [
            self.room_deadline(),
            self.counts_due,
            self.speech_due(),
            self.calls_due(),
        ];
        participants
            .chain(own.into_iter().flatten())
            .fold(self.sfu.poll_timeout().0, Instant::min)
    }

    fn check_participant(&mut self, sid: &ParticipantSid, now: Now) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let late = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now.instant);
        if late(participant.join_deadline(JOIN_LIMIT)) {
            let farewell = Farewell::dismissed(DisconnectReason::JoinFailure);
            return self.remove(sid, &farewell, now);
        }
        if late(participant.primary_deadline()) {
            if matches!(participant.primary, Primary::Failed { .. }) {
                return self.ask_to_resume(sid, now);
            }
            let farewell = Farewell::gone(DisconnectReason::ConnectionTimeout);
            return self.remove(sid, &farewell, now);
        }
        if participant.refresh_at <= now.instant {
            self.tell_token(sid, now);
        }
        if late(self.silence_deadline(sid)) {
            let farewell = Farewell::gone(DisconnectReason::ConnectionTimeout);
            self.remove(sid, &farewell, now);
        }
    }

    /// An agent whose socket is gone, and from whom nothing comes any more, was killed: whoever it
    /// served is not kept waiting as long as ICE would.
    fn silence_deadline(&self, sid: &ParticipantSid) -> Option<Instant> {
        let participant = self.participants.get(sid)?;
        let agent = participant.kind == ParticipantKind::Agent;
        let cut_off = agent && participant.signal == Signal::Lost && participant.was_active();
        let heard = cut_off.then(|| self.sfu.last_heard(sid))??;
        Some(heard + SILENT_AGENT)
    }

    fn check_room(&mut self, now: Now) {
        if self.room_deadline().is_some_and(|at| at <= now.instant) {
            self.close(RoomEndReason::RoomEndIdleTimeout, now);
        }
    }

    fn room_deadline(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        match self.departed {
            Some(departed) => Some(departed + self.spec.departure_timeout),
            None if self.ever_joined && self.participants.values().any(|p| !p.is_dependent()) => {
                None
            }
            None => Some(self.opened + self.patience),
        }
    }

    /// The room's counts have changed; told together a little later.
    pub(super) fn counts_changed(&mut self, now: Now) {
        self.counts_due.get_or_insert(now.instant + COUNTS_DELAY);
    }

    fn tell_counts(&mut self, now: Now) {
        if self.counts_due.is_some_and(|at| at <= now.instant) {
            self.counts_due = None;
            let update = message::room_update(self.info());
            self.tell_all(update);
        }
    }
}

impl Participant {
    fn deadline(&self) -> Option<Instant> {
        let join = self.join_deadline(JOIN_LIMIT);
        let primary = self.primary_deadline();
        [join, primary, Some(self.refresh_at)]
            .into_iter()
            .flatten()
            .min()
    }

    const fn primary_deadline(&self) -> Option<Instant> {
        match self.primary {
            Primary::Failed { speak } => Some(speak),
            Primary::Down { until } => Some(until),
            Primary::Connecting | Primary::Up => None,
        }
    }
}

/// A participant not ACTIVE within this is removed.
const JOIN_LIMIT: Duration = Duration::from_secs(60);

/// Clients check their path every two and a half seconds, and resume within one.
const SILENT_AGENT: Duration = Duration::from_millis(3_500);

/// Joins come in bursts; one message for a burst.
const COUNTS_DELAY: Duration = Duration::from_secs(5);
