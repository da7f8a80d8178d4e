//! Data packets in and out.
//!
//! Reliable packets are numbered per session and kept for a while, so that a resume can send
//! again what the server did not get. What arrives twice is dropped by sender and number.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use livekit_protocol as proto;
use livekit_protocol::data_packet::Kind;
use prost::Message;

use crate::peer::{LOSSY, RELIABLE};

use super::Participant;
use super::config::DataOut;
use super::event::Event;
use super::phase::Phase;

/// Largest packet; the SDKs draw the same line.
const MAX_PACKET: usize = 64_000;
/// Reliable bytes that may wait for the channel.
const MAX_WAITING: usize = 2 * 1024 * 1024;
/// Reliable bytes kept for a resume.
const MAX_KEPT: usize = 1024 * 1024;

/// State of the data channels.
#[derive(Debug, Default)]
pub(super) struct Data {
    next_sequence: u32,
    waiting: VecDeque<Numbered>,
    waiting_bytes: usize,
    kept: VecDeque<Numbered>,
    kept_bytes: usize,
    /// Highest number seen per sender.
    seen: BTreeMap<String, u32>,
}

#[derive(Debug, Clone)]
struct Numbered {
    sequence: u32,
    bytes: Vec<u8>,
}

impl Data {
    /// A new session: numbers begin again, old packets mean nothing.
    pub(super) fn start_over(&mut self) {
        *self = Self::default();
    }

    pub(super) fn receive_states(&self) -> Vec<proto::DataChannelReceiveState> {
        let state = |(sid, last): (&String, &u32)| proto::DataChannelReceiveState {
            publisher_sid: sid.clone(),
            last_seq: *last,
        };
        self.seen.iter().map(state).collect()
    }

    fn sent(&mut self, packet: Numbered) {
        self.waiting_bytes -= packet.bytes.len();
        self.kept_bytes += packet.bytes.len();
        self.kept.push_back(packet);
        while self.kept_bytes > MAX_KEPT {
            let Some(old) = self.kept.pop_front() else {
                break;
            };
            self.kept_bytes -= old.bytes.len();
        }
    }

    /// Puts what the server lacks back in front of the queue.
    fn rewind(&mut self, last_received: u32) {
        let kept = std::mem::take(&mut self.kept);
        self.kept_bytes = 0;
        for packet in kept
            .into_iter()
            .rev()
            .filter(|p| p.sequence > last_received)
        {
            self.waiting_bytes += packet.bytes.len();
            self.waiting.push_front(packet);
        }
    }

    fn is_repeat(&mut self, packet: &proto::DataPacket) -> bool {
        if packet.sequence == 0 || packet.participant_sid.is_empty() {
            return false;
        }
        let last = self.seen.entry(packet.participant_sid.clone()).or_default();
        let repeat = packet.sequence <= *last;
        *last = packet.sequence.max(*last);
        repeat
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(sequence: u32) -> Numbered {
        Numbered {
            sequence,
            bytes: vec![0; 10],
        }
    }

    #[test]
    fn a_rewind_keeps_order_and_skips_what_was_received() {
        let mut data = Data::default();
        for n in 1..=4 {
            data.waiting_bytes += 10;
            data.sent(numbered(n));
        }
        data.waiting_bytes += 10;
        data.waiting.push_back(numbered(5));
        data.rewind(2);
        let order: Vec<u32> = data.waiting.iter().map(|p| p.sequence).collect();
        assert_eq!(
            (order, data.waiting_bytes, data.kept_bytes),
            (vec![3, 4, 5], 30, 0)
        );
    }

    #[test]
    fn repeats_are_known_by_sender_and_number() {
        let mut data = Data::default();
        let packet = |sid: &str, sequence| proto::DataPacket {
            participant_sid: sid.into(),
            sequence,
            ..Default::default()
        };
        assert!(!data.is_repeat(&packet("PA_1", 1)));
        assert!(data.is_repeat(&packet("PA_1", 1)));
        assert!(!data.is_repeat(&packet("PA_2", 1)));
        assert!(!data.is_repeat(&packet("PA_2", 0)) && !data.is_repeat(&packet("PA_2", 0)));
    }
}
