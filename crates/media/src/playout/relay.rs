//! A stream whose packets are passed on as they are: ordered and evenly paced, and not decoded.

use std::time::Instant;

use bytes::Bytes;

use super::stream::Stream;
use super::voice::Voice;
use crate::jitter::Playout;
use crate::level;

/// What to pass on next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relayed {
    /// This packet.
    Packet {
        /// As it came.
        payload: Bytes,
        /// How long it plays, on the codec's clock.
        ticks: u32,
        /// More wait than need to: pass the next one on at once. The listener's own buffer follows
        /// the sender's clock that way, as it would without us between.
        hurry: bool,
    },
    /// Time passes and there is nothing for it: a packet that was lost, or silence.
    Gap {
        /// How long, on the codec's clock.
        ticks: u32,
        /// The sender meant it so.
        meant: bool,
    },
    /// The next packet is not here yet.
    Wait,
    /// Nothing is playing.
    Idle,
}

impl Stream {
    /// What to pass on next, instead of [`Stream::frame`]. What was decoded already and not heard is
    /// let go, so keep to one of the two while a voice speaks.
    pub fn relay(&mut self, now: Instant) -> Relayed {
        self.ready.clear();
        self.kinds.clear();
        match self.jitter.pull(now) {
            Playout::Packet { packet, hurry } => Relayed::Packet {
                payload: packet.payload,
                ticks: packet.duration,
                hurry,
            },
            Playout::Lost { duration, .. } => Relayed::Gap {
                ticks: duration,
                meant: false,
            },
            Playout::Silence { duration } => Relayed::Gap {
                ticks: duration,
                meant: true,
            },
            Playout::Bridge { .. } => Relayed::Wait,
            Playout::Empty => Relayed::Idle,
        }
    }

    /// How loud a packet is that is passed on, in dBov. One of a few is decoded to know, and the
    /// others are told as it: meters look over half a second, and decoding costs as much as all the
    /// rest of passing on.
    pub fn loudness(&mut self, payload: &[u8]) -> i8 {
        self.metered = (self.metered + 1) % METERED;
        if self.metered == 1
            && let Voice::Opus(decoder) = &mut self.voice
            && let Ok(sound) = decoder.decode(payload)
        {
            self.level = level::dbov(sound);
        }
        self.level
    }
}

/// One in so many packets is decoded for its level.
const METERED: u8 = 5;
