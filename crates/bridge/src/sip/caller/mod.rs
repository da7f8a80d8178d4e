//! A small phone: it places one call over UDP, speaks PCM frames and hears packets as they come.
//! The demo's caller and our own measurements use it. Its line, its offers and answers, its ports and
//! its RTP are those of the gateway; what is its own is that nobody's room is in between: its user
//! hears each packet as it came, with its number and time, which no call in a room can give.

mod agent;
mod handle;
mod outcome;

pub use handle::{Caller, OutgoingCall};
pub use outcome::{CallError, CallSummary, HeardFrame};
