//! How the models run, which those who run them and the one that loads them all need to know.

/// How the models run.
#[derive(Clone, Debug)]
pub struct SpeechConfig {
    /// Threads for each of hearing, speaking and judging turns. Each has models of its own
    /// (about 140 MB for the three), so that no thread waits for another's.
    pub workers: usize,
    /// Threads inside one job. More than the idle cores makes every job slower.
    pub intra_threads: usize,
    /// How much the voice varies from one saying to the next: 1 as it was trained, 0 always the
    /// same.
    pub variation: f32,
    /// Jobs that may wait. A longer queue only turns overload into silence on the line.
    pub queue: usize,
}

impl Default for SpeechConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            intra_threads: 1,
            variation: 1.0,
            queue: 32,
        }
    }
}
