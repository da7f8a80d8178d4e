//! A small phone: it places one call over UDP, speaks PCM frames and hears packets as they come.
//! The demo's caller and our own measurements use it; it shares the SIP and RTP core with the
//! gateway and nothing else.

mod agent;
mod handle;

pub use handle::{CallError, CallSummary, Caller, HeardFrame, OutgoingCall};
