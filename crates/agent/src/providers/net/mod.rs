//! What providers need on the wire alike: requests whose every wait has an end, server-sent events,
//! WebSockets, and samples as bytes. Whatever goes wrong comes back as a [`Failure`] of its kind.
//!
//! [`Failure`]: crate::provider::Failure

mod http;
mod pcm;
mod sse;
mod ws;

pub use http::{Body, Deadlines, send};
pub use pcm::{Samples, bytes_of, wav};
pub use sse::{Events, Garbled};
pub use ws::{Received, Socket, connect};
