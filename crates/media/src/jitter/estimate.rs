//! How late packets are: transit times over a sliding window, and the delay that covers them.

use std::collections::VecDeque;

/// Packets remembered: five seconds at 20 ms. Shorter forgets bursts, longer follows drift late.
const WINDOW: usize = 250;
/// Share of the distance that the target gives back per packet when the link gets better: about two
/// seconds to settle. Quicker would hunt after every quiet moment.
const SHRINK: i64 = 100;

/// Lateness in nanoseconds over the fastest packet in the window.
#[derive(Debug)]
pub(super) struct Estimator {
    transits: VecDeque<i64>,
    scratch: Vec<i64>,
    base: i64,
    target: i64,
    bounds: (i64, i64),
}

impl Estimator {
    pub(super) fn new(min: i64, max: i64) -> Self {
        Self {
            transits: VecDeque::with_capacity(WINDOW),
            scratch: Vec::with_capacity(WINDOW),
            base: 0,
            target: min,
            bounds: (min, max.max(min)),
        }
    }

    /// Records the transit time (arrival minus timestamp, both in nanoseconds) of a packet.
    pub(super) fn record(&mut self, transit: i64) {
        if self.transits.len() == WINDOW {
            self.transits.pop_front();
        }
        self.transits.push_back(transit);
        self.base = self.transits.iter().copied().min().unwrap_or(transit);
        let wanted = self.p95().clamp(self.bounds.0, self.bounds.1);
        if wanted >= self.target {
            self.target = wanted;
        } else {
            self.target -= (self.target - wanted) / SHRINK;
        }
    }

    /// Forgets transit times, which a new source makes meaningless; keeps the target.
    pub(super) fn restart(&mut self) {
        self.transits.clear();
        self.base = 0;
    }

    /// The transit time of the fastest packet.
    pub(super) fn base(&self) -> i64 {
        self.base
    }

    /// The delay that covers 95 of 100 packets, within bounds.
    pub(super) fn target(&self) -> i64 {
        self.target
    }

    fn p95(&mut self) -> i64 {
        // What no permitted delay could have saved says nothing about the delay to choose.
        let useful = self.base.saturating_add(self.bounds.1);
        self.scratch.clear();
        self.scratch
            .extend(self.transits.iter().filter(|transit| **transit <= useful));
        let place = (self.scratch.len() * 95).div_ceil(100).saturating_sub(1);
        if self.scratch.is_empty() {
            return 0;
        }
        let (_, value, _) = self.scratch.select_nth_unstable(place);
        *value - self.base
    }
}
