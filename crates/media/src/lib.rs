//! Audio as arithmetic: codecs, resampling, mixing, jitter and concealment, levels, containers.
//!
//! Nothing here touches a clock, a socket, a task or a global: time is an argument, and the same
//! inputs give the same outputs. PCM is `&[i16]` mono wherever a name does not say otherwise.
//!
//! - [`opus`] and [`g711`] are the codecs, [`resample`] joins their rates.

mod sample;

pub mod g711;
pub mod level;
pub mod mix;
pub mod opus;
pub mod rate;
pub mod resample;
pub mod tone;

pub use rate::SampleRate;
