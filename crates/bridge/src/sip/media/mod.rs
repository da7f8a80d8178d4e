//! The sound of one call: RTP on one side, room tracks on the other.
//!
//! ```text
//! phone ─RTP─► latch ─► jitter, G.711, concealment ─20 ms─► Opus ─► our track
//! phone ◄─RTP─ G.711 ◄─ mix ◄─ jitter, Opus at 8 kHz ◄─────────── their tracks
//! ```
//! Two clocks of one task. The room's clock takes its phase from the phone's first packet, so that
//! a frame waits for nothing but the jitter buffer; the phone's runs from the answer on without a
//! gap, with silence when nobody speaks.

mod outgoing;
mod phone;
mod ports;
mod ringing;
mod session;
mod shield;
mod summary;
mod voices;

pub(crate) use outgoing::Outgoing;
pub(crate) use ports::{NoPort, Pair, Ports};
pub(crate) use session::{MediaCommand, MediaEvent, MediaSession, Setup};
pub(crate) use summary::MediaSummary;

use std::time::Duration;

use trunkline_media::g711::Law;
use trunkline_sip::sdp::Codec;

/// The companding law of a codec.
pub(crate) const fn law(codec: Codec) -> Law {
    match codec {
        Codec::Pcmu => Law::Mu,
        Codec::Pcma => Law::A,
    }
}

/// What LiveKit and every phone use.
pub(crate) const FRAME: Duration = Duration::from_millis(20);
