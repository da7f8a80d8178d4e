//! From packets to even sound: jitter buffer, decoder, concealment and catching up in one machine.
//!
//! Insert packets as they come; take frames of any length at the pace of a clock. The stream never
//! answers with less than it was asked for, and says what the frame is made of.

mod codec;
mod relay;
mod stream;
mod voice;

pub use codec::{Codec, Heard, PlayoutError};
pub use relay::Relayed;
pub use stream::Stream;

#[cfg(test)]
mod drift_tests;
#[cfg(test)]
mod tests;
