//! The sound of one call: RTP on one side, room tracks on the other.
//!
//! ```text
//! phone ─RTP─► latch ─► jitter, decoder, concealment ─20 ms─► Opus ─► our track
//! phone ◄─RTP─ encoder ◄─ mix ◄─ jitter, Opus at the phone's rate ◄── their tracks
//! ```
//! Where the phone speaks Opus too, packets pass as they are, both ways, behind the same jitter
//! buffers; only several voices at once are mixed. Rates follow the phone's codec, so that nothing
//! is resampled.
//!
//! Two clocks of one task. The room's clock takes its phase from the phone's first packet, so that
//! a frame waits for nothing but the jitter buffer; the phone's runs from the answer on without a
//! gap, with silence when nobody speaks.

mod coding;
mod commands;
mod cue;
mod home;
#[cfg(test)]
mod memory_tests;
mod outgoing;
mod phone;
mod place;
mod ports;
mod ringing;
mod room;
mod session;
mod shield;
mod summary;
mod tap;
mod voices;

pub(crate) use coding::law;
pub(crate) use commands::{MediaCommand, MediaEvent, Setup};
pub(crate) use cue::Cue;
pub(crate) use home::{Home, Inward};
pub(crate) use outgoing::{Frame, Outgoing};
pub(crate) use place::Place;
pub(crate) use ports::{NoPort, Pair, Ports};
pub(crate) use session::MediaSession;
pub(crate) use summary::{MediaSummary, Rating};
pub(crate) use tap::{Reel, Reels};

use std::time::Duration;

/// What LiveKit and every phone use.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
