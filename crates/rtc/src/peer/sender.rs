//! What is sent: a slot's sender, and the packets into it.

use std::sync::Arc;

use crate::sdp::Msid;

use super::codec::Codec;
use super::section::{MediaKind, Mid};

/// A packet to send. Sequence and timestamp continue across whatever the slot carried before;
/// they are the caller's, so that a section's source stays one unbroken stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpOut {
    /// Extended sequence number. Must start below 65536 and never repeat.
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Audio level as RFC 6464 has it: 0 is loudest, 127 is silence.
    pub level: Option<i8>,
    /// Encoding.
    pub codec: Codec,
    pub payload: Arc<[u8]>,
}

#[derive(Debug)]
pub(super) struct Sender {
    pub(super) kind: MediaKind,
    pub(super) msid: Msid,
    pub(super) stereo: bool,
    /// Section in use; none until negotiated.
    pub(super) mid: Option<Mid>,
    /// True once a description naming the section was agreed on.
    pub(super) live: bool,
}
