//! A client whose socket was lost comes back to the same session.

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::signal_response::Message;
use trunkline_base::id::ParticipantSid;

use super::exit::Farewell;
use super::participant::{Participant, Primary, Signal};
use super::requests::Wishes;
use super::{Now, Output, RoomState};
use crate::room::join::JoinParams;
use crate::signal::{describe, message};

impl RoomState {
    /// Takes a session up again. `reconnect` must be the first word: clients discard whatever
    /// comes before it.
    pub(super) fn resume(&mut self, sid: &ParticipantSid, params: JoinParams, now: Now) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        participant.signal = Signal::Open;
        if let Primary::Failed { .. } | Primary::Down { .. } = participant.primary {
            participant.primary = Primary::Down {
                until: now.instant + RECONNECT_LIMIT,
            };
        }
        let missed = std::mem::take(&mut participant.missed);
        let sabotaged = participant.sabotage_resume(now.instant);
        if sabotaged == Some(Sabotaged::BeforeMessages) {
            self.outputs.push_back(Output::CloseSignal(sid.clone()));
            participant.signal = Signal::Lost;
            return;
        }
        let reconnect = proto::ReconnectResponse {
            ice_servers: Vec::new(),
            client_configuration: None,
            server_info: Some(describe::server_info(
                &self.config.region,
                &self.config.node_id,
            )),
            last_message_seq: self.sfu.last_sequence(sid),
        };
        self.tell(sid, message::wrap(Message::Reconnect(reconnect)));
        if !missed.is_empty() {
            self.tell(sid, message::update(missed));
        }
        let mut everybody = self.others(sid);
        everybody.extend(self.participants.get(sid).map(Participant::info));
        self.tell(sid, message::update(everybody));
        self.tell(sid, message::room_update(self.info()));
        self.tell_token(sid, now);
        let _known = self.sfu.resume(sid, now.instant);
        self.after_media(now);
        if let Some(state) = &params.sync_state {
            self.on_sync_state(sid, state, now);
        }
        if let Some(offer) = params.publisher_offer {
            self.on_offer(sid, &offer, now);
        }
        if sabotaged == Some(Sabotaged::AfterMessages) {
            self.outputs.push_back(Output::CloseSignal(sid.clone()));
            self.on_signal_lost(sid, now);
        }
    }

    /// What the client believes after a resume. A track we do not know means that the two sides
    /// have parted: only a new session mends that.
    pub(super) fn on_sync_state(
        &mut self,
        from: &ParticipantSid,
        state: &proto::SyncState,
        now: Now,
    ) {
        let Some(participant) = self.participants.get(from) else {
            return;
        };
        let known = |published: &proto::TrackPublishedResponse| {
            published
                .track
                .as_ref()
                .is_some_and(|track| participant.tracks.find(&track.sid).is_some())
        };
        if !state.publish_tracks.iter().all(known) || !state.publish_data_tracks.is_empty() {
            self.remove(
                from,
                &Farewell::broken(DisconnectReason::StateMismatch),
                now,
            );
            return;
        }
        for track in &state.track_sids_disabled {
            self.set_disabled(from, track, true);
        }
        if let Some(update) = &state.subscription {
            let change = Wishes {
                sids: &update.track_sids,
                of: &update.participant_tracks,
                subscribe: update.subscribe,
            };
            self.on_wishes(from, &change, now);
        }
    }
}

/// How long a resumed client may take to have its media connected again; clients allow 15 s.
const RECONNECT_LIMIT: std::time::Duration = std::time::Duration::from_secs(20);

/// How a test hook spoils a resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotaged {
    BeforeMessages,
    AfterMessages,
}

impl Participant {
    fn sabotage_resume(&mut self, now: std::time::Instant) -> Option<Sabotaged> {
        let sabotage = self.sabotage.as_mut().filter(|hook| now < hook.until)?;
        match &mut sabotage.silent {
            None => Some(Sabotaged::AfterMessages),
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(Sabotaged::BeforeMessages)
            }
        }
    }
}
