//! A call in one OGG file: two Opus streams, caller left and agent right, without decoding either.
//!
//! The file is ordinary stereo to a player: `OpusHead` with mapping family 1, two channels, two
//! streams, none coupled (RFC 7845 section 5.1.1). Each Ogg packet is 20 ms of the left stream in
//! self-delimited framing followed by 20 ms of the right one in plain framing; a frame that is
//! missing is its one-byte TOC, and a gap that lasts is written as silence. Sound is placed by time on a grid of 20 ms, so a late joiner, a mute
//! or a silence takes the room it took in the call.
//!
//! Everything here is bytes and arithmetic: the owner of a file writes what [`DualOpusWriter::take`]
//! gives, and every prefix of it that ends on a page plays.

mod packets;
mod page;
mod reader;
mod slots;
mod writer;

pub use packets::stream_packets;
pub use reader::{Measured, ReadError, Reader, Stereo};
pub use slots::PushError;
pub use writer::{DualOpusWriter, Options, Side};

/// One step of the grid at 48 kHz: 20 ms.
pub const SLOT_48K: u64 = 960;
/// What decoders drop at the start: the look-ahead of a libopus encoder, which every track carries.
pub const PRE_SKIP: u16 = 312;

#[cfg(test)]
mod tests;
