//! Symmetric RTP with a lock: media goes to where media comes from, and nobody can steal it later.
//!
//! ```text
//!   nothing ──first packet from the SDP's address──► locked there
//!      └──── 5 packets in a row of one other source and SSRC ──► locked there (behind a NAT)
//!   locked ──5 packets in a row of one new source and SSRC, and──► locked there
//!            a) within 5 s of the start or of a re-INVITE, or
//!            b) after 3 s of silence from the locked source, same SSRC as before
//! ```
//! Packets from anywhere else are not played and do not move anything.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latched {
    /// It is from the right place.
    Accept,
    /// It is from a new place, which is the right one from now on.
    Moved,
    /// Drop it.
    Ignore,
}

/// Where media goes and whence it is taken.
#[derive(Debug)]
pub struct Latch {
    signalled: Option<SocketAddr>,
    locked: Option<Locked>,
    candidate: Option<Candidate>,
    open_until: Instant,
    moves: u32,
}

#[derive(Debug)]
struct Locked {
    source: SocketAddr,
    ssrc: u32,
    last: Instant,
}

#[derive(Debug)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    next: u16,
    packets: u8,
}

impl Latch {
    /// `signalled` is the address in the SDP, if it is usable.
    pub fn new(signalled: Option<SocketAddr>, now: Instant) -> Self {
        Self {
            signalled,
            locked: None,
            candidate: None,
            open_until: now + OPEN,
            moves: 0,
        }
    }

    /// Where to send.
    pub fn target(&self) -> Option<SocketAddr> {
        self.locked
            .as_ref()
            .map(|locked| locked.source)
            .or(self.signalled)
    }

    /// How many times the source changed after the first lock.
    pub const fn moves(&self) -> u32 {
        self.moves
    }

    /// A re-INVITE named an address (perhaps the same): changes are welcome for a while. If it
    /// is a new address, media goes there until packets say otherwise.
    pub fn renegotiated(&mut self, signalled: Option<SocketAddr>, now: Instant) {
        if signalled != self.signalled {
            self.signalled = signalled;
            self.locked = None;
        }
        self.candidate = None;
        self.open_until = now + OPEN;
    }

    /// Judges a packet.
    pub fn on_packet(
        &mut self,
        source: SocketAddr,
        ssrc: u32,
        sequence: u16,
        now: Instant,
    ) -> Latched {
        let Some(locked) = &mut self.locked else {
            let expected = self.signalled == Some(source);
            if !expected && !self.probation(source, ssrc, sequence) {
                return Latched::Ignore;
            }
            self.candidate = None;
            self.locked = Some(Locked {
                source,
                ssrc,
                last: now,
            });
            return if expected {
                Latched::Accept
            } else {
                Latched::Moved
            };
        };
        if locked.source == source {
            locked.last = now;
            locked.ssrc = ssrc;
            self.candidate = None;
            return Latched::Accept;
        }
        let silent = now.saturating_duration_since(locked.last) >= SILENCE && locked.ssrc == ssrc;
        if now > self.open_until && !silent {
            return Latched::Ignore;
        }
        if self.probation(source, ssrc, sequence) {
            self.locked = Some(Locked {
                source,
                ssrc,
                last: now,
            });
            self.candidate = None;
            self.moves += 1;
            return Latched::Moved;
        }
        Latched::Ignore
    }

    /// Counts packets of one newcomer; `true` when there were enough in a row.
    fn probation(&mut self, source: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        let next = sequence.wrapping_add(1);
        match &mut self.candidate {
            Some(c) if c.source == source && c.ssrc == ssrc && c.next == sequence => {
                c.next = next;
                c.packets = c.packets.saturating_add(1);
                c.packets >= PROBATION
            }
            _ => {
                self.candidate = Some(Candidate {
                    source,
                    ssrc,
                    next,
                    packets: 1,
                });
                false
            }
        }
    }
}

/// How long after an offer the source may still change: longer than any NAT or transfer needs.
const OPEN: Duration = Duration::from_secs(5);

/// A locked source that is quiet this long may have moved.
const SILENCE: Duration = Duration::from_secs(3);

/// Packets in a row that make a newcomer credible; at 20 ms this costs 100 ms of audio.
const PROBATION: u8 = 5;
