//! Announcements: what a client says it will publish, until a description brings it.
//!
//! A client that changes its mind says nothing. An announcement that no description followed
//! lapses, and one beyond their number makes the oldest lapse; either way its publisher is told,
//! so that publishing never comes to an end.

use std::time::{Duration, Instant};

use livekit_protocol::{AddTrackRequest, TrackInfo, TrackType};
use prost::Message as _;
use trunkline_base::id::ParticipantSid;

use super::event::SfuEvent;
use super::ids::MemberId;
use super::member::{Member, PendingTrack, QueuedTrack};
use super::track;
use super::{Sfu, UnknownParticipant};

/// Announced tracks that may wait for their description: more than any client publishes at once.
const MAX_PENDING: usize = 64;
/// Announcements that may wait for their client id to become free.
const MAX_QUEUED: usize = 3;
/// Tracks of one participant on the air: more than anybody can listen to.
const MAX_TRACKS: usize = 256;
/// How long an announcement waits. Clients give a publication up after 15 s at the latest.
const PATIENCE: Duration = Duration::from_secs(30);
/// Size of an announcement. Names and layers of a track go to everybody, with every change of its
/// publisher.
const MAX_BYTES: usize = 16 * 1024;

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
    /// Nobody would see it.
    #[error("video is not supported: this server forwards audio and data only")]
    Video,
    /// Too many wait already, or are published.
    #[error("too many tracks are pending or published")]
    LimitExceeded,
    /// Its names and layers are longer than others can be asked to read.
    #[error("the track's description exceeds limits: at most {MAX_BYTES} bytes")]
    TooLarge,
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
            return self.queue(id, request, now);
        }
        let info = self.accept(id, request, now);
        self.match_waiting(id, now);
        self.drive(now);
        Ok(AddedTrack::Accepted(Box::new(info)))
    }

    fn check_announcement(
        &self,
        id: MemberId,
        request: &AddTrackRequest,
    ) -> Result<(), AddTrackError> {
        let member = self.members.get(&id).ok_or(UnknownParticipant)?;
        if !member.permissions.allow(request.source) {
            return Err(AddTrackError::NotAllowed);
        }
        match TrackType::try_from(request.r#type) {
            Ok(TrackType::Audio) => {}
            Ok(TrackType::Video) => return Err(AddTrackError::Video),
            Ok(TrackType::Data) | Err(_) => return Err(AddTrackError::UnsupportedType),
        }
        if request.encoded_len() > MAX_BYTES {
            return Err(AddTrackError::TooLarge);
        }
        if self.tracks.values().filter(|t| t.owner == id).count() >= MAX_TRACKS {
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
        now: Instant,
    ) -> Result<AddedTrack, AddTrackError> {
        let member = self.members.get_mut(&id).ok_or(UnknownParticipant)?;
        if member.queued.len() >= MAX_QUEUED {
            return Err(AddTrackError::LimitExceeded);
        }
        member.queued.push(QueuedTrack {
            request: request.clone(),
            since: now,
        });
        Ok(AddedTrack::Queued)
    }

    fn accept(&mut self, id: MemberId, request: &AddTrackRequest, now: Instant) -> TrackInfo {
        let info = track::info_of(request, &mut self.rng);
        let pending = PendingTrack {
            cids: track::cids_of(request),
            info: info.clone(),
            since: now,
        };
        let mut displaced = None;
        if let Some(member) = self.members.get_mut(&id) {
            displaced = (member.pending.len() >= MAX_PENDING).then(|| member.pending.remove(0));
            member.pending.push(pending);
        }
        self.withdraw(id, displaced);
        info
    }

    /// A client id is free again: who waited for it is next.
    pub(super) fn accept_queued(&mut self, id: MemberId, now: Instant) {
        let waiting = self
            .members
            .get_mut(&id)
            .map(|m| std::mem::take(&mut m.queued));
        for queued in waiting.unwrap_or_default() {
            if self.cid_is_taken(id, &queued.request.cid) {
                if let Some(member) = self.members.get_mut(&id) {
                    member.queued.push(queued);
                }
                continue;
            }
            let info = self.accept(id, &queued.request, now);
            if let Some(to) = self.sid_of(id) {
                self.events.push_back(SfuEvent::TrackAccepted {
                    to,
                    cid: queued.request.cid,
                    info,
                });
            }
        }
    }

    /// Announcements that may no longer become tracks are taken back.
    pub(super) fn revoke_announcements(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let permissions = &member.permissions;
        member
            .queued
            .retain(|q| permissions.allow(q.request.source));
        let forbidden = |p: &mut PendingTrack| !permissions.allow(p.info.source);
        let gone: Vec<_> = member.pending.extract_if(.., forbidden).collect();
        self.withdraw(id, gone);
    }

    /// Announcements that nothing followed are over.
    pub(super) fn lapse_announcements(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let over = |since: Instant| since + PATIENCE <= now;
        member.queued.retain(|q| !over(q.since));
        let gone: Vec<_> = member.pending.extract_if(.., |p| over(p.since)).collect();
        if !gone.is_empty() {
            self.withdraw(id, gone);
            self.accept_queued(id, now);
        }
    }

    fn withdraw(&mut self, id: MemberId, gone: impl IntoIterator<Item = PendingTrack>) {
        let Some(by) = self.sid_of(id) else { return };
        let events = gone.into_iter().map(|pending| SfuEvent::TrackUnpublished {
            by: by.clone(),
            info: pending.info,
            revoked: true,
        });
        self.events.extend(events);
    }
}

impl Member {
    /// When the first announcement lapses.
    pub(super) fn lapse_at(&self) -> Option<Instant> {
        let pending = self.pending.iter().map(|p| p.since);
        let queued = self.queued.iter().map(|q| q.since);
        pending.chain(queued).min().map(|since| since + PATIENCE)
    }
}
