//! The daemon as its peers on the telephone's side see it, from outside.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "../../../crates/sip/tests/torture/cases.rs"]
mod cases;
mod draining;
mod tls;
mod torture;
