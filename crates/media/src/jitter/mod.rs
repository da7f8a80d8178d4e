//! The adaptive jitter buffer: packets in as they arrive, playout decisions out at an even pace.
//!
//! The consumer calls [`JitterBuffer::pull`] whenever it needs more sound, and obeys the answer. The
//! buffer never looks inside a payload; time and packets are all it sees, so a capture replays.
//!
//! ```text
//!            first packet                 target delay has passed
//!   Idle ───────────────► Filling ───────────────────────────────► Playing
//!     ▲                                                              │ dry for half a second
//!     └──────────────────────────────────────────────────────────────┘
//! ```
//! - The target is `max(20 ms, p95 of lateness)`: it grows at once and shrinks over seconds.
//! - A hole with something behind it is **lost**; running dry is bridged and **grows** the delay by
//!   what was bridged; a timestamp gap without a sequence gap is **silence**, not loss.
//! - A new SSRC, or numbers that jump, are followed once a second packet confirms it, so that one
//!   stray packet cannot cut a call; what comes then goes on behind what waits. A clock that jumps or
//!   stands while the numbers go on is put right at once.
//! - Packets that are no sound take a number and no time ([`JitterBuffer::pass_over`]).

mod buffer;
mod estimate;
mod numbers;
mod queue;
mod unwrap;

use std::time::Duration;

use bytes::Bytes;

pub use buffer::JitterBuffer;

/// One RTP packet as the buffer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The source; a change starts over. Use 0 where the transport already guarantees one source.
    pub ssrc: u32,
    /// Sequence number as on the wire, wrapping.
    pub seq: u16,
    /// RTP timestamp as on the wire, wrapping.
    pub timestamp: u32,
    /// How long the payload plays, in ticks of the RTP clock.
    pub duration: u32,
    /// The encoded sound.
    pub payload: Bytes,
}

/// Bounds of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Ticks per second of the RTP clock: 8000 for G.711, 48000 for Opus.
    pub clock_hz: u32,
    /// The target never goes under this. Lower is only safe on a link without jitter.
    pub min_delay: Duration,
    /// The target never goes over this; what would be later is dropped, since late is worse than lost.
    pub max_delay: Duration,
    /// Most packets held; at 20 ms a packet the default of 100 is two seconds.
    pub capacity: usize,
}

impl Config {
    /// For a clock of `clock_hz`: 20 to 200 ms.
    #[must_use]
    pub const fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz,
            min_delay: Duration::from_millis(20),
            max_delay: Duration::from_millis(200),
            capacity: 100,
        }
    }
}

/// What became of an inserted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It waits for its turn.
    Queued,
    /// Its turn has passed.
    Late,
    /// It was here before.
    Duplicate,
    /// It does not belong to the running stream; a second one like it would be followed.
    Suspect,
    /// It and its predecessor are followed from here on.
    Reset,
}

/// What to play next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playout {
    /// Decode and play this.
    Packet {
        packet: Packet,
        /// The buffer holds more than it needs: leave out a pitch period if that is inaudible.
        hurry: bool,
    },
    /// A packet is missing: conceal `duration` ticks, from `fec` if the codec can.
    Lost {
        /// Ticks to conceal.
        duration: u32,
        /// Payload of the packet right after the lost one.
        fec: Option<Bytes>,
    },
    /// The next packet is not here yet: bridge `duration` ticks as if lost; it will be played after.
    Bridge {
        /// Ticks to bridge.
        duration: u32,
    },
    /// The sender is silent on purpose: play `duration` ticks of silence or comfort noise.
    Silence {
        /// Ticks of silence.
        duration: u32,
    },
    /// Nothing is playing.
    Empty,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets given to the buffer.
    pub received: u64,
    /// Packets played.
    pub played: u64,
    /// Packets that never came in time.
    pub lost: u64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Packets seen twice.
    pub duplicate: u64,
    /// Packets that arrived after a younger one but in time.
    pub reordered: u64,
    /// Packets thrown away because the delay or the queue had grown too long.
    pub dropped: u64,
    /// Times the buffer ran dry while playing.
    pub bridged: u64,
    /// Times it went along with a new source or a jump.
    pub resets: u64,
    /// The delay it aims for.
    pub target: Duration,
    /// The delay of the last packet played, over the fastest packet of the last seconds.
    pub delay: Duration,
}

#[cfg(test)]
mod tests;
