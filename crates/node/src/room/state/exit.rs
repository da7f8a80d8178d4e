//! How participants, and the room itself, come to an end.

use livekit_protocol as proto;
use proto::leave_request::Action;
use proto::participant_info::State;
use proto::{DisconnectReason, RoomEndReason};
use trunkline_base::id::ParticipantSid;

use super::participant::{Participant, Signal};
use super::{Now, Output, RoomState};
use crate::room::notice::RoomNotice;
use crate::signal::envelope::Envelope;
use crate::signal::message;

/// What is said when a participant goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Farewell {
    pub(super) reason: DisconnectReason,
    /// The leave message to the participant itself, if any.
    pub(super) own: Option<Action>,
    pub(super) others: Others,
}

/// Who else hears that a participant has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Everybody,
    /// A new session of the same identity follows at once: only clients that know participants
    /// by sid must hear it.
    SidBased,
    Nobody,
}

impl Farewell {
    /// The server ends the session for good.
    pub(super) const fn dismissed(reason: DisconnectReason) -> Self {
        Self {
            reason,
            own: Some(Action::Disconnect),
            others: Others::Everybody,
        }
    }

    /// The session cannot go on as it is; the client is to come back as new.
    pub(super) const fn broken(reason: DisconnectReason) -> Self {
        Self {
            reason,
            own: Some(Action::Reconnect),
            others: Others::Everybody,
        }
    }

    /// The client has gone by itself.
    pub(super) const fn gone(reason: DisconnectReason) -> Self {
        Self {
            reason,
            own: None,
            others: Others::Everybody,
        }
    }

    pub(super) const fn replaced() -> Self {
        Self {
            reason: DisconnectReason::DuplicateIdentity,
            own: Some(Action::Disconnect),
            others: Others::SidBased,
        }
    }
}

impl RoomState {
    /// Ends a session.
    pub(super) fn remove(&mut self, sid: &ParticipantSid, farewell: &Farewell, now: Now) {
        if let Some(action) = farewell.own
            && let Some(protocol) = self.participants.get(sid).map(Participant::protocol)
        {
            self.tell(sid, message::leave(farewell.reason, action, protocol));
        }
        self.withdraw_all(sid);
        self.drop_calls(sid);
        let Some(mut participant) = self.participants.remove(sid) else {
            return;
        };
        self.by_identity.remove(&participant.identity);
        self.sfu.leave(sid, now.instant);
        self.outputs.push_back(Output::CloseSignal(sid.clone()));
        participant.become_state(State::Disconnected);
        let mut info = participant.info();
        info.disconnect_reason = farewell.reason.into();
        self.tell_gone(&participant, &info, farewell.others);
        self.note_departure(&participant, now);
        let room = self.info();
        self.notice(if participant.was_active() {
            RoomNotice::ParticipantLeft {
                room,
                participant: info,
            }
        } else {
            RoomNotice::ConnectionAborted {
                room,
                participant: info,
            }
        });
        self.after_media(now);
    }

    /// What a participant published goes with it: one notice each, and one update for all.
    fn withdraw_all(&mut self, sid: &ParticipantSid) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        for track in participant.tracks.take_live() {
            self.note_unpublished(sid, track);
        }
    }

    fn tell_gone(&mut self, gone: &Participant, info: &proto::ParticipantInfo, others: Others) {
        if gone.permission.hidden || others == Others::Nobody {
            return;
        }
        let update = Envelope::from(message::update(vec![info.clone()]));
        for sid in self.sids() {
            let Some(other) = self.participants.get_mut(&sid) else {
                continue;
            };
            let hears = other.protocol().disconnected_updates()
                && (others == Others::Everybody || !other.protocol().identity_based());
            if !hears {
                continue;
            }
            if other.signal == Signal::Lost && other.missed.len() < MAX_MISSED {
                other.missed.push(gone.trace(info.disconnect_reason));
            }
            self.tell(&sid, update.clone());
        }
    }

    fn note_departure(&mut self, gone: &Participant, now: Now) {
        let empty = self.participants.values().all(Participant::is_dependent);
        if !gone.is_dependent() && empty {
            self.departed = Some(now.instant);
        }
        self.counts_changed(now);
    }

    /// Ends the room: everybody is sent away, and the last notice is `RoomFinished`.
    pub(crate) fn close(&mut self, why: RoomEndReason, now: Now) {
        if self.ended.is_some() {
            return;
        }
        let reason = match why {
            RoomEndReason::RoomEndApiDelete => DisconnectReason::RoomDeleted,
            RoomEndReason::RoomEndServerShutdown => DisconnectReason::ServerShutdown,
            _ => DisconnectReason::RoomClosed,
        };
        for sid in self.sids() {
            // Everybody goes at once: telling each of every other would only be noise.
            let farewell = Farewell {
                others: Others::Nobody,
                ..match why {
                    // The next process opens the room again.
                    RoomEndReason::RoomEndServerShutdown => Farewell::broken(reason),
                    _ => Farewell::dismissed(reason),
                }
            };
            self.remove(&sid, &farewell, now);
        }
        self.ended = Some(why);
        let room = self.info();
        self.notice(RoomNotice::RoomFinished { room, reason: why });
    }

    /// The socket of a session is gone. Before the first connection that is the end; afterwards
    /// the media connection decides.
    pub(crate) fn on_signal_lost(&mut self, sid: &ParticipantSid, now: Now) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        participant.signal = Signal::Lost;
        if !participant.was_active() {
            self.remove(sid, &Farewell::gone(DisconnectReason::SignalClose), now);
        }
    }
}

/// Departures kept for a participant whose socket is away; more only means a few stale entries on
/// a client that was away through a mass departure, and its full update corrects them.
const MAX_MISSED: usize = 200;
