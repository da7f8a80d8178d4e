//! Voice activity.

/// Samples in one voice-activity window: 32 ms at [`SPEECH_RATE`](super::SPEECH_RATE).
pub const VAD_WINDOW: usize = 512;

/// Finds voice in sound. Shared; each audio stream takes its own [`VadStream`].
pub trait Vad: Send + Sync {
    /// A detector for one audio stream, with no memory of any other.
    fn start(&self) -> Box<dyn VadStream>;
}

/// One stream's detector. Cheap enough to call where the audio is.
pub trait VadStream: Send {
    /// Probability that this window holds a voice.
    fn process(&mut self, window: &[i16; VAD_WINDOW]) -> f32;

    /// Forgets what was heard.
    fn reset(&mut self);
}
