//! Transactions: RFC 3261 section 17, with the accepted state of RFC 6026.
//!
//! ```text
//! INVITE server   Proceeding ─2xx─► Accepted ─L─► gone
//!                     └─3xx-6xx─► Completed ─ACK─► Confirmed ─I─► gone      (G resends, H gives up)
//! other server    Trying ─final─► Completed ─J─► gone
//! INVITE client   Calling ─1xx─► Proceeding ─2xx─► Accepted ─M─► gone       (A resends, B gives up)
//!                     └──────────3xx-6xx─► Completed ─D─► gone
//! other client    Trying ─1xx─► Proceeding ─final─► Completed ─K─► gone     (E resends, F gives up)
//! ```
//! A machine knows nothing of addresses or headers: it is told statuses and times, and says what
//! to send again and when it is over. Repeating a 2xx until its ACK is the call's business, since
//! it must outlive the transaction.

mod client;
mod server;

pub use client::{InviteClient, OnResponse, PlainClient};
pub use server::{InviteServer, PlainServer};

use std::time::{Duration, Instant};

use bytes::Bytes;

/// The base timers of RFC 3261.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Round trip estimate.
    pub t1: Duration,
    /// Longest pause between repeats.
    pub t2: Duration,
    /// How long a message may linger in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
        }
    }
}

impl Timers {
    /// Timers B, F, H, L, M and the patience for an ACK.
    pub const fn limit(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

/// What a timeout asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Send this again.
    pub send: Option<Bytes>,
    /// The other side never answered.
    pub failed: bool,
    /// The transaction is over and can be forgotten.
    pub done: bool,
}

/// Repeats with growing pauses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeat {
    pub(crate) at: Instant,
    pause: Duration,
    longest: Duration,
}

impl Repeat {
    pub(crate) fn new(now: Instant, first: Duration, longest: Duration) -> Self {
        Self {
            at: now + first,
            pause: first,
            longest,
        }
    }

    /// Is it time? If so, sets the next one.
    pub(crate) fn due(&mut self, now: Instant) -> bool {
        if now < self.at {
            return false;
        }
        self.pause = self.pause.saturating_mul(2).min(self.longest);
        self.at = now + self.pause;
        true
    }
}

#[cfg(test)]
mod tests;
