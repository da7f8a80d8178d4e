//! RTP sessions as a phone needs them (RFC 3550): packets, reports, and where to send.

mod latch;
mod packet;
mod reception;
mod rtcp;

pub use latch::{Latch, Latched};
pub use packet::{Header, is_rtcp, parse};
pub(crate) use packet::{array, header_length};
pub use reception::{Reception, ReceptionSummary};
pub use rtcp::{ReportBlock, Rtcp, SenderInfo, bye, parse_rtcp, report, round_trip, sender_of};

#[cfg(test)]
mod latch_tests;
#[cfg(test)]
mod tests;
