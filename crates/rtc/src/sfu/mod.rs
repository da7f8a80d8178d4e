//! The media plane of one room.
//!
//! ```text
//! join / leave / set_permissions            who is here
//! offer / answer / trickle / resume         signalling in
//! add_track / mute / subscribe              signalling in
//! handle_datagram / handle_timeout          network and time in
//! poll_event                                signalling out, in order
//! poll_transmit / poll_timeout              network and time out
//! ```
//!
//! It forwards audio packets untouched except for their numbers, routes data packets, finds out
//! who speaks, and negotiates the connections that carry all this. Names, metadata, tokens and
//! the socket of a participant are the signalling layer's.
//!
//! It carries no video: the announcement of a video track is refused.

mod addressees;
mod announce;
mod audience;
mod config;
mod data;
mod drive;
mod event;
mod forward;
mod gather;
mod ids;
mod life;
mod member;
mod negotiate;
mod negotiation;
mod nonces;
mod opening;
mod pace;
mod publish;
mod recent;
mod rewrite;
mod silence;
mod speakers;
mod stats;
mod subscribe;
mod track;
mod wire;

pub use announce::{AddTrackError, AddedTrack};
pub use config::{
    Audience, AudioConfig, Joining, Listener, Permissions, SfuConfig, Sources, Target, Topology,
};
pub use event::{Described, NegotiationFailure, SfuEvent};
pub use stats::{DropReason, SfuStats};

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use livekit_protocol::TrackInfo;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use trunkline_base::id::ParticipantSid;

use crate::Seed;
use crate::demux::Demux;
use crate::peer::{Mid, PeerEvent, Transmit};

use ids::{MemberId, TrackId};
use member::Member;
use nonces::Nonces;
use opening::Openings;
use recent::Recent;
use speakers::SpeakerBoard;
use track::Track;

/// The media plane of one room.
#[derive(Debug)]
pub struct Sfu {
    config: SfuConfig,
    rng: StdRng,
    members: BTreeMap<MemberId, Member>,
    by_sid: BTreeMap<ParticipantSid, MemberId>,
    tracks: BTreeMap<TrackId, Track>,
    /// Track per section of a publisher.
    sections: BTreeMap<(MemberId, Mid), TrackId>,
    next_member: u32,
    next_track: u32,
    demux: Demux<(MemberId, Target)>,
    board: SpeakerBoard,
    next_speakers: Instant,
    recent: Recent,
    openings: Openings,
    nonces: Nonces,
    /// Calls the server made of participants' methods: who answers, by the call's id.
    calls: BTreeMap<String, MemberId>,
    stats: SfuStats,
    /// Peer events not yet handled.
    work: VecDeque<(MemberId, Target, PeerEvent)>,
    events: VecDeque<SfuEvent>,
    transmits: VecDeque<Transmit>,
}

/// No such participant in this room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("participant is not in the room")]
pub struct UnknownParticipant;

impl Sfu {
    /// An empty room.
    #[must_use]
    pub fn new(config: SfuConfig, seed: Seed, now: Instant) -> Self {
        Self {
            config,
            rng: StdRng::from_seed(seed),
            members: BTreeMap::new(),
            by_sid: BTreeMap::new(),
            tracks: BTreeMap::new(),
            sections: BTreeMap::new(),
            next_member: 0,
            next_track: 0,
            demux: Demux::default(),
            board: SpeakerBoard::default(),
            next_speakers: now,
            recent: Recent::default(),
            openings: Openings::default(),
            nonces: Nonces::default(),
            calls: BTreeMap::new(),
            stats: SfuStats::default(),
            work: VecDeque::new(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
        }
    }

    /// Lets a participant in. Write its join response before handling the events that follow.
    pub fn join(&mut self, joining: Joining, now: Instant) {
        let sid = joining.sid.clone();
        self.leave(&sid, now);
        let id = MemberId(self.next_member);
        self.next_member += 1;
        let seeds = [self.rng.random(), self.rng.random()];
        let first_offer_id = self.rng.random_range(1..=256);
        let member = Member::new(joining, &self.config, seeds, first_offer_id, now);
        self.members.insert(id, member);
        self.by_sid.insert(sid, id);
        self.refresh_fragments(id, Target::Publisher);
        self.refresh_fragments(id, Target::Subscriber);
        self.reconcile(id, now);
        self.drive(now);
    }

    /// Removes a participant with all its tracks and subscriptions.
    pub fn leave(&mut self, sid: &ParticipantSid, now: Instant) {
        let Some(id) = self.by_sid.remove(sid) else {
            return;
        };
        if let Some(member) = self.members.get_mut(&id) {
            member.queued.clear();
        }
        for track in self.tracks_owned_by(id) {
            self.unpublish(track, false, now);
        }
        for track in self.tracks.values_mut() {
            track.listeners.retain(|l| *l != id);
        }
        let Some(mut member) = self.members.remove(&id) else {
            return;
        };
        for (target, link) in member.links() {
            link.peer.close(now);
            self.transmits
                .extend(std::iter::from_fn(|| link.peer.poll_transmit()));
            self.demux.remove(&(id, target));
            let retired = link.fragments.drain(..);
            self.events
                .extend(retired.map(|ufrag| SfuEvent::FragmentRetired { ufrag }));
        }
        self.work.retain(|(member, _, _)| *member != id);
        self.recent.forget(id);
        self.openings.forget(id);
        self.calls.retain(|_, callee| *callee != id);
        self.drive(now);
    }

    /// Changes what a participant may do; what it may no longer do ends.
    ///
    /// # Errors
    /// The participant is not here.
    pub fn set_permissions(
        &mut self,
        sid: &ParticipantSid,
        permissions: Permissions,
        now: Instant,
    ) -> Result<(), UnknownParticipant> {
        let id = self.id(sid)?;
        if let Some(member) = self.members.get_mut(&id) {
            member.permissions = permissions;
        }
        self.revoke_forbidden(id, now);
        self.reconcile(id, now);
        self.drive(now);
        Ok(())
    }

    /// True if the participant's primary connection was up once.
    #[must_use]
    pub fn is_active(&self, sid: &ParticipantSid) -> bool {
        self.id(sid)
            .ok()
            .and_then(|id| self.members.get(&id))
            .is_some_and(|m| m.active)
    }

    /// When a participant last showed that it lives, as nobody else can.
    #[must_use]
    pub fn last_heard(&self, sid: &ParticipantSid) -> Option<Instant> {
        let member = self.members.get(&self.id(sid).ok()?)?;
        let links = std::iter::once(&member.publisher).chain(&member.subscriber);
        links.filter_map(|link| link.life.last()).max()
    }

    /// Published tracks of a participant.
    #[must_use]
    pub fn tracks_of(&self, sid: &ParticipantSid) -> Vec<TrackInfo> {
        let Ok(id) = self.id(sid) else {
            return Vec::new();
        };
        self.tracks
            .values()
            .filter(|t| t.owner == id)
            .map(|t| t.info.clone())
            .collect()
    }

    /// Counters so far.
    #[must_use]
    pub fn stats(&self) -> &SfuStats {
        &self.stats
    }

    fn id(&self, sid: &ParticipantSid) -> Result<MemberId, UnknownParticipant> {
        self.by_sid.get(sid).copied().ok_or(UnknownParticipant)
    }

    fn tracks_owned_by(&self, id: MemberId) -> Vec<TrackId> {
        self.tracks
            .iter()
            .filter(|(_, t)| t.owner == id)
            .map(|(track, _)| *track)
            .collect()
    }

    fn sid_of(&self, id: MemberId) -> Option<ParticipantSid> {
        self.members.get(&id).map(|m| m.sid.clone())
    }
}
