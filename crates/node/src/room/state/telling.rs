//! Who is told what.

use livekit_protocol as proto;
use trunkline_base::id::ParticipantSid;

use super::participant::{Participant, Signal};
use super::{Now, Output, RoomState};
use crate::signal::envelope::Envelope;
use crate::signal::message;
use crate::signal::refresh;

impl RoomState {
    /// Sends a message to one participant, unless its socket is away.
    pub(super) fn tell(&mut self, to: &ParticipantSid, message: impl Into<Envelope>) {
        let open = self
            .participants
            .get(to)
            .is_some_and(|p| p.signal == Signal::Open);
        if open {
            self.outputs
                .push_back(Output::Send(to.clone(), message.into()));
        }
    }

    /// Sends the same message to everybody.
    pub(super) fn tell_all(&mut self, message: proto::SignalResponse) {
        let message = Envelope::from(message);
        for sid in self.sids() {
            self.tell(&sid, message.clone());
        }
    }

    /// A participant has changed: the others are told, and itself where it must see the result.
    /// A hidden one is only ever told to itself.
    pub(super) fn tell_change(&mut self, of: &ParticipantSid, own: Own) {
        let Some(participant) = self.participants.get_mut(of) else {
            return;
        };
        participant.changed();
        let hidden = participant.permission.hidden;
        let update = Envelope::from(message::update(vec![participant.info()]));
        for sid in self.sids() {
            let wanted = if sid == *of {
                own == Own::Included
            } else {
                !hidden
            };
            if wanted {
                self.tell(&sid, update.clone());
            }
        }
    }

    /// Everybody a participant may see.
    pub(super) fn others(&self, than: &ParticipantSid) -> Vec<proto::ParticipantInfo> {
        let visible = |p: &&Participant| p.sid != *than && !p.permission.hidden;
        self.participants
            .values()
            .filter(visible)
            .map(Participant::info)
            .collect()
    }

    /// A new token that says what is true now.
    pub(super) fn tell_token(&mut self, to: &ParticipantSid, now: Now) {
        let Some(participant) = self.participants.get_mut(to) else {
            return;
        };
        participant.refresh_at = now.instant + refresh::EVERY;
        let token = refresh::token(
            &participant.claims,
            &participant.profile,
            &participant.permission,
            &self.config.keys,
            now.unix,
        );
        match token {
            Ok(token) => self.tell(
                to,
                message::wrap(proto::signal_response::Message::RefreshToken(token)),
            ),
            Err(error) => tracing::error!(%error, "a token could not be refreshed"),
        }
    }

    pub(super) fn sids(&self) -> Vec<ParticipantSid> {
        self.participants.keys().cloned().collect()
    }
}

/// Whether the participant itself is among those told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    Included,
    Excluded,
}
