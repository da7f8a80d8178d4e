//! Talk to any LiveKit server: Cloud, self-hosted, or the embedded node.
//!
//! | Room | What it does |
//! |---|---|
//! | [`auth`] | tokens per role, always fresh, through a `watch` |
//! | [`api`] | the server API (Twirp): every RPC, sent once or repeated as it may be |
//! | [`webhook`] | verifies and types what the server posts |
//! | [`room`] | joins a room as a participant: audio, data, text, attributes |
//! | [`jobs`] | registers as an agent worker and takes jobs |
//! | [`url`], [`tls`] | where a server is, whether it may be spoken to in plain text, whom to believe |
//!
//! Nothing here knows which server is at the other end, and nothing here is tied to the rest of
//! the product: it is usable as a library.

pub mod api;
pub mod auth;
mod clock;
pub mod jobs;
pub mod room;
pub mod tls;
pub mod url;
pub mod webhook;
mod ws;
