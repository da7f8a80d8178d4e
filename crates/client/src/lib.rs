//! Talk to any LiveKit server: Cloud, self-hosted, or the embedded node.
//!
//! | Room | What it does |
//! |---|---|
//! | [`auth`] | tokens per role, always fresh, through a `watch` |
//! | [`api`] | the server API (Twirp): rooms, SIP, agent dispatch |
//! | [`webhook`] | verifies and types what the server posts |
//! | [`room`] | joins a room as a participant: audio, data, text, attributes |
//! | [`jobs`] | registers as an agent worker and takes jobs |
//!
//! Nothing here knows which server is at the other end, and nothing here is tied to the rest of
//! the product: it is usable as a library.

pub mod api;
pub mod auth;
pub mod jobs;
pub mod room;
pub mod url;
pub mod webhook;
mod ws;
