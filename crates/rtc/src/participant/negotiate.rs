//! The descriptions, candidates and datagrams of the two connections.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Request;

use crate::peer::{LOSSY, PeerEvent, PeerInput, RELIABLE, RtpIn, SdpError};
use crate::trickle::CandidateInit;

use super::Participant;
use super::event::Event;
use super::link::Leg;
use super::phase::Phase;

/// A server that has not answered an offer by then is not going to.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// A server that ends a session closes the media first and says why over the signal socket right
/// after. Without a word by then it is a failure like any other.
const LAST_WORD: Duration = Duration::from_secs(1);

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

    fn on_rtp(&mut self, rtp: RtpIn) {
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
