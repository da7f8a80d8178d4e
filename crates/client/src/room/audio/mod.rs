//! PCM at both ends of a track: twenty-millisecond frames, paced by the clock.

mod reader;
mod writer;

pub use reader::PcmReader;
pub use trunkline_media::playout::Heard;
pub use writer::PcmWriter;

/// Why PCM and a track do not come together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PcmError {
    /// The room is over.
    #[error("track is closed")]
    Closed,
    /// Not a rate Opus knows.
    #[error("sample rate {rate} is not one opus knows")]
    Rate {
        /// What was asked.
        rate: u32,
    },
    /// Not 20 ms long.
    #[error("frame has {len} samples, {expected} expected")]
    FrameSize {
        /// Samples given.
        len: usize,
        /// Samples of 20 ms.
        expected: usize,
    },
    /// The codec failed.
    #[error("opus encoding failed")]
    Codec,
}
