//! A seeded link that delays, loses and reorders datagrams.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use trunkline_rtc::peer::Transmit;

/// How bad the link is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) loss: f64,
    pub(crate) delay_ms: (u64, u64),
}

pub(crate) const CLEAN: Shape = Shape {
    loss: 0.0,
    delay_ms: (5, 5),
};
pub(crate) const ROUGH: Shape = Shape {
    loss: 0.05,
    delay_ms: (10, 60),
};

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flying {
    at: Instant,
    order: u64,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

pub(crate) struct Link {
    pub(crate) shape: Shape,
    rng: StdRng,
    flying: BinaryHeap<Reverse<Flying>>,
    order: u64,
}

pub(crate) struct Arrived {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

impl Link {
    pub(crate) fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shape,
            rng: StdRng::seed_from_u64(seed),
            flying: BinaryHeap::new(),
            order: 0,
        }
    }

    pub(crate) fn send(&mut self, transmit: Transmit, now: Instant) {
        if self.rng.random_bool(self.shape.loss) {
            return;
        }
        let (least, most) = self.shape.delay_ms;
        let at = now + Duration::from_millis(self.rng.random_range(least..=most));
        self.order += 1;
        let Transmit { from, to, bytes } = transmit;
        self.flying.push(Reverse(Flying {
            at,
            order: self.order,
            from,
            to,
            bytes,
        }));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.flying.peek().map(|f| f.0.at)
    }

    pub(crate) fn arrive(&mut self, now: Instant) -> Option<Arrived> {
        if self.next()? > now {
            return None;
        }
        let Flying {
            from, to, bytes, ..
        } = self.flying.pop()?.0;
        Some(Arrived { from, to, bytes })
    }
}
