//! Tracks of others as they reach us.
//!
//! A section names its track in three ways: the map that comes with the offer, the track id, and
//! the second half of the stream id. It is announced once its publisher is known.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::peer::{Mid, RemoteMedia, RtpIn};

use super::Participant;
use super::event::{Event, MediaPacket};

/// Sections of the subscriber connection.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    /// Track sid per section, as the last offer had it.
    pub(super) map: BTreeMap<String, String>,
    sections: BTreeMap<Mid, Section>,
}

#[derive(Debug)]
struct Section {
    sid: String,
    announced: bool,
}

impl Remotes {
    /// Track sid and packet, if the track was announced.
    pub(super) fn packet(&self, rtp: RtpIn) -> Option<(String, MediaPacket)> {
        let section = self.sections.get(&rtp.mid).filter(|s| s.announced)?;
        let packet = MediaPacket {
            seq: rtp.seq,
            timestamp: rtp.timestamp,
            marker: rtp.marker,
            level: rtp.level,
            codec: rtp.codec,
            payload: Bytes::from_owner(rtp.payload),
            arrival: rtp.arrival,
            report: rtp.report,
        };
        Some((section.sid.clone(), packet))
    }

    /// Forgets everything; gives the tracks that had been announced.
    pub(super) fn clear(&mut self) -> Vec<String> {
        self.map.clear();
        let sections = std::mem::take(&mut self.sections).into_values();
        sections.filter(|s| s.announced).map(|s| s.sid).collect()
    }

    fn sid_of(&self, media: &RemoteMedia) -> Option<String> {
        let from_stream = || {
            media
                .stream_id
                .split('|')
                .nth(1)
                .filter(|t| t.starts_with("TR_"))
        };
        let own = Some(media.track_id.as_str()).filter(|t| t.starts_with("TR_"));
        let mapped = self.map.get(media.mid.as_str()).map(String::as_str);
        mapped.or(own).or_else(from_stream).map(str::to_owned)
    }
}

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
