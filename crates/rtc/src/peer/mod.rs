//! One WebRTC connection, as LiveKit shapes it.
//!
//! [`Peer`] wraps the str0m engine and is the only way to it. The engine's contract is "mutate
//! once, drain all output, then mutate again"; every method here keeps it by draining before it
//! returns, so callers may call in any order and collect what came out whenever they like.
//!
//! ```text
//! accept_offer / create_offer / accept_answer      descriptions in and out, amended for LiveKit
//! handle_input / handle_timeout                    network and time in
//! add_sender / send_rtp / send_data                media and data out
//! poll_transmit / poll_event / poll_timeout        what to send, what happened, when to call
//! ```
//!
//! A panic inside the engine is contained: the peer becomes [`Peer::is_alive`]` == false`, says
//! [`PeerEvent::Closed`], and the rest of the room goes on.

mod channel;
mod codec;
mod config;
mod credentials;
mod engine;
mod error;
mod event;
mod idle;
mod negotiate;
mod pending;
mod remote;
mod role;
mod section;
mod send;
mod sender;

pub use channel::{DATA_TRACK, Delivery, LOSSY, RELIABLE};
pub use codec::Codec;
pub use config::{MAX_MESSAGE_SIZE, PeerConfig};
pub use error::{SdpError, SendError};
pub use event::{PeerEvent, PeerInput, RtpIn, SenderReport, Transmit};
pub use pending::{PublishOptions, Shortage};
pub(crate) use remote::sending;
pub use role::{Role, Side};
pub use section::{MediaKind, Mid, RemoteMedia, Slot};
pub use sender::RtpOut;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Instant;

use str0m::Candidate;

use credentials::Credentials;
use engine::Engine;
use idle::IdleSections;
use pending::Pending;
use sender::Sender;

/// One WebRTC connection.
#[derive(Debug)]
pub struct Peer {
    config: PeerConfig,
    credentials: Credentials,
    engine: Engine,
    senders: BTreeMap<Slot, Sender>,
    next_slot: u32,
    /// Media the far end declares that it sends, and sections it would receive on.
    remote: remote::RemoteSections,
    /// Sections that carried a sender in the last description we wrote.
    announced: BTreeMap<Mid, Slot>,
    /// Sections whose sender left and whose far end has not yet been told.
    cooling: BTreeMap<Mid, MediaKind>,
    idle: IdleSections,
    /// Sections of an offering far end that carried a sender before. Their source cannot be
    /// changed within an answer, so that they are not used again.
    worn: BTreeSet<Mid>,
    publish_options: BTreeMap<Mid, PublishOptions>,
    wanted_channels: Vec<(String, Delivery)>,
    wanted_receivers: Vec<MediaKind>,
    receive_sections: Vec<Mid>,
    restart: bool,
    pending: Option<Pending>,
}

impl Peer {
    /// A peer that has not yet negotiated.
    #[must_use]
    pub fn new(config: PeerConfig, now: Instant) -> Self {
        let credentials = Credentials::new(config.seed);
        let engine = Engine::new(&config, credentials.first().clone(), now);
        Self {
            config,
            credentials,
            engine,
            senders: BTreeMap::new(),
            next_slot: 0,
            remote: remote::RemoteSections::default(),
            announced: BTreeMap::new(),
            cooling: BTreeMap::new(),
            idle: IdleSections::default(),
            worn: BTreeSet::new(),
            publish_options: BTreeMap::new(),
            wanted_channels: Vec::new(),
            wanted_receivers: Vec::new(),
            receive_sections: Vec::new(),
            restart: false,
            pending: None,
        }
    }

    /// False once the connection has ended, from either side or by failure.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.engine.is_alive()
    }

    /// True while ICE and DTLS are up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.engine.is_connected()
    }

    /// True while ICE has a working path; false during an ICE restart.
    #[must_use]
    pub fn has_path(&self) -> bool {
        self.engine.has_path()
    }

    /// The ICE user fragment by which the far end addresses us, for the demultiplexer.
    pub fn local_ufrag(&mut self) -> String {
        let credentials = self.engine.local_credentials();
        credentials.map_or_else(String::new, |c| c.ufrag)
    }

    /// True if the engine recognises this datagram as its own.
    #[must_use]
    pub fn accepts(&self, from: SocketAddr, to: SocketAddr, datagram: &[u8], now: Instant) -> bool {
        self.engine.accepts(from, to, datagram, now)
    }

    /// Adds a trickled candidate line (`candidate:...`). Unreadable, mDNS and active TCP
    /// candidates are ignored: a check from there reveals the address anyway. A server ignores
    /// them all: it can be reached, and checks what has checked it.
    pub fn add_remote_candidate(&mut self, candidate: &str, now: Instant) -> bool {
        if self.config.side == Side::Server {
            return false;
        }
        let line = candidate.trim().trim_start_matches("a=");
        let Ok(parsed) = Candidate::from_sdp_string(line) else {
            return false;
        };
        self.engine.advance(now);
        self.engine.mutate(|rtc| rtc.add_remote_candidate(parsed));
        true
    }

    /// Adds an address of ours after construction.
    pub fn add_local_candidate(&mut self, addr: SocketAddr, now: Instant) {
        self.engine.advance(now);
        self.engine.add_local_candidate(addr);
    }

    /// Network input.
    pub fn handle_input(&mut self, input: PeerInput<'_>, now: Instant) {
        match input {
            PeerInput::Datagram { from, to, data } => self.engine.receive(from, to, data, now),
        }
    }

    /// Time has passed. Early, late and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.engine.advance(now);
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.engine.out.transmits.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.engine.out.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`], and why.
    #[must_use]
    pub fn poll_timeout(&self) -> (Instant, &'static str) {
        self.engine.out.wake
    }

    /// Ends the connection politely: RTCP BYE and a DTLS close are queued for sending.
    pub fn close(&mut self, now: Instant) {
        self.engine.advance(now);
        self.engine.close();
    }

    /// Asks the far end for a key frame of a video section.
    pub fn request_keyframe(&mut self, mid: Mid, now: Instant) {
        self.engine.request_keyframe(mid);
        self.engine.advance(now);
    }
}

#[cfg(test)]
mod tests;
