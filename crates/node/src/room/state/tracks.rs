//! The tracks of one publisher, as clients were last told of them.
//!
//! The media plane owns the tracks. It is ahead of the events that tell of them, and they are worked
//! off in order: what a message says of a publisher has to be true where the message stands, not at
//! the end of the queue.

use std::collections::BTreeMap;

use livekit_protocol as proto;

/// Tracks by sid. An announced track is the publisher's and ours only; a live one is everybody's.
#[derive(Debug, Default)]
pub(crate) struct Tracks(BTreeMap<String, Track>);

#[derive(Debug)]
struct Track {
    info: proto::TrackInfo,
    live: bool,
}

impl Tracks {
    pub(super) fn announced(&mut self, info: proto::TrackInfo) {
        self.0
            .entry(info.sid.clone())
            .or_insert(Track { info, live: false });
    }

    pub(super) fn live(&mut self, info: proto::TrackInfo) {
        self.0.insert(info.sid.clone(), Track { info, live: true });
    }

    /// Takes over a change; `true` when others have to hear of it.
    pub(super) fn changed(&mut self, info: proto::TrackInfo) -> bool {
        let Some(track) = self.0.get_mut(&info.sid) else {
            return false;
        };
        track.info = info;
        track.live
    }

    /// `true` when others knew it.
    pub(super) fn remove(&mut self, sid: &str) -> bool {
        self.0.remove(sid).is_some_and(|track| track.live)
    }

    /// Takes everything, giving what others knew.
    pub(super) fn take_live(&mut self) -> Vec<proto::TrackInfo> {
        let all = std::mem::take(&mut self.0).into_values();
        all.filter(|track| track.live)
            .map(|track| track.info)
            .collect()
    }

    pub(super) fn find(&self, sid: &str) -> Option<&proto::TrackInfo> {
        self.0.get(sid).map(|track| &track.info)
    }

    pub(super) fn public(&self) -> impl Iterator<Item = &proto::TrackInfo> {
        self.0
            .values()
            .filter(|track| track.live)
            .map(|track| &track.info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_live_tracks_are_everybodys() {
        let info = proto::TrackInfo {
            sid: "TR_1".to_owned(),
            ..proto::TrackInfo::default()
        };
        let mut tracks = Tracks::default();
        tracks.announced(info.clone());
        assert_eq!(tracks.public().count(), 0);
        assert!(tracks.find("TR_1").is_some());
        assert!(!tracks.changed(info.clone()), "nobody else knows it");
        tracks.live(info.clone());
        tracks.announced(info.clone());
        assert_eq!(
            tracks.public().count(),
            1,
            "announcing again changes nothing"
        );
        assert!(tracks.changed(info));
        assert!(tracks.remove("TR_1"));
        assert!(!tracks.remove("TR_1"));
    }
}
