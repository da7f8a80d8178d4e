//! When tracks of others begin and end.

use crate::peer::{Mid, RemoteMedia};

use super::Participant;
use super::event::Event;
use super::remote::Section;

impl Participant {
    pub(super) fn on_media(&mut self, media: &RemoteMedia) {
        let Some(sid) = self.remotes.sid_of(media) else {
            return;
        };
        self.remotes.sections.insert(
            media.mid,
            Section {
                sid,
                announced: false,
            },
        );
        self.announce_media();
    }

    pub(super) fn media_ended(&mut self, mid: Mid) {
        if let Some(section) = self.remotes.sections.remove(&mid)
            && section.announced
        {
            self.events
                .push_back(Event::TrackUnsubscribed { sid: section.sid });
        }
    }

    /// Announces sections whose publisher has become known.
    pub(super) fn announce_media(&mut self) {
        for section in self.remotes.sections.values_mut().filter(|s| !s.announced) {
            if let Some((by, track)) = self.roster.track(&section.sid) {
                section.announced = true;
                let (by, track) = (by.clone(), track.clone());
                self.events.push_back(Event::TrackSubscribed { by, track });
            }
        }
    }
}
