//! A gateway beside a LiveKit that is another process: one that keeps no trunks and rules, one
//! that is restarted with other keys while people talk, and one whose rules change.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[expect(dead_code, reason = "a CA that others need more of")]
#[path = "../gateway/authority.rs"]
mod authority;
#[expect(dead_code, reason = "a phone that others need more of")]
#[path = "../gateway/callee.rs"]
mod callee;
mod dials;
mod encrypted;
mod house;
mod outlives;
mod passing;
mod phone;
mod place;
mod restarts;
mod rules;
mod storeless;
