//! SIP as code: what `livekit-sip-correct.yaml` wants, beside what a LiveKit server has.
//!
//! [`plan`] is pure: from what is wanted, what a server lists and what was written before it makes
//! the steps that lead from one to the other, in an order that the server takes. [`apply`] goes
//! them. The same two serve the embedded node at its start and `sip plan | apply | drift | rollback`
//! against any server.

pub(crate) mod apply;
pub(crate) mod back;
pub(crate) mod book;
pub(crate) mod drift;
pub(crate) mod entry;
pub(crate) mod export;
pub(crate) mod fields;
pub(crate) mod lint;
mod order;
pub(crate) mod plan;
pub(crate) mod registered;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod sorted;

#[cfg(test)]
mod tests;
