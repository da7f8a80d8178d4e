//! Tracks from their announcement to their end.
//!
//! A client announces a track by request and describes it in an offer; the two meet in either
//! order, by the client's id of the track or, where the description carries another id, by kind
//! and age. A track is on the air when both have met: no packet is needed, so that a muted track
//! is announced too.

use std::time::Instant;

use livekit_protocol::{AddTrackRequest, AudioTrackFeature, TrackInfo, TrackSource, TrackType};
use trunkline_base::id::{ParticipantSid, TrackSid};

use crate::peer::{MediaKind, Mid, RemoteMedia};

use super::event::SfuEvent;
use super::member::{MemberId, PendingTrack, TrackId};
use super::speakers::LevelMeter;
use super::track::{self, Track};
use super::{Sfu, UnknownParticipant};

/// Announced tracks that may wait for their description.
const MAX_PENDING: usize = 20;
/// Announcements that may wait for their client id to become free.
const MAX_QUEUED: usize = 3;

/// What became of an announcement.
#[derive(Debug, Clone, PartialEq)]
pub enum AddedTrack {
    /// Accepted: answer `track_published` with this, before handling any event.
    Accepted(Box<TrackInfo>),
    /// The client id is taken; answer with the reason `QUEUED`. `TrackAccepted` may follow.
    Queued,
}

/// Why a track was not accepted; the request response says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddTrackError {
    /// The token does not allow this source.
    #[error("publishing this source is not allowed")]
    NotAllowed,
    /// Neither audio nor video.
    #[error("track is neither audio nor video")]
    UnsupportedType,
    /// Too many wait already.
    #[error("too many tracks are pending")]
    LimitExceeded,
    /// The track to extend does not exist.
    #[error("track is not published")]
    NotFound,
    /// The participant is not here.
    #[error(transparent)]
    UnknownParticipant(#[from] UnknownParticipant),
}

impl Sfu {
    /// A client announces a track.
    ///
    /// # Errors
    /// Why the track is not accepted.
    pub fn add_track(
        &mut self,
        sid: &ParticipantSid,
        request: &AddTrackRequest,
        now: Instant,
    ) -> Result<AddedTrack, AddTrackError> {
        let id = self.id(sid)?;
        self.check_announcement(id, request)?;
        if !request.sid.is_empty() {
            let known = self.tracks.values().find(|t| t.sid.as_str() == request.sid);
            let known = known
                .filter(|t| t.owner == id)
                .ok_or(AddTrackError::NotFound)?;
            return Ok(AddedTrack::Accepted(Box::new(known.info.clone())));
        }
        if self.cid_is_taken(id, &request.cid) {
            return self.queue(id, request);
        }
        let info = self.accept(id, request);
        self.match_waiting(id, now);
        self.settle(now);
        Ok(AddedTrack::Accepted(Box::new(info)))
    }

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
        found.info.audio_features = features.iter().map(|f| *f as i32).collect();
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

    fn check_announcement(
        &self,
        id: MemberId,
        request: &AddTrackRequest,
    ) -> Result<(), AddTrackError> {
        let Some(member) = self.members.get(&id) else {
            return Err(UnknownParticipant.into());
        };
        let permissions = &member.permissions;
        let source = TrackSource::try_from(request.source).unwrap_or(TrackSource::Unknown);
        let listed = permissions.sources.is_empty() || permissions.sources.contains(&source);
        if !permissions.can_publish || !listed {
            return Err(AddTrackError::NotAllowed);
        }
        if !matches!(
            TrackType::try_from(request.r#type),
            Ok(TrackType::Audio | TrackType::Video)
        ) {
            return Err(AddTrackError::UnsupportedType);
        }
        if member.pending.len() >= MAX_PENDING {
            return Err(AddTrackError::LimitExceeded);
        }
        Ok(())
    }

    fn cid_is_taken(&self, id: MemberId, cid: &str) -> bool {
        let has = |cids: &[String]| cids.iter().any(|c| c == cid);
        let published = self.tracks.values().any(|t| t.owner == id && has(&t.cids));
        let member = self.members.get(&id);
        published || member.is_some_and(|m| m.pending.iter().any(|p| has(&p.cids)))
    }

    fn queue(
        &mut self,
        id: MemberId,
        request: &AddTrackRequest,
    ) -> Result<AddedTrack, AddTrackError> {
        let member = self.members.get_mut(&id).ok_or(UnknownParticipant)?;
        if member.queued.len() >= MAX_QUEUED {
            return Err(AddTrackError::LimitExceeded);
        }
        member.queued.push(request.clone());
        Ok(AddedTrack::Queued)
    }

    fn accept(&mut self, id: MemberId, request: &AddTrackRequest) -> TrackInfo {
        let info = track::info_of(request, &mut self.rng);
        let pending = PendingTrack {
            cids: track::cids_of(request),
            info: info.clone(),
        };
        if let Some(member) = self.members.get_mut(&id) {
            member.pending.push(pending);
        }
        info
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
                if by_id {
                    p.cids.contains(&media.track_id)
                } else {
                    track::kind_of(&p.info) == media.kind
                }
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
        if kind == MediaKind::Video {
            return;
        }
        for listener in self.members.keys().copied().collect::<Vec<_>>() {
            self.reconcile(listener, now);
        }
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
        self.accept_queued(ended.owner);
    }

    fn accept_queued(&mut self, id: MemberId) {
        let waiting = self
            .members
            .get_mut(&id)
            .map(|m| std::mem::take(&mut m.queued));
        for request in waiting.unwrap_or_default() {
            if self.cid_is_taken(id, &request.cid) {
                if let Some(member) = self.members.get_mut(&id) {
                    member.queued.push(request);
                }
                continue;
            }
            let info = self.accept(id, &request);
            if let Some(to) = self.sid_of(id) {
                self.events.push_back(SfuEvent::TrackAccepted {
                    to,
                    cid: request.cid,
                    info,
                });
            }
        }
    }

    /// Ends what a participant may no longer publish.
    pub(super) fn revoke_forbidden(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get(&id) else {
            return;
        };
        let permissions = member.permissions.clone();
        let allowed = |info: &TrackInfo| {
            let source = TrackSource::try_from(info.source).unwrap_or(TrackSource::Unknown);
            let listed = permissions.sources.is_empty() || permissions.sources.contains(&source);
            permissions.can_publish && listed
        };
        let mine = self
            .tracks
            .iter()
            .filter(|(_, t)| t.owner == id && !allowed(&t.info));
        for track in mine.map(|(track, _)| *track).collect::<Vec<_>>() {
            self.unpublish(track, true, now);
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.pending.retain(|p| allowed(&p.info));
        }
    }
}
