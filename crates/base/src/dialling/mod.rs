//! Toll fraud: which numbers may be dialled, how many at a time and how often.
//!
//! Whoever has a key of ours could otherwise dial numbers that cost by the minute and pay him. What
//! may be dialled is said by prefix, the longest one decides; each trunk carries so many calls at a
//! time, and so many in a minute; some numbers have their hours, and all calls together may cost so much
//! in a day and in a month. An emergency number is none of this: it is known by the whole of what goes
//! out, and never refused.

mod budget;
mod counts;
mod denied;
mod hours;
#[cfg(test)]
mod meaning_tests;
mod moment;
mod policy;
mod spent;
#[cfg(test)]
mod tests;

pub use budget::Budget;
pub use counts::{Counted, DialCounts, Kept};
pub use denied::Denied;
pub use hours::{DAYS, Date, Hours, LocalTime};
pub use moment::Moment;
pub use policy::{DEARLY, DialPolicy, Dialling, EMERGENCY};
pub use spent::Spent;
