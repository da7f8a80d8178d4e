//! Is someone speaking? Two light answers that need no model file.

use crate::{SampleRate, level};

/// Something that hears frames and says how likely each is speech.
pub trait VoiceDetector: Send {
    /// Samples of one frame.
    fn frame(&self) -> usize;
    /// The probability that a frame of exactly [`VoiceDetector::frame`] samples is speech.
    fn probability(&mut self, frame: &[i16]) -> f32;
    /// Forgets the past.
    fn reset(&mut self);
}

/// The small neural detector of the `earshot` crate: 16 ms frames at 16 kHz.
pub struct Earshot(Box<earshot::Detector>);

impl Earshot {
    /// Samples of one frame at 16 kHz.
    pub const FRAME: usize = 256;

    /// A detector that has heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self(earshot::Detector::default_boxed())
    }
}

impl Default for Earshot {
    fn default() -> Self {
        Self::new()
    }
}

impl VoiceDetector for Earshot {
    fn frame(&self) -> usize {
        Self::FRAME
    }

    fn probability(&mut self, frame: &[i16]) -> f32 {
        if frame.len() == Self::FRAME {
            self.0.predict_i16(frame)
        } else {
            0.0
        }
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Speech must stand this far above the room.
const MARGIN_DB: f32 = 12.0;
/// Half the width of the slope around the threshold.
const SLOPE_DB: f32 = 6.0;
/// Below this nothing is speech, however silent the room.
const FLOOR_DBOV: f32 = -60.0;
/// How quickly the room is believed to have become louder.
const RISE_DB_PER_SECOND: f32 = 2.0;

/// Speech by loudness over the room's noise, at any rate, in frames of 10 ms.
#[derive(Clone, Debug)]
pub struct EnergyVad {
    frame: usize,
    room_dbov: f32,
}

impl EnergyVad {
    /// A detector for PCM at `rate`.
    #[must_use]
    pub fn new(rate: SampleRate) -> Self {
        Self {
            frame: rate.samples_in_ms(10),
            room_dbov: FLOOR_DBOV,
        }
    }
}

impl VoiceDetector for EnergyVad {
    fn frame(&self) -> usize {
        self.frame
    }

    fn probability(&mut self, frame: &[i16]) -> f32 {
        let now = f32::from(level::dbov(frame));
        let risen = self.room_dbov + RISE_DB_PER_SECOND / 100.0;
        self.room_dbov = now.min(risen).max(-90.0);
        let threshold = (self.room_dbov + MARGIN_DB).max(FLOOR_DBOV);
        ((now - threshold + SLOPE_DB) / (2.0 * SLOPE_DB)).clamp(0.0, 1.0)
    }

    fn reset(&mut self) {
        self.room_dbov = FLOOR_DBOV;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Noise, sine};

    #[test]
    fn a_voice_over_a_noisy_room_is_heard_and_the_room_is_not() {
        let rate = SampleRate::HZ_8000;
        let mut vad = EnergyVad::new(rate);
        let mut noise = Noise::new(5, -50.0);
        let mut room = vec![0; vad.frame()];
        for _ in 0..1_500 {
            noise.fill(&mut room);
            vad.probability(&room);
        }
        assert!(vad.probability(&room) < 0.1);
        assert!(vad.probability(&sine(rate, 300.0, -20.0, 80)) > 0.9);
        assert!(vad.probability(&[0; 80]) < 0.01);
    }

    #[test]
    fn the_neural_detector_calls_silence_silence_and_refuses_odd_frames() {
        let mut vad = Earshot::new();
        let last = (0..50)
            .map(|_| vad.probability(&[0; Earshot::FRAME]))
            .last()
            .unwrap();
        assert!(last < 0.5, "{last}");
        assert!(vad.probability(&[0; 10]).abs() < f32::EPSILON);
        vad.reset();
    }
}
