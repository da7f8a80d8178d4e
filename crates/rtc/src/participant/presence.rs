//! What the server says of who is here.

use livekit_protocol as proto;
use livekit_protocol::participant_info::State;

use super::Participant;
use super::event::Event;

impl Participant {
    pub(super) fn on_update(&mut self, update: proto::ParticipantUpdate) {
        for info in update.participants {
            let own = self.roster.own.as_ref();
            if own.is_some_and(|o| o.sid == info.sid) {
                self.on_own(info);
            } else if own.is_some_and(|o| o.identity == info.identity) {
                // An update about an older session of ours.
            } else {
                let events = self.roster.update(info);
                self.events.extend(events);
            }
        }
        self.announce_media();
    }

    fn on_own(&mut self, info: proto::ParticipantInfo) {
        let known = self.roster.own.as_ref();
        let stale = known.is_some_and(|o| info.version < o.version);
        if stale || info.state == State::Disconnected as i32 {
            return;
        }
        if let Some(before) = self.roster.own.replace(info.clone()) {
            self.events
                .push_back(Event::ParticipantChanged { before, now: info });
        }
    }
}
