//! What a line sounds like that rings at the other end: 425 Hz, a second of five (ITU-T E.180).

use trunkline_media::SampleRate;
use trunkline_media::tone::Sine;

pub(super) struct Ringing {
    sine: Sine,
    /// Samples so far, of one period.
    at: usize,
    second: usize,
}

impl Ringing {
    pub(super) fn new(rate: SampleRate) -> Self {
        Self {
            sine: Sine::new(rate, HZ, LOUD),
            at: 0,
            second: rate.samples_in_ms(1000),
        }
    }

    /// The next frame, over what is there. A second is a whole number of frames.
    pub(super) fn fill(&mut self, pcm: &mut [i16]) {
        if self.at < self.second {
            self.sine.fill(pcm);
        } else {
            pcm.fill(0);
        }
        self.at = (self.at + pcm.len()) % (self.second * PERIOD);
    }
}

const HZ: f64 = 425.0;

/// Peak, in dBFS.
const LOUD: f64 = -16.0;

/// Seconds from one ring to the next.
const PERIOD: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_rings_for_one_second_of_five() {
        let mut ringing = Ringing::new(SampleRate::HZ_16000);
        let mut heard = Vec::new();
        for _ in 0..500 {
            let mut pcm = vec![0; 320];
            ringing.fill(&mut pcm);
            heard.push(pcm.iter().any(|sample| *sample != 0));
        }
        let rings = |second: usize| heard[second * 50..][..50].iter().all(|loud| *loud);
        let quiet = |second: usize| heard[second * 50..][..50].iter().all(|loud| !*loud);
        assert!(rings(0) && rings(5));
        assert!((1..5).all(quiet) && (6..10).all(quiet));
    }
}
