//! The two connections of a client and the negotiation of each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Request;
use rand::Rng;
use rand::rngs::StdRng;

use crate::never::NEVER;
use crate::peer::{
    Delivery, LOSSY, Mid, Peer, PeerConfig, PeerEvent, PeerInput, RELIABLE, Role, SdpError, Side,
};
use crate::trickle::CandidateInit;

use super::config::ParticipantConfig;
use super::event::Event;
use super::local::SendClock;
use super::{Participant, phase::Phase};

/// Changes are gathered this long before an offer.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// A server that has not answered an offer by then is not going to.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A server that ends a session closes the media first and says why over the signal socket right
/// after. Without a word by then it is a failure like any other.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    Up,
    Down,
}

/// The two connections.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) up: Peer,
    pub(super) down: Peer,
    up_addresses: Vec<SocketAddr>,
    down_addresses: Vec<SocketAddr>,
    made: Instant,
    /// Numbers of what we send, per section.
    pub(super) clocks: BTreeMap<Mid, SendClock>,
    /// The subscriber connection decides whether we are connected.
    pub(super) down_primary: bool,
    offer_id: u32,
    open: Option<(u32, Instant)>,
    due: Option<Instant>,
    /// The server closed a connection; until then it may say why.
    last_word: Option<Instant>,
    restart_after_answer: bool,
    /// After a resume: the server has not yet restarted the subscriber connection.
    awaiting_restart: bool,
    last_offer: Option<proto::SessionDescription>,
    last_answer: Option<proto::SessionDescription>,
}

impl Links {
    pub(super) fn new(config: &ParticipantConfig, rng: &mut StdRng, now: Instant) -> Self {
        let (up_addresses, down_addresses) = split(&config.local_candidates);
        let mut peer = |role, addresses: &Vec<SocketAddr>| {
            let config = PeerConfig {
                role,
                side: Side::Client,
                local_candidates: addresses.clone(),
                seed: rng.random(),
            };
            Peer::new(config, now)
        };
        let mut links = Self {
            up: peer(Role::Offerer, &up_addresses),
            down: peer(Role::Answerer, &down_addresses),
            up_addresses,
            down_addresses,
            made: now,
            clocks: BTreeMap::new(),
            down_primary: true,
            offer_id: 0,
            open: None,
            last_word: None,
            due: None,
            restart_after_answer: false,
            awaiting_restart: false,
            last_offer: None,
            last_answer: None,
        };
        links.up.open_channel(RELIABLE, Delivery::Reliable);
        links.up.open_channel(LOSSY, Delivery::Lossy);
        links
    }

    /// An offer is wanted soon.
    pub(super) fn touch(&mut self, now: Instant) {
        let at = now + DEBOUNCE;
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// True if both connections can still carry the session.
    pub(super) fn alive(&self) -> bool {
        self.up.is_alive() && self.down.is_alive()
    }

    /// True if media flows as far as this session needs it.
    pub(super) fn ready(&self, resume: bool) -> bool {
        let primary = if self.down_primary {
            &self.down
        } else {
            &self.up
        };
        let negotiated = !resume || (self.open.is_none() && !self.awaiting_restart);
        let up = self.up.has_path() || self.down_primary && !resume;
        primary.is_connected() && primary.has_path() && up && negotiated
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for peer in [&mut self.up, &mut self.down] {
            if peer.poll_timeout().0 <= now {
                peer.handle_timeout(now);
            }
        }
    }

    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Instant, &'static str)> {
        let due = self
            .due
            .filter(|_| self.open.is_none())
            .map(|at| (at, "negotiation"));
        let open = self.open.map(|(_, at)| (at, "answer timeout"));
        let peers = [self.up.poll_timeout(), self.down.poll_timeout()];
        let last_word = self.last_word.map(|at| (at, "last word"));
        peers.into_iter().chain(due).chain(open).chain(last_word)
    }

    pub(super) fn never(&self) -> (Instant, &'static str) {
        (self.made + NEVER, "nothing")
    }

    pub(super) fn close(&mut self, now: Instant) {
        for peer in [&mut self.up, &mut self.down] {
            if peer.is_alive() {
                peer.close(now);
            }
        }
        self.open = None;
        self.due = None;
    }

    fn leg(&mut self, leg: Leg) -> &mut Peer {
        match leg {
            Leg::Up => &mut self.up,
            Leg::Down => &mut self.down,
        }
    }

    /// The connection a datagram is for: by the address it came to, or, where both connections
    /// share one, by who recognises it.
    fn route(&self, from: SocketAddr, to: SocketAddr, data: &[u8], now: Instant) -> Option<Leg> {
        let (up, down) = (
            self.up_addresses.contains(&to),
            self.down_addresses.contains(&to),
        );
        match (up, down) {
            (true, false) => Some(Leg::Up),
            (false, true) => Some(Leg::Down),
            _ if self.up.accepts(from, to, data, now) => Some(Leg::Up),
            _ if self.down.accepts(from, to, data, now) => Some(Leg::Down),
            _ => None,
        }
    }
}

/// Shares our addresses out between the connections. A server on one port tells two connections
/// of a client apart by the client's port only, so of two sockets per interface each gets one.
fn split(addresses: &[SocketAddr]) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let mut up: Vec<SocketAddr> = Vec::new();
    let mut down: Vec<SocketAddr> = Vec::new();
    for addr in addresses {
        let taken = |list: &[SocketAddr]| list.iter().any(|a| a.ip() == addr.ip());
        if !taken(&up) {
            up.push(*addr);
        } else if !taken(&down) {
            down.push(*addr);
        }
    }
    let lonely = |a: &&SocketAddr| !down.iter().any(|d| d.ip() == a.ip());
    let shared: Vec<SocketAddr> = up.iter().filter(lonely).copied().collect();
    down.extend(shared);
    (up, down)
}

impl Participant {
    /// A datagram arrived on our UDP socket.
    pub fn handle_datagram(&mut self, from: SocketAddr, to: SocketAddr, data: &[u8], now: Instant) {
        let Some(leg) = self.links.route(from, to, data, now) else {
            return;
        };
        let input = PeerInput::Datagram { from, to, data };
        self.links.leg(leg).handle_input(input, now);
        self.pump(now);
        self.check_connected(now);
    }

    /// The server offers on the subscriber connection.
    pub(super) fn on_offer(&mut self, offer: proto::SessionDescription, now: Instant) {
        let map = offer
            .mid_to_track_id
            .iter()
            .map(|(mid, sid)| (mid.clone(), sid.clone()));
        self.remotes.map = map.collect();
        match self.links.down.accept_offer(&offer.sdp, now) {
            Ok(sdp) => {
                self.links.awaiting_restart = false;
                let answer = description("answer", sdp, offer.id);
                self.links.last_offer = Some(offer);
                self.links.last_answer = Some(answer.clone());
                self.request(Request::Answer(answer));
                self.pump(now);
            }
            Err(error) => self.negotiation_failed(&error, now),
        }
    }

    /// The server answers our offer. Id 0 means "the last one".
    pub(super) fn on_answer(&mut self, answer: &proto::SessionDescription, now: Instant) {
        let Some((id, _)) = self.links.open else {
            return;
        };
        if answer.id != 0 && answer.id != id {
            return;
        }
        self.links.open = None;
        if let Err(error) = self.links.up.accept_answer(&answer.sdp, now) {
            self.negotiation_failed(&error, now);
            return;
        }
        if std::mem::take(&mut self.links.restart_after_answer) {
            self.links.up.restart_ice();
        }
        if self.links.up.needs_negotiation() {
            self.links.touch(now);
        }
        self.pump(now);
        self.locals_negotiated();
    }

    pub(super) fn on_trickle(&mut self, trickle: &proto::TrickleRequest, now: Instant) {
        let Ok(init) = serde_json::from_str::<CandidateInit>(&trickle.candidate_init) else {
            return;
        };
        let down = trickle.target == proto::SignalTarget::Subscriber as i32;
        let leg = if down { Leg::Down } else { Leg::Up };
        self.links
            .leg(leg)
            .add_remote_candidate(&init.candidate, now);
        self.pump(now);
    }

    /// Offers what is due.
    pub(super) fn negotiate_due(&mut self, now: Instant) {
        if self.links.last_word.is_some_and(|at| at <= now) {
            self.links.last_word = None;
            self.path_lost(now);
            return;
        }
        if self.links.open.is_some_and(|(_, at)| at <= now) {
            self.links.open = None;
            self.reconnect(false, now);
            return;
        }
        let due = self.links.due.is_some_and(|at| at <= now) && self.links.open.is_none();
        let speaking = matches!(self.phase, Phase::Up | Phase::Connecting { .. });
        if !due || !speaking {
            return;
        }
        self.links.due = None;
        match self.links.up.create_offer(now) {
            Ok(Some(sdp)) => self.send_offer(sdp, now),
            Ok(None) | Err(SdpError::OfferOpen) => {}
            Err(error) => self.negotiation_failed(&error, now),
        }
    }

    /// After a resume: the server restarts its connection, we restart ours.
    pub(super) fn restart_links(&mut self, now: Instant) {
        self.links.awaiting_restart = self.links.down_primary;
        match self.links.up.open_offer().map(str::to_owned) {
            Some(sdp) => {
                self.links.restart_after_answer = true;
                self.send_offer(sdp, now);
            }
            None => {
                self.links.up.restart_ice();
                self.links.due = Some(now);
                self.negotiate_due(now);
            }
        }
    }

    /// What the server must know to continue our session.
    pub(super) fn sync_state(&self) -> Request {
        let auto = self.config.auto_subscribe;
        let differing = self.wishes.iter().filter(|(_, wanted)| **wanted != auto);
        let channel = |label: &str| proto::DataChannelInfo {
            label: label.to_owned(),
            id: 0,
            target: proto::SignalTarget::Publisher as i32,
        };
        Request::SyncState(proto::SyncState {
            answer: self.links.last_answer.clone(),
            offer: self.links.last_offer.clone(),
            subscription: Some(proto::UpdateSubscription {
                track_sids: differing.map(|(sid, _)| sid.clone()).collect(),
                subscribe: !auto,
                participant_tracks: Vec::new(),
            }),
            publish_tracks: self.published(),
            data_channels: vec![channel(RELIABLE), channel(LOSSY)],
            datachannel_receive_states: self.data.receive_states(),
            ..Default::default()
        })
    }

    fn send_offer(&mut self, sdp: String, now: Instant) {
        self.links.offer_id += 1;
        let id = self.links.offer_id;
        self.links.open = Some((id, now + ANSWER_TIMEOUT));
        self.request(Request::Offer(description("offer", sdp, id)));
        self.pump(now);
    }

    fn negotiation_failed(&mut self, error: &SdpError, now: Instant) {
        tracing::warn!(%error, "negotiation failed");
        self.reconnect(false, now);
    }

    /// Moves what the peers produced into our queues and handles it.
    pub(super) fn pump(&mut self, now: Instant) {
        loop {
            let mut moved = false;
            for leg in [Leg::Up, Leg::Down] {
                while let Some(transmit) = self.links.leg(leg).poll_transmit() {
                    self.transmits.push_back(transmit);
                }
                while let Some(event) = self.links.leg(leg).poll_event() {
                    self.on_peer(leg, event, now);
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn on_peer(&mut self, leg: Leg, event: PeerEvent, now: Instant) {
        match event {
            PeerEvent::Rtp(rtp) => self.on_rtp(rtp),
            PeerEvent::MediaAdded(media) if leg == Leg::Down => self.on_media(&media),
            PeerEvent::MediaChanged(media) if leg == Leg::Down => {
                self.media_ended(media.mid);
                self.on_media(&media);
            }
            PeerEvent::MediaRemoved(media) if leg == Leg::Down => self.media_ended(media.mid),
            PeerEvent::Data { label, bytes } => self.on_data(&label, &bytes),
            PeerEvent::ChannelOpen { .. } | PeerEvent::ChannelDrained { .. } => {
                self.flush_data(now);
            }
            PeerEvent::Disconnected => self.path_lost(now),
            PeerEvent::Closed => {
                self.links.last_word.get_or_insert(now + LAST_WORD);
            }
            PeerEvent::SenderRefused(slot) => self.sender_refused(slot),
            PeerEvent::Connected
            | PeerEvent::Checked { .. }
            | PeerEvent::Reconnected
            | PeerEvent::MediaAdded(_)
            | PeerEvent::MediaChanged(_)
            | PeerEvent::MediaRemoved(_)
            | PeerEvent::ChannelClosed { .. }
            | PeerEvent::KeyframeRequest { .. } => {}
        }
    }

    fn path_lost(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Up) {
            self.reconnect(true, now);
        }
    }

    fn on_rtp(&mut self, rtp: crate::peer::RtpIn) {
        if let Some((sid, packet)) = self.remotes.packet(rtp) {
            self.events.push_back(Event::Media { sid, packet });
        }
    }
}

fn description(kind: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription {
        r#type: kind.to_owned(),
        sdp,
        id,
        ..Default::default()
    }
}
