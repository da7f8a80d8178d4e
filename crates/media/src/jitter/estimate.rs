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
    /// As they came.
    transits: VecDeque<i64>,
    /// The same from the fastest to the slowest.
    sorted: Vec<i64>,
    base: i64,
    target: i64,
    bounds: (i64, i64),
}

impl Estimator {
    pub(super) fn new(min: i64, max: i64) -> Self {
        Self {
            transits: VecDeque::with_capacity(WINDOW),
            sorted: Vec::with_capacity(WINDOW),
            base: 0,
            target: min,
            bounds: (min, max.max(min)),
        }
    }

    /// Records the transit time (arrival minus timestamp, both in nanoseconds) of a packet.
    pub(super) fn record(&mut self, transit: i64) {
        if self.transits.len() == WINDOW
            && let Some(oldest) = self.transits.pop_front()
            && let Ok(place) = self.sorted.binary_search(&oldest)
        {
            self.sorted.remove(place);
        }
        self.transits.push_back(transit);
        let place = self.sorted.partition_point(|other| *other < transit);
        self.sorted.insert(place, transit);
        self.base = self.sorted.first().copied().unwrap_or(transit);
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
        self.sorted.clear();
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

    fn p95(&self) -> i64 {
        // What no permitted delay could have saved says nothing about the delay to choose.
        let useful = self.base.saturating_add(self.bounds.1);
        let count = self.sorted.partition_point(|transit| *transit <= useful);
        let place = (count * 95).div_ceil(100).saturating_sub(1);
        self.sorted
            .get(place)
            .map_or(0, |transit| transit - self.base)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The window is sorted as it moves; this sorts it anew each time.
        #[test]
        fn the_window_that_is_kept_sorted_says_what_sorting_it_would(
            transits in prop::collection::vec(0_i64..40, 1..600)
        ) {
            let mut estimator = Estimator::new(0, 30);
            for (at, transit) in transits.iter().enumerate() {
                estimator.record(*transit);
                let mut window = transits[(at + 1).saturating_sub(WINDOW)..=at].to_vec();
                window.sort_unstable();
                prop_assert_eq!(&estimator.sorted, &window);
                prop_assert_eq!(estimator.base(), window[0]);
                let end = window[0] + 30;
                window.retain(|transit| *transit <= end);
                let place = (window.len() * 95).div_ceil(100) - 1;
                prop_assert_eq!(estimator.p95(), window[place] - estimator.base());
            }
        }
    }
}
