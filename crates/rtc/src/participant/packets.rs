//! Data packets in and out.

use std::time::Instant;

use livekit_protocol as proto;
use livekit_protocol::data_packet::Kind;
use prost::Message;

use crate::peer::{LOSSY, RELIABLE};

use super::Participant;
use super::config::DataOut;
use super::data::Numbered;
use super::event::Event;
use super::phase::Phase;

/// Largest packet; the SDKs draw the same line.
const MAX_PACKET: usize = 64_000;
/// Reliable bytes that may wait for the channel.
const MAX_WAITING: usize = 2 * 1024 * 1024;

impl Participant {
    /// Sends a data packet. False if it is too large, the queue is full, or, for lossy data, the
    /// channel is not open.
    pub fn send_data(&mut self, out: DataOut, now: Instant) -> bool {
        let DataOut {
            mut packet,
            reliable,
        } = out;
        self.stamp(&mut packet, reliable);
        let size = packet.encoded_len();
        if size > MAX_PACKET || self.is_over() {
            return false;
        }
        if !reliable {
            let sent = self.links.up.send_data(LOSSY, &packet.encode_to_vec(), now);
            self.pump(now);
            return sent;
        }
        if self.data.waiting_bytes + size > MAX_WAITING {
            return false;
        }
        self.data.next_sequence += 1;
        let sequence = self.data.next_sequence;
        packet.sequence = sequence;
        let bytes = packet.encode_to_vec();
        self.data.waiting_bytes += bytes.len();
        self.data.waiting.push_back(Numbered { sequence, bytes });
        self.flush_data(now);
        self.pump(now);
        true
    }

    #[expect(deprecated, reason = "older servers read the kind")]
    fn stamp(&self, packet: &mut proto::DataPacket, reliable: bool) {
        packet.kind = if reliable {
            Kind::Reliable
        } else {
            Kind::Lossy
        } as i32;
        if let Some(own) = &self.roster.own
            && packet.participant_identity.is_empty()
        {
            packet.participant_identity.clone_from(&own.identity);
        }
    }

    /// Writes what waits, as far as the channel takes it.
    pub(super) fn flush_data(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Up) {
            return;
        }
        while let Some(next) = self.data.waiting.front() {
            if !self.links.up.send_data(RELIABLE, &next.bytes, now) {
                return;
            }
            if let Some(packet) = self.data.waiting.pop_front() {
                self.data.sent(packet);
            }
        }
    }

    /// A resume tells what the server got last.
    pub(super) fn replay_data(&mut self, last_received: u32) {
        self.data.rewind(last_received);
    }

    pub(super) fn on_data(&mut self, label: &str, bytes: &[u8]) {
        let reliable = match label {
            RELIABLE => true,
            LOSSY => false,
            _ => return,
        };
        let Ok(packet) = proto::DataPacket::decode(bytes) else {
            tracing::debug!(label, "unreadable data packet");
            return;
        };
        if reliable && self.data.is_repeat(&packet) {
            return;
        }
        self.events.push_back(Event::Data { packet, reliable });
    }
}
