//! Descriptions and candidates of clients, and what the media plane reports back.

use std::time::Instant;

use livekit_protocol as proto;
use proto::signal_response::Message;
use trunkline_base::id::ParticipantSid;

use super::{Now, RoomState};
use crate::signal::message;

impl RoomState {
    pub(super) fn on_offer(&mut self, _from: &ParticipantSid, _offer: proto::SessionDescription, _now: Now) {}
    pub(super) fn on_answer(&mut self, _from: &ParticipantSid, _answer: &proto::SessionDescription, _now: Now) {}
    pub(super) fn on_trickle(&mut self, _from: &ParticipantSid, _trickle: &proto::TrickleRequest, _now: Now) {}
    pub(super) fn after_media(&mut self, _now: Now) {}

    /// Says that a participant speaks, whatever is heard.
    pub(super) fn simulate_speaking(&mut self, who: &ParticipantSid, until: Instant) {
        self.simulated_speech = Some((who.clone(), until));
        let speaker = proto::SpeakerInfo { sid: who.to_string(), level: 0.9, active: true };
        self.tell_speaker(who, speaker);
    }

    pub(super) fn end_simulated_speech(&mut self, now: Instant) {
        let over = self.simulated_speech.take_if(|(_, until)| *until <= now);
        if let Some((who, _)) = over {
            let speaker = proto::SpeakerInfo { sid: who.to_string(), level: 0.0, active: false };
            self.tell_speaker(&who, speaker);
        }
    }

    pub(super) fn speech_due(&self) -> Option<Instant> {
        self.simulated_speech.as_ref().map(|(_, until)| *until)
    }

    fn tell_speaker(&mut self, who: &ParticipantSid, speaker: proto::SpeakerInfo) {
        let changed = proto::SpeakersChanged { speakers: vec![speaker] };
        self.tell(who, message::wrap(Message::SpeakersChanged(changed)));
    }
}
