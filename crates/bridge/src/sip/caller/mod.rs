//! A small phone: it places one call over UDP, speaks PCM frames and hears packets as they come.
//! The demo's caller and our own measurements use it; it shares the SIP and RTP core with the
//! gateway and nothing else.

mod agent;
mod handle;
mod outcome;

pub use handle::{Caller, OutgoingCall};
pub use outcome::{CallError, CallSummary, HeardFrame};
