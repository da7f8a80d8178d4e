//! Voice activity without any file: the earshot crate, whose weights are compiled in.

use earshot::Detector;

use crate::provider::{VAD_WINDOW, Vad, VadStream};

/// Samples earshot takes at a time.
const FRAME: usize = 256;

/// Voice activity that needs no model file. Less sure of itself on a telephone line than Silero.
#[derive(Clone, Copy, Debug, Default)]
pub struct EarshotVad;

impl Vad for EarshotVad {
    fn start(&self) -> Box<dyn VadStream> {
        Box::new(Stream(Detector::default_boxed()))
    }
}

struct Stream(Box<Detector>);

impl VadStream for Stream {
    fn process(&mut self, window: &[i16; VAD_WINDOW]) -> f32 {
        window
            .chunks_exact(FRAME)
            .map(|frame| self.0.predict_i16(frame))
            .fold(0.0, f32::max)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_holds_no_voice() {
        let mut stream = EarshotVad.start();
        let loudest = (0..100)
            .map(|_| stream.process(&[0; VAD_WINDOW]))
            .fold(0.0, f32::max);
        assert!(loudest < 0.5, "{loudest}");
    }
}
