//! Calls with the agent itself, checked by ear: what others' software hears is put into words by
//! the speech model and compared.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod baresip;
mod ear;
mod hygiene;
mod killed;
mod line;
mod sdk;
mod stopped;
mod transfer;
