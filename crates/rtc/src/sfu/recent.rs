//! Reliable data of the last moments, for those whose channels are still opening.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addressees::Addressees;
use super::ids::MemberId;
use super::member::Member;

/// How long reliable packets are kept for participants whose channels are still opening.
const KEEP: Duration = Duration::from_secs(2);
/// How much of one sender is kept.
const KEEP_BYTES: usize = 100_000;
/// Reliable packets of the last moments, for late joiners.
#[derive(Debug, Default)]
pub(super) struct Recent {
    packets: VecDeque<Packet>,
}

#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) at: Instant,
    /// Nobody when it is the server's.
    pub(super) from: Option<MemberId>,
    pub(super) to: Addressees,
    pub(super) bytes: Arc<[u8]>,
}

impl Recent {
    pub(super) fn keep(&mut self, packet: Packet) {
        let (from, now) = (packet.from, packet.at);
        self.packets.push_back(packet);
        self.packets
            .retain(|packet| now.saturating_duration_since(packet.at) <= KEEP);
        let mine = |k: &&Packet| k.from == from;
        let mut bytes: usize = self
            .packets
            .iter()
            .filter(mine)
            .map(|k| k.bytes.len())
            .sum();
        while bytes > KEEP_BYTES {
            let Some(oldest) = self.packets.iter().position(|k| k.from == from) else {
                break;
            };
            bytes -= self.packets.remove(oldest).map_or(bytes, |k| k.bytes.len());
        }
    }

    pub(super) fn forget(&mut self, member: MemberId) {
        self.packets.retain(|k| k.from != Some(member));
    }

    /// What was sent lately to a participant, and not by it.
    pub(super) fn missed_by(&self, id: MemberId, member: &Member, now: Instant) -> Vec<Arc<[u8]>> {
        let lately = |packet: &&Packet| now.saturating_duration_since(packet.at) <= KEEP;
        let its = |packet: &&Packet| packet.from != Some(id) && packet.to.include(member);
        let missed = self.packets.iter().filter(lately).filter(its);
        missed.map(|packet| Arc::clone(&packet.bytes)).collect()
    }
}
