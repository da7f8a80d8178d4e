//! Tracks from the meeting of announcement and description to their end.
//!
//! A client announces a track by request and describes it in an offer; the two meet in either
//! order, by the client's id of the track or, where the description carries another id, by kind
//! and age. A track is on the air when both have met: no packet is needed, so that a muted track
//! is announced too.

use std::collections::BTreeSet;
use std::time::Instant;

use livekit_protocol::{AudioTrackFeature, TrackInfo};
use trunkline_base::id::{ParticipantSid, TrackSid};

use crate::peer::{Mid, RemoteMedia};

use super::Sfu;
use super::event::SfuEvent;
use super::ids::{MemberId, TrackId};
use super::member::PendingTrack;
use super::speakers::LevelMeter;
use super::track::{self, Track};

impl Sfu {
    /// Mutes or unmutes a track. `None` if there is no such track of this participant.
    pub fn mute(
        &mut self,
        sid: &ParticipantSid,
        track: &str,
        muted: bool,
        _now: Instant,
    ) -> Option<TrackInfo> {
        let id = self.id(sid).ok()?;
        let member = self.members.get_mut(&id)?;
        if let Some(pending) = member.pending.iter_mut().find(|p| p.info.sid == track) {
            pending.info.muted = muted;
            return Some(pending.info.clone());
        }
        let found = self
            .tracks
            .values_mut()
            .find(|t| t.owner == id && t.sid.as_str() == track)?;
        if found.info.muted != muted {
            found.info.muted = muted;
            found.epoch += u32::from(!muted);
            found.meter.reset();
            let info = found.info.clone();
            self.events.push_back(SfuEvent::TrackChanged {
                by: sid.clone(),
                info,
            });
        }
        self.track_info(sid, track)
    }

    /// Replaces the audio features of a track.
    pub fn set_audio_features(
        &mut self,
        sid: &ParticipantSid,
        track: &str,
        features: &[AudioTrackFeature],
    ) -> Option<TrackInfo> {
        let id = self.id(sid).ok()?;
        let found = self
            .tracks
            .values_mut()
            .find(|t| t.owner == id && t.sid.as_str() == track)?;
        found.info.audio_features = distinct(features);
        let info = found.info.clone();
        self.events.push_back(SfuEvent::TrackChanged {
            by: sid.clone(),
            info: info.clone(),
        });
        Some(info)
    }

    /// A published track by its sid, whoever owns it.
    #[must_use]
    pub fn find_track(&self, track: &str) -> Option<(ParticipantSid, TrackInfo)> {
        let found = self.tracks.values().find(|t| t.sid.as_str() == track)?;
        Some((self.sid_of(found.owner)?, found.info.clone()))
    }

    fn track_info(&self, sid: &ParticipantSid, track: &str) -> Option<TrackInfo> {
        self.find_track(track)
            .filter(|(owner, _)| owner == sid)
            .map(|(_, info)| info)
    }

    /// Tells a publisher how to encode what its offer is about to add.
    pub(super) fn prepare_publish(&mut self, id: MemberId, offered: &[RemoteMedia]) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        for media in offered {
            let named = |p: &&PendingTrack| p.cids.contains(&media.track_id);
            let by_age = |p: &&PendingTrack| track::kind_of(&p.info) == media.kind;
            let pending = member.pending.iter();
            let found = pending
                .clone()
                .find(named)
                .or_else(|| pending.clone().find(by_age));
            if let Some(found) = found
                && !self.sections.contains_key(&(id, media.mid))
            {
                let options = track::options_of(&found.info);
                member
                    .publisher
                    .peer
                    .set_publish_options(media.mid, options);
            }
        }
    }

    /// Brings announced and described tracks together: by id first, then by kind and age.
    pub(super) fn match_waiting(&mut self, id: MemberId, now: Instant) {
        for by_id in [true, false] {
            while let Some((mid, at)) = self.next_match(id, by_id) {
                let Some(member) = self.members.get_mut(&id) else {
                    return;
                };
                let Some(media) = member.unmatched.remove(&mid) else {
                    return;
                };
                let pending = member.pending.remove(at);
                self.publish(id, pending, &media, now);
            }
        }
    }

    fn next_match(&self, id: MemberId, by_id: bool) -> Option<(Mid, usize)> {
        let member = self.members.get(&id)?;
        member.unmatched.iter().find_map(|(mid, media)| {
            let fits = |p: &PendingTrack| {
                // The id alone would let a video section pass for what was announced as audio.
                track::kind_of(&p.info) == media.kind
                    && (!by_id || p.cids.contains(&media.track_id))
            };
            Some((*mid, member.pending.iter().position(fits)?))
        })
    }

    fn publish(&mut self, id: MemberId, pending: PendingTrack, media: &RemoteMedia, now: Instant) {
        let mut info = pending.info;
        track::negotiated(&mut info, media.mid, &media.codecs, &media.track_id);
        let Ok(sid) = TrackSid::parse(info.sid.clone()) else {
            return;
        };
        let Some(by) = self.sid_of(id) else { return };
        let mut cids = pending.cids;
        if !cids.contains(&media.track_id) {
            cids.push(media.track_id.clone());
        }
        let track = TrackId(self.next_track);
        self.next_track += 1;
        self.sections.insert((id, media.mid), track);
        let kind = media.kind;
        let meter = LevelMeter::default();
        let made = Track {
            sid,
            owner: id,
            kind,
            mid: media.mid,
            cids,
            info: info.clone(),
            epoch: 0,
            heard: false,
            meter,
            listeners: Vec::new(),
        };
        self.tracks.insert(track, made);
        self.events.push_back(SfuEvent::TrackPublished { by, info });
        self.offer_tracks(id, &[track], now);
    }

    /// The client stopped describing a section.
    pub(super) fn section_ended(&mut self, id: MemberId, mid: Mid, now: Instant) {
        if let Some(member) = self.members.get_mut(&id) {
            member.unmatched.remove(&mid);
        }
        if let Some(track) = self.sections.get(&(id, mid)).copied() {
            self.unpublish(track, false, now);
        }
    }

    pub(super) fn unpublish(&mut self, track: TrackId, revoked: bool, now: Instant) {
        let Some(ended) = self.tracks.remove(&track) else {
            return;
        };
        self.sections.remove(&(ended.owner, ended.mid));
        for listener in &ended.listeners {
            self.unsubscribe(*listener, track, now);
        }
        for member in self.members.values_mut() {
            member.subscriptions.remove(&track);
        }
        if let Some(by) = self.sid_of(ended.owner) {
            let info = ended.info;
            self.events
                .push_back(SfuEvent::TrackUnpublished { by, info, revoked });
        }
        self.accept_queued(ended.owner, now);
    }

    /// Ends what a participant may no longer publish.
    pub(super) fn revoke_forbidden(&mut self, id: MemberId, now: Instant) {
        // First, for a track that ends lets the next in line in.
        self.revoke_announcements(id);
        let Some(member) = self.members.get(&id) else {
            return;
        };
        let forbidden = |t: &Track| t.owner == id && !member.permissions.allow(t.info.source);
        let mine = self.tracks.iter().filter(|(_, t)| forbidden(t));
        for track in mine.map(|(track, _)| *track).collect::<Vec<_>>() {
            self.unpublish(track, true, now);
        }
    }
}

/// Each feature once: a client may repeat one a million times, and everybody is told.
fn distinct(features: &[AudioTrackFeature]) -> Vec<i32> {
    let distinct: BTreeSet<i32> = features.iter().map(|f| *f as i32).collect();
    distinct.into_iter().collect()
}
