//! One room, as a pure machine: requests, datagrams and time in; messages, datagrams and notices
//! out. The task around it does nothing but carry those.
//!
//! ```text
//! participant:  JOINING ──join sent──► JOINED ──primary connection up──► ACTIVE ──► DISCONNECTED
//! room:         empty ──first join──► open ──last non-dependent left──► departure_timeout ─► closed
//!                 └──── empty_timeout ────────────────────────────────────────────────────► closed
//! ```
//! Submodules by concern: who comes in ([`entry`]) and goes out ([`exit`]), what a client asks
//! ([`requests`]), what the API asks ([`asks`]), what the media plane reports
//! ([`media`]), who hears what ([`telling`]), what time brings ([`timers`]).

mod asks;
mod call;
mod entry;
mod exit;
mod media;
mod now;
mod participant;
mod replies;
mod requests;
mod resume;
mod rpc;
mod simulate;
mod telling;
mod timers;
mod tracks;
mod update;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use livekit_protocol as proto;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use trunkline_base::id::{ParticipantIdentity, ParticipantSid, RoomSid};
use trunkline_base::time::UnixTime;
use trunkline_rtc::Seed;
use trunkline_rtc::peer::Transmit;
use trunkline_rtc::sfu::{AudioConfig, Sfu, SfuConfig, SfuStats};

use super::config::RoomsConfig;
use super::notice::RoomNotice;
use super::spec::RoomSpec;
use crate::signal::envelope::Envelope;
use call::Call;
use participant::Participant;
use replies::Replies;

pub(crate) use entry::Entry;
pub(crate) use now::Now;

/// What the shell has to carry out, in order.
#[derive(Debug)]
pub(crate) enum Output {
    /// Put a message on a participant's socket.
    Send(ParticipantSid, Envelope),
    /// Let what was sent drain, then close the socket.
    CloseSignal(ParticipantSid),
    Notice(Box<RoomNotice>),
}

/// A change of what leads a datagram to this room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// A peer answers to this ICE user fragment.
    Fragment { peer: u64, ufrag: String },
    /// Nobody answers to it any more.
    Retired { ufrag: String },
    /// A peer has answered a check from this address.
    Checked {
        peer: u64,
        from: SocketAddr,
        at: Instant,
    },
}

#[derive(Debug)]
pub(crate) struct RoomState {
    spec: RoomSpec,
    sid: RoomSid,
    config: Arc<RoomsConfig>,
    /// As it is told; a life before this one counts.
    created: UnixTime,
    opened: Instant,
    /// How long it waits for the first participant.
    patience: std::time::Duration,
    participants: BTreeMap<ParticipantSid, Participant>,
    by_identity: BTreeMap<ParticipantIdentity, ParticipantSid>,
    /// Addresses of ours that clients are given.
    media: Vec<SocketAddr>,
    sfu: Sfu,
    rng: StdRng,
    outputs: VecDeque<Output>,
    routes: VecDeque<Route>,
    ended: Option<proto::RoomEndReason>,
    /// When the last non-dependent participant left; `None` while one is here or none ever came.
    departed: Option<Instant>,
    ever_joined: bool,
    /// The counts in the room's info changed and are to be told at this time.
    counts_due: Option<Instant>,
    /// Calls of participants' methods under way, by id.
    calls: BTreeMap<String, Call>,
    replies: Replies,
    /// A test hook: this participant is said to speak until then.
    simulated_speech: Option<(ParticipantSid, Instant)>,
}

impl RoomState {
    /// A new, empty room whose first word is its `RoomStarted` notice.
    pub(crate) fn new(
        mut spec: RoomSpec,
        config: Arc<RoomsConfig>,
        media: &[SocketAddr],
        seed: Seed,
        now: Now,
    ) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let before = spec.before.take();
        let mut patience = spec.empty_timeout;
        let (sid, created, dispatches) = match before {
            Some(before) => {
                patience = before.patience;
                (before.sid, before.created, Some(before.dispatches))
            }
            None => (RoomSid::generate(&mut rng), now.unix, None),
        };
        let sfu = Sfu::new(
            SfuConfig {
                candidates: media.to_vec(),
                audio: AudioConfig::default(),
            },
            rng.random(),
            now.instant,
        );
        let agents = spec.agents.clone();
        let mut room = Self {
            spec,
            sid,
            config,
            created,
            opened: now.instant,
            patience,
            participants: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            media: media.to_vec(),
            sfu,
            rng,
            outputs: VecDeque::new(),
            routes: VecDeque::new(),
            ended: None,
            departed: None,
            ever_joined: false,
            counts_due: None,
            calls: BTreeMap::new(),
            replies: Replies::default(),
            simulated_speech: None,
        };
        let info = room.info();
        room.notice(RoomNotice::RoomStarted {
            room: info,
            agents,
            dispatches,
        });
        room
    }

    /// `Room` as clients and the API see it.
    pub(crate) fn info(&self) -> proto::Room {
        let secs = |time: std::time::Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let present = self.participants.values().filter(|p| !p.is_dependent());
        let publishers = self.participants.values().filter(|p| p.is_publisher());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        proto::Room {
            sid: self.sid.to_string(),
            name: self.spec.name.to_string(),
            empty_timeout: secs(self.spec.empty_timeout),
            departure_timeout: secs(self.spec.departure_timeout),
            max_participants: self.spec.max_participants,
            creation_time: self.created.secs_i64(),
            creation_time_ms: self.created.millis_i64(),
            turn_password: String::new(),
            enabled_codecs: crate::signal::describe::publish_codecs(),
            metadata: self.spec.metadata.clone(),
            num_participants: count(present.count()),
            num_publishers: count(publishers.count()),
            active_recording: self.participants.values().any(|p| p.permission.recorder),
            version: None,
        }
    }

    pub(crate) const fn sid(&self) -> &RoomSid {
        &self.sid
    }

    /// Why the room is over, once it is.
    pub(crate) const fn ended(&self) -> Option<proto::RoomEndReason> {
        self.ended
    }

    /// Open sessions.
    pub(crate) fn occupancy(&self) -> usize {
        self.participants.len()
    }

    /// Counters of the media plane.
    pub(crate) fn media_stats(&self) -> &SfuStats {
        self.sfu.stats()
    }

    /// Tracks on the air.
    pub(crate) fn published(&self) -> usize {
        let tracks = |p: &Participant| p.tracks.public().count();
        self.participants.values().map(tracks).sum()
    }

    /// Whether somebody waits for an answer.
    pub(crate) fn owes_replies(&self) -> bool {
        !self.replies.is_empty()
    }

    /// Gives the answers that waited for the rest to be carried out.
    pub(crate) fn give_replies(&mut self) {
        self.replies.give();
    }

    /// The next thing to carry out.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next datagram to send.
    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.sfu.poll_transmit()
    }

    /// The next change of what leads a datagram to this room.
    pub(crate) fn poll_route_change(&mut self) -> Option<Route> {
        self.routes.pop_front()
    }

    pub(crate) fn has(&self, sid: &ParticipantSid) -> bool {
        self.participants.contains_key(sid)
    }

    pub(crate) fn has_route_change(&self) -> bool {
        !self.routes.is_empty()
    }

    fn notice(&mut self, notice: RoomNotice) {
        self.outputs.push_back(Output::Notice(Box::new(notice)));
    }
}
