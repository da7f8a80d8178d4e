//! The client side of a LiveKit session: signalling and two peers, without sockets.
//!
//! ```text
//! Event::Dial ─► shell opens the socket ─► signal_opened / signal_failed
//! handle_signal / signal_lost              SignalResponse in
//! poll_signal                              SignalRequest out
//! handle_datagram / poll_transmit          UDP
//! handle_timeout / poll_timeout            time
//! poll_event                               what happened
//! publish, send_audio, send_data, ...      what is wanted
//! ```
//! It speaks the two-connection form of the protocol (`/rtc`), which every LiveKit server has.
//!
//! ```text
//! Dialing ─► Greeting ─► Connecting ─► Up ──lost──► Waiting ─► Dialing (resume, then anew)
//!    └── refused ──────────────────────────────────────────────► Over
//! ```
//! A lost signal socket or a server's word leads to a resume: same session, ICE restart, missed
//! reliable data replayed. If that fails, a new session begins and local tracks are published
//! again; [`LocalTrack`] stays the same, their sids do not.

mod config;
mod data;
mod event;
mod link;
mod local;
mod negotiate;
mod packets;
mod phase;
mod presence;
mod publish;
mod remote;
mod roster;
mod session;
mod signal;
mod subscribe;

pub use config::{
    AudioOut, DataOut, Dial, DialFailure, LocalTrack, ParticipantConfig, Profile, Publish,
};
pub use event::{End, Event, MediaPacket, TrackEnd};

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Request;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::peer::Transmit;

use data::Data;
use link::Links;
use local::Local;
use phase::{Phase, Pulse};
use remote::Remotes;
use roster::Roster;

/// Requests that may wait for the signal socket. A client that asks for more while away has
/// lost count itself; the oldest go first.
const MAX_REQUESTS: usize = 256;

/// The client side of a session.
#[derive(Debug)]
pub struct Participant {
    config: ParticipantConfig,
    rng: StdRng,
    phase: Phase,
    roster: Roster,
    links: Links,
    locals: BTreeMap<LocalTrack, Local>,
    next_local: u32,
    next_request: u32,
    remotes: Remotes,
    /// Explicit wishes for tracks, told again after a resume.
    wishes: BTreeMap<String, bool>,
    data: Data,
    pulse: Pulse,
    requests: VecDeque<Request>,
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
}

impl Participant {
    /// Begins a session: the first event is [`Event::Dial`].
    #[must_use]
    pub fn new(config: ParticipantConfig, now: Instant) -> Self {
        let mut rng = StdRng::from_seed(config.seed);
        let links = Links::new(&config, &mut rng, now);
        let mut participant = Self {
            config,
            rng,
            phase: Phase::Over,
            roster: Roster::default(),
            links,
            locals: BTreeMap::new(),
            next_local: 1,
            next_request: 1,
            remotes: Remotes::default(),
            wishes: BTreeMap::new(),
            data: Data::default(),
            pulse: Pulse::new(now),
            requests: VecDeque::new(),
            events: VecDeque::new(),
            transmits: VecDeque::new(),
        };
        participant.dial(0, None, now);
        participant
    }

    /// How it was set up.
    #[must_use]
    pub fn config(&self) -> &ParticipantConfig {
        &self.config
    }

    /// The next message for the server. Nothing while the socket is down.
    pub fn poll_signal(&mut self) -> Option<proto::SignalRequest> {
        if !self.phase.may_speak() {
            return None;
        }
        let message = self.requests.pop_front()?;
        Some(proto::SignalRequest {
            message: Some(message),
        })
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The room, once known.
    #[must_use]
    pub fn room(&self) -> Option<&proto::Room> {
        self.roster.room.as_ref()
    }

    /// Ourselves, once known.
    #[must_use]
    pub fn local(&self) -> Option<&proto::ParticipantInfo> {
        self.roster.own.as_ref()
    }

    /// The others.
    pub fn participants(&self) -> impl Iterator<Item = &proto::ParticipantInfo> {
        self.roster.others.values()
    }

    /// True from the loss of the connection to its return.
    #[must_use]
    pub fn is_reconnecting(&self) -> bool {
        self.pulse.reconnecting.is_some() && !self.is_over()
    }

    /// True once the session has ended for good.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Changes our name, metadata or attributes. The answer comes under the returned number.
    pub fn update_profile(&mut self, profile: Profile, _now: Instant) -> u32 {
        let request_id = self.next_request;
        self.next_request = self.next_request.wrapping_add(1).max(1);
        self.request(Request::UpdateMetadata(proto::UpdateParticipantMetadata {
            metadata: profile.metadata.unwrap_or_default(),
            name: profile.name.unwrap_or_default(),
            attributes: profile.attributes.into_iter().collect(),
            request_id,
        }));
        request_id
    }

    /// Wants or no longer wants a track.
    pub fn subscribe(&mut self, track: &str, wanted: bool, _now: Instant) {
        self.wishes.insert(track.to_owned(), wanted);
        self.request(Request::Subscription(proto::UpdateSubscription {
            track_sids: vec![track.to_owned()],
            subscribe: wanted,
            participant_tracks: Vec::new(),
        }));
    }

    /// Leaves the room, saying why.
    pub fn leave(&mut self, reason: proto::DisconnectReason, now: Instant) {
        if self.is_over() {
            return;
        }
        self.request(Request::Leave(proto::LeaveRequest {
            reason: reason as i32,
            action: proto::leave_request::Action::Disconnect as i32,
            ..Default::default()
        }));
        self.finish(End::Left, now);
    }

    fn request(&mut self, message: Request) {
        if self.requests.len() >= MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(message);
    }

    /// Ends the session: peers say goodbye, the shell closes the socket after sending what waits.
    fn finish(&mut self, end: End, now: Instant) {
        if self.is_over() {
            return;
        }
        self.links.close(now);
        self.pump(now);
        self.phase = Phase::Over;
        self.events.push_back(Event::CloseSignal);
        self.events.push_back(Event::Disconnected(end));
    }
}
