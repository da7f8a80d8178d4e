//! What is kept of the data channels.
//!
//! Reliable packets are numbered per session and kept for a while, so that a resume can send
//! again what the server did not get. What arrives twice is dropped by sender and number.

use std::collections::{BTreeMap, VecDeque};

use livekit_protocol as proto;

/// Reliable bytes kept for a resume.
const MAX_KEPT: usize = 1024 * 1024;

/// State of the data channels.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) next_sequence: u32,
    pub(super) waiting: VecDeque<Numbered>,
    pub(super) waiting_bytes: usize,
    kept: VecDeque<Numbered>,
    kept_bytes: usize,
    /// Highest number seen per sender.
    seen: BTreeMap<String, u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Numbered {
    pub(super) sequence: u32,
    pub(super) bytes: Vec<u8>,
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

    pub(super) fn sent(&mut self, packet: Numbered) {
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
    pub(super) fn rewind(&mut self, last_received: u32) {
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

    pub(super) fn is_repeat(&mut self, packet: &proto::DataPacket) -> bool {
        if packet.sequence == 0 || packet.participant_sid.is_empty() {
            return false;
        }
        let last = self.seen.entry(packet.participant_sid.clone()).or_default();
        let repeat = packet.sequence <= *last;
        *last = packet.sequence.max(*last);
        repeat
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
