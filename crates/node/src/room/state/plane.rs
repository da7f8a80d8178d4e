//! The media plane as the room drives it: a thin layer over [`rtc::sfu`], in the room's own ids.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use livekit_protocol as proto;
use rand::rngs::StdRng;
use trunkline_base::id::{ParticipantSid, TrackSid};

use super::participant::Participant;
use super::tracks::Track;
use crate::room::handle::JoinParams;

#[derive(Debug)]
pub(crate) struct Transmit {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug)]
pub(crate) enum RouteChange {
    Add { peer: u64, ufrag: String },
    Remove { peer: u64 },
}

#[derive(Debug)]
pub(crate) struct Plane {
    routes: VecDeque<RouteChange>,
    idle: Instant,
}

impl Plane {
    pub(super) fn new(_media: &[SocketAddr], _rng: &mut StdRng, now: Instant) -> Self {
        Self { routes: VecDeque::new(), idle: now + std::time::Duration::from_secs(3600) }
    }
    pub(super) fn enter(&mut self, _p: &Participant, _params: &JoinParams, _now: Instant) {}
    pub(super) fn leave(&mut self, _sid: &ParticipantSid, _now: Instant) {}
    pub(super) fn set_permission(&mut self, _p: &Participant) {}
    pub(super) fn announce(&mut self, _p: &ParticipantSid, _t: &Track) {}
    pub(super) fn withdraw(&mut self, _p: &ParticipantSid, _t: &TrackSid) {}
    pub(super) fn set_muted(&mut self, _t: &TrackSid, _m: bool, _now: Instant) {}
    pub(super) fn set_paused(&mut self, _s: &ParticipantSid, _t: &TrackSid, _p: bool) {}
    pub(super) fn subscribe(&mut self, _s: &ParticipantSid, _p: &ParticipantSid, _t: &TrackSid, _now: Instant) {}
    pub(super) fn unsubscribe(&mut self, _s: &ParticipantSid, _t: &TrackSid, _now: Instant) {}
    pub(super) fn open_subscriber(&mut self, _s: &ParticipantSid, _now: Instant) {}
    pub(super) fn restart_subscriber(&mut self, _s: &ParticipantSid, _now: Instant) {}
    pub(super) fn last_sequence(&self, _s: &ParticipantSid) -> u32 { 0 }
    pub(super) fn send_data(&mut self, _p: proto::DataPacket, _k: proto::data_packet::Kind, _now: Instant) {}
    pub(super) fn handle_timeout(&mut self, _now: Instant) {}
    pub(super) fn poll_timeout(&self) -> Instant { self.idle }
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> { None }
    pub(super) fn poll_route(&mut self) -> Option<RouteChange> { self.routes.pop_front() }
}
