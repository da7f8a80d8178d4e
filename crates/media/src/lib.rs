//! Audio as arithmetic: codecs, resampling, mixing, jitter and concealment, levels, containers.
//!
//! Nothing here touches a clock, a socket, a task or a global: time is an argument, and the same
//! inputs give the same outputs. PCM is `&[i16]` mono wherever a name does not say otherwise.
//!
//! - [`opus`], [`g722`] and [`g711`] are the codecs, [`resample`] joins their rates.
//! - [`jitter`] orders packets and decides when each is played; [`playout`] puts a jitter buffer, a
//!   decoder, concealment and time scaling together and gives back even frames of PCM.
//! - [`dtmf`] hears telephone keys in a voice, [`quality`] says how a leg sounds to people.
//! - [`ogg`] writes a call as two Opus streams in one file, without decoding, and reads it back.
//! - [`wav`], [`tone`], [`level`], [`mix`], [`vad`], [`timeline`] and [`analyse`] are the small tools around
//!   them, [`pages`] the memory that payloads are kept in.

mod sample;

pub mod analyse;
pub mod conceal;
pub mod dtmf;
pub mod g711;
pub mod g722;
pub mod jitter;
pub mod level;
pub mod mix;
pub mod ogg;
pub mod opus;
pub mod pages;
pub mod playout;
pub mod quality;
pub mod rate;
pub mod resample;
pub mod timeline;
pub mod tone;
pub mod vad;
pub mod wav;

pub use rate::SampleRate;
