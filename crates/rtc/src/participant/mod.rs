//! The client side of a LiveKit session: signalling and two peers, without sockets.
//!
//! ```text
//! Event::Dial ─► shell opens the socket ─► signal_opened / signal_failed
//! handle_signal / signal_lost              SignalResponse in
//! poll_signal                              SignalRequest out
//! handle_datagram / poll_transmit          UDP
//! handle_timeout / poll_timeout            time
//! poll_event                               what happened
//! publish, send_audio, send_data, ...      what is wanted
//! ```
//! It speaks the two-connection form of the protocol (`/rtc`), which every LiveKit server has.

mod config;
mod event;

pub use config::{
    AudioOut, DataOut, Dial, DialFailure, LocalTrack, ParticipantConfig, Profile, Publish,
};
pub use event::{End, Event, MediaPacket, TrackEnd};
