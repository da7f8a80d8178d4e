//! Tracks of others as they reach us.
//!
//! A section names its track in three ways: the map that comes with the offer, the track id, and
//! the second half of the stream id. It is announced once its publisher is known.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::peer::{Mid, RemoteMedia, RtpIn};

use super::event::MediaPacket;

/// Sections of the subscriber connection.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    /// Track sid per section, as the last offer had it.
    pub(super) map: BTreeMap<String, String>,
    pub(super) sections: BTreeMap<Mid, Section>,
}

#[derive(Debug)]
pub(super) struct Section {
    pub(super) sid: String,
    pub(super) announced: bool,
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

    pub(super) fn sid_of(&self, media: &RemoteMedia) -> Option<String> {
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
