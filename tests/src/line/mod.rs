//! A bad line of our own, since not every kernel makes one: what becomes of each packet, as a function
//! of a seed. The [`Relay`] puts it between a phone and a gateway; measurements in virtual time ask
//! the [`Line`] itself.

mod relay;
mod rewrite;

pub use relay::Relay;

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

/// What a line does to packets. The default does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather {
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// Packets lost in a row, on average; below 2 each is lost or not by itself.
    pub burst: f64,
    /// How long each packet takes at least.
    pub delay: Duration,
    /// Beyond it each takes up to twice this, evenly spread; none overtakes another by it.
    pub jitter: Duration,
    /// Share of packets that are held back until later ones have passed.
    pub reorder: f64,
    /// Share of packets that come twice.
    pub duplicate: f64,
}

/// One direction of a line.
#[derive(Clone, Debug)]
pub struct Line {
    weather: Weather,
    rng: SmallRng,
    /// In the middle of a burst of losses.
    is_down: bool,
    /// When the last packet arrived.
    last: Duration,
}

impl Line {
    /// The same packets on a line of the same seed have the same fate.
    #[must_use]
    pub fn new(weather: Weather, seed: u64) -> Self {
        Self {
            weather,
            rng: SmallRng::seed_from_u64(seed),
            is_down: false,
            last: Duration::ZERO,
        }
    }

    /// When a packet that is sent at `at` arrives: never, once or twice. Times count from any moment,
    /// and do not go back.
    pub fn carry(&mut self, at: Duration) -> Vec<Duration> {
        // Each draw is made whatever came of the others, so that one setting changes nothing else.
        let is_lost = self.loses();
        let late = self.weather.jitter.mul_f64(2.0 * self.rng.random::<f64>());
        let is_held = self.chance(self.weather.reorder);
        let is_doubled = self.chance(self.weather.duplicate);
        if is_lost {
            return Vec::new();
        }
        let due = at + self.weather.delay + late;
        let arrival = if is_held {
            due.max(self.last) + HELD
        } else {
            self.last = self.last.max(due);
            self.last
        };
        if is_doubled {
            vec![arrival, arrival + APART]
        } else {
            vec![arrival]
        }
    }

    fn loses(&mut self) -> bool {
        let Weather { loss, burst, .. } = self.weather;
        if burst < 2.0 || loss >= 1.0 {
            return self.chance(loss);
        }
        // Gilbert's two states, with the mean length and the mean share that were asked for.
        let changes = if self.is_down {
            1.0 / burst
        } else {
            loss / (burst * (1.0 - loss))
        };
        if self.chance(changes) {
            self.is_down = !self.is_down;
        }
        self.is_down
    }

    fn chance(&mut self, share: f64) -> bool {
        self.rng.random::<f64>() < share
    }
}

/// How much later a packet comes that others overtake: two of them at 20 ms.
const HELD: Duration = Duration::from_millis(45);

/// Between the two copies of a packet.
const APART: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: u32 = 100_000;

    fn at(number: u32) -> Duration {
        Duration::from_millis(20) * number
    }

    fn carried(weather: Weather) -> Vec<Vec<Duration>> {
        let mut line = Line::new(weather, 7);
        (0..PACKETS).map(|number| line.carry(at(number))).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of packets")]
    fn share(count: usize) -> f64 {
        count as f64 / f64::from(PACKETS)
    }

    #[test]
    fn a_line_loses_what_it_is_told_to_alone_or_in_bursts() {
        for burst in [0.0, 4.0] {
            let weather = Weather {
                loss: 0.03,
                burst,
                ..Weather::default()
            };
            let fates = carried(weather);
            let lost = fates.iter().filter(|fate| fate.is_empty()).count();
            assert!((share(lost) - 0.03).abs() < 0.003, "{burst}: {lost}");
            let begun = fates
                .windows(2)
                .filter(|two| !two[0].is_empty() && two[1].is_empty());
            #[expect(clippy::cast_precision_loss, reason = "a count of packets")]
            let length = lost as f64 / begun.count() as f64;
            let expected = if burst > 0.0 { burst } else { 1.03 };
            assert!((length - expected).abs() < 0.4, "{burst}: {length}");
        }
    }

    #[test]
    fn jitter_keeps_the_order_and_its_bounds() {
        let weather = Weather {
            delay: Duration::from_millis(40),
            jitter: Duration::from_millis(30),
            ..Weather::default()
        };
        let mut last = Duration::ZERO;
        for (number, fate) in (0..).zip(carried(weather)) {
            let took = fate[0] - at(number);
            assert!(took >= Duration::from_millis(40) && took <= Duration::from_millis(100));
            assert!(fate[0] >= last);
            last = fate[0];
        }
    }

    #[test]
    fn packets_are_overtaken_and_doubled_and_the_same_seed_says_the_same() {
        let weather = Weather {
            reorder: 0.02,
            duplicate: 0.01,
            ..Weather::default()
        };
        let fates = carried(weather);
        assert_eq!(fates, carried(weather));
        let twice = fates.iter().filter(|fate| fate.len() == 2).count();
        assert!((share(twice) - 0.01).abs() < 0.002, "{twice}");
        let overtaken = fates.windows(2).filter(|two| two[0][0] > two[1][0]).count();
        assert!((share(overtaken) - 0.02).abs() < 0.003, "{overtaken}");
    }
}
