//! PCM at both ends of a track: twenty-millisecond frames, paced by the clock.

mod reader;
mod writer;

pub use reader::PcmReader;
pub use writer::{PcmError, PcmWriter};
