//! How a leg sounds to people: the E-model of ITU-T G.107, reduced to what a gateway can measure.
//!
//! Delay and loss make a rating, the rating a mean opinion score between 1 and 4.5 on the scale of
//! narrow-band telephony. Wide-band codecs are rated on the same scale, so that legs compare; they
//! sound better than their figure.

use std::time::Duration;

/// What was measured of one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Mouth to ear, as far as it is known.
    pub delay: Duration,
    /// Part of the sound that never played, 0 to 1.
    pub loss: f64,
    /// What the codec and its concealment are worth.
    pub coding: Coding,
}

/// Impairment of a codec (ITU-T G.113 appendix I).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coding {
    /// Without any loss.
    pub impairment: f64,
    /// Robustness against loss at random, in percent.
    pub robustness: f64,
}

impl Coding {
    /// G.711 and what sounds as good, with concealment.
    pub const CONCEALED: Self = Self {
        impairment: 0.0,
        robustness: 25.1,
    };
    /// G.711 with holes in it.
    pub const BARE: Self = Self {
        impairment: 0.0,
        robustness: 4.3,
    };
    /// G.729A.
    pub const G729A: Self = Self {
        impairment: 11.0,
        robustness: 19.0,
    };
}

impl Leg {
    /// The rating R, 0 to 93.2.
    #[must_use]
    pub fn rating(&self) -> f64 {
        let ms = self.delay.as_secs_f64() * 1000.0;
        let delay = 0.024 * ms + 0.11 * (ms - NOTICED_MS).max(0.0);
        let percent = self.loss.clamp(0.0, 1.0) * 100.0;
        let Coding {
            impairment,
            robustness,
        } = self.coding;
        let coding = impairment + (95.0 - impairment) * percent / (percent + robustness);
        (BEST - delay - coding).clamp(0.0, BEST)
    }

    /// The mean opinion score, 1 to 4.41.
    #[must_use]
    pub fn mos(&self) -> f64 {
        let r = self.rating();
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
    }
}

/// R of a perfect telephone line.
const BEST: f64 = 93.2;

/// From here on people feel a delay (Cole and Rosenbluth's fit of G.107).
const NOTICED_MS: f64 = 177.3;

#[cfg(test)]
mod tests {
    use super::*;

    /// Published values for one-way delays of 50 to 400 ms.
    #[test]
    fn scores_are_those_of_the_table() {
        let delays = [50, 100, 150, 200, 250, 300, 400];
        for (coding, percent, scores) in [
            (
                Coding::CONCEALED,
                0.0,
                [4.38, 4.36, 4.33, 4.23, 3.99, 3.71, 3.05],
            ),
            (
                Coding::CONCEALED,
                1.0,
                [4.30, 4.26, 4.23, 4.11, 3.85, 3.54, 2.86],
            ),
            (
                Coding::CONCEALED,
                3.0,
                [4.09, 4.05, 4.00, 3.85, 3.55, 3.22, 2.52],
            ),
            (
                Coding::CONCEALED,
                5.0,
                [3.87, 3.82, 3.77, 3.60, 3.28, 2.93, 2.23],
            ),
            (
                Coding::BARE,
                1.0,
                [3.78, 3.73, 3.67, 3.50, 3.17, 2.82, 2.12],
            ),
            (
                Coding::BARE,
                3.0,
                [2.73, 2.67, 2.60, 2.41, 2.07, 1.76, 1.25],
            ),
            (
                Coding::G729A,
                1.0,
                [3.90, 3.85, 3.80, 3.63, 3.30, 2.96, 2.26],
            ),
        ] {
            for (ms, expected) in delays.into_iter().zip(scores) {
                let leg = Leg {
                    delay: Duration::from_millis(ms),
                    loss: percent / 100.0,
                    coding,
                };
                let mos = leg.mos();
                assert!(
                    (mos - expected).abs() < 0.011,
                    "{leg:?}: {mos:.3}, {expected}"
                );
            }
        }
    }

    #[test]
    fn no_figures_leave_the_scale() {
        for loss in [-1.0, 0.0, 0.5, 1.0, 7.0] {
            for delay in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
                let mos = Leg {
                    delay,
                    loss,
                    coding: Coding::BARE,
                }
                .mos();
                assert!((1.0..=4.42).contains(&mos), "{loss} {delay:?}: {mos}");
            }
        }
    }
}
