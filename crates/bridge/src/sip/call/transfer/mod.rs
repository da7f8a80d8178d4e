//! Sending whoever is on the phone to somebody else, by REFER.
//!
//! ```text
//! API ─► Exchange: which call is it? ─► the call ─► REFER ─► 202, NOTIFY 100, 180 …
//!    └─ 200, or a BYE after the 202: the call is over   └─ anything else: it goes on
//! ```

mod exchange;
mod order;
mod run;

pub use order::TransferError;

pub(crate) use exchange::Exchange;
pub(crate) use order::TransferOrder;

pub(super) use order::Wish;
pub(super) use run::Transfers;
