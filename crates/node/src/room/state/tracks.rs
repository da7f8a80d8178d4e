//! The tracks of one publisher: announced, then live once their media section is negotiated.

use std::collections::VecDeque;

use livekit_protocol as proto;
use proto::request_response::Reason;
use rand::RngCore;
use trunkline_base::id::TrackSid;

use crate::signal::message::Refusal;
use crate::signal::permission::Permission;
use crate::signal::track;

/// What one participant publishes.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    tracks: Vec<Track>,
    queued: VecDeque<proto::AddTrackRequest>,
    permission: Option<proto::SubscriptionPermission>,
}

/// One track.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) sid: TrackSid,
    pub(crate) cid: String,
    pub(crate) info: proto::TrackInfo,
    pub(crate) stage: Stage,
    /// The publisher has been told of its first subscriber.
    pub(crate) subscribed_told: bool,
}

/// How far a track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Announced by the client; others do not know it.
    Pending,
    /// Negotiated; others know it.
    Live,
}

impl Tracks {
    /// Takes an add-track request: the new track, or why not (QUEUED keeps it for later).
    pub(crate) fn add(
        &mut self,
        request: &proto::AddTrackRequest,
        permission: &Permission,
        rng: &mut impl RngCore,
    ) -> Result<&Track, Refusal> {
        track::check(request, permission)?;
        if self.pending().count() >= track::MAX_PENDING {
            return Err(Refusal::new(Reason::LimitExceeded, "too many pending tracks"));
        }
        if !request.sid.is_empty() {
            return self.again(request);
        }
        if self.tracks.iter().any(|track| track.cid == request.cid) {
            if self.queued.len() >= MAX_QUEUED {
                return Err(Refusal::new(Reason::LimitExceeded, "too many queued tracks"));
            }
            self.queued.push_back(request.clone());
            return Err(Refusal::new(Reason::Queued, ""));
        }
        let info = track::info(request, rng);
        let Some(sid) = track::typed_sid(&info) else {
            return Err(Refusal::new(Reason::UnclassifiedError, "no track sid"));
        };
        self.tracks.push(Track {
            sid,
            cid: request.cid.clone(),
            info,
            stage: Stage::Pending,
            subscribed_told: false,
        });
        self.tracks.last().ok_or(Refusal::new(Reason::UnclassifiedError, ""))
    }

    /// A backup codec for a track that is already there: nothing to add for audio.
    fn again(&self, request: &proto::AddTrackRequest) -> Result<&Track, Refusal> {
        let known = self.tracks.iter().find(|track| track.info.sid == request.sid);
        known.ok_or(Refusal::new(Reason::NotFound, "track not found"))
    }

    /// Marks a track as negotiated; `Some` when it was pending.
    pub(crate) fn go_live(&mut self, sid: &TrackSid, mid: &str) -> Option<&Track> {
        let track = self.tracks.iter_mut().find(|track| track.sid == *sid)?;
        mid.clone_into(&mut track.info.mid);
        if track.stage == Stage::Live {
            return None;
        }
        track.stage = Stage::Live;
        Some(track)
    }

    pub(crate) fn remove(&mut self, sid: &TrackSid) -> Option<Track> {
        let at = self.tracks.iter().position(|track| track.sid == *sid)?;
        Some(self.tracks.remove(at))
    }

    /// A queued request whose cid has become free.
    pub(crate) fn unqueue(&mut self) -> Option<proto::AddTrackRequest> {
        let free = |request: &proto::AddTrackRequest| {
            !self.tracks.iter().any(|track| track.cid == request.cid)
        };
        let at = self.queued.iter().position(free)?;
        self.queued.remove(at)
    }

    pub(crate) fn find(&self, sid: &str) -> Option<&Track> {
        self.tracks.iter().find(|track| track.sid.as_str() == sid)
    }

    pub(crate) fn find_mut(&mut self, sid: &str) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.sid.as_str() == sid)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter()
    }

    pub(crate) fn pending(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| track.stage == Stage::Pending)
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &proto::TrackInfo> {
        self.tracks.iter().filter(|track| track.stage == Stage::Live).map(|track| &track.info)
    }

    pub(crate) fn live_sids(&self) -> impl Iterator<Item = &TrackSid> {
        self.tracks.iter().filter(|track| track.stage == Stage::Live).map(|track| &track.sid)
    }

    /// Who may subscribe, as the publisher last said.
    pub(crate) fn permit(&mut self, permission: proto::SubscriptionPermission) {
        self.permission = (!permission.all_participants).then_some(permission);
    }

    /// Whether this subscriber may have this track. Identity decides; older clients give sids.
    pub(crate) fn permits(&self, track: &TrackSid, subscriber_sid: &str, subscriber: &str) -> bool {
        let Some(permission) = &self.permission else { return true };
        permission.track_permissions.iter().any(|entry| {
            let them = if entry.participant_identity.is_empty() {
                entry.participant_sid == subscriber_sid
            } else {
                entry.participant_identity == subscriber
            };
            them && (entry.all_tracks || entry.track_sids.iter().any(|sid| sid == track.as_str()))
        })
    }
}

/// Requests waiting for an earlier track with the same client id to end.
const MAX_QUEUED: usize = 3;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;
    use trunkline_base::token::VideoGrant;

    use super::*;

    fn request(cid: &str) -> proto::AddTrackRequest {
        proto::AddTrackRequest { cid: cid.to_owned(), source: 2, ..proto::AddTrackRequest::default() }
    }

    fn all() -> Permission {
        Permission::from_grant(&VideoGrant::join("r"))
    }

    #[test]
    fn the_same_client_id_waits_its_turn() {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut tracks = Tracks::default();
        let sid = tracks.add(&request("a"), &all(), &mut rng).unwrap().sid.clone();
        for _ in 0..MAX_QUEUED {
            let refused = tracks.add(&request("a"), &all(), &mut rng).unwrap_err();
            assert_eq!(refused.reason, Reason::Queued);
        }
        let refused = tracks.add(&request("a"), &all(), &mut rng).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitExceeded);
        assert!(tracks.unqueue().is_none());
        tracks.remove(&sid).unwrap();
        assert_eq!(tracks.unqueue().unwrap().cid, "a");
    }

    #[test]
    fn pending_tracks_are_bounded() {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut tracks = Tracks::default();
        for n in 0..track::MAX_PENDING {
            tracks.add(&request(&n.to_string()), &all(), &mut rng).unwrap();
        }
        let refused = tracks.add(&request("more"), &all(), &mut rng).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitExceeded);
    }

    #[test]
    fn a_track_is_told_once_when_it_goes_live() {
        let mut rng = SmallRng::seed_from_u64(7);
        let mut tracks = Tracks::default();
        let sid = tracks.add(&request("a"), &all(), &mut rng).unwrap().sid.clone();
        assert_eq!(tracks.live().count(), 0);
        assert!(tracks.go_live(&sid, "3").is_some());
        assert!(tracks.go_live(&sid, "3").is_none());
        assert_eq!(tracks.live().next().unwrap().mid, "3");
    }

    #[test]
    fn a_publisher_chooses_who_hears_it() {
        let mut tracks = Tracks::default();
        let track = TrackSid::parse("TR_1").unwrap();
        assert!(tracks.permits(&track, "PA_1", "ann"));
        tracks.permit(proto::SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![proto::TrackPermission {
                participant_identity: "bob".to_owned(),
                track_sids: vec!["TR_1".to_owned()],
                ..proto::TrackPermission::default()
            }],
        });
        assert!(!tracks.permits(&track, "PA_1", "ann"));
        assert!(tracks.permits(&track, "PA_2", "bob"));
        assert!(!tracks.permits(&TrackSid::parse("TR_2").unwrap(), "PA_2", "bob"));
    }
}
