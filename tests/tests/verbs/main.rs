//! The verbs in `lk`'s words against a real node, and against a stub where the request itself or
//! an answer that our node does not give is the point.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod calls;
mod cloud;
mod code;
mod curl;
mod desk;
mod dispatch;
mod http;
mod join;
mod rooms;
mod sip;
mod sound;
mod streams;
mod stub;
mod targets;
