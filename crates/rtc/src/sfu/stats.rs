//! Counters of a room's media plane.

use std::collections::BTreeMap;

use crate::peer::SendError;

/// Why a packet went nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// The track is muted.
    Muted,
    /// The subscriber paused it.
    Paused,
    /// It belongs to no published track.
    NotPublished,
    /// It is older than what was already sent.
    TooOld,
    /// The subscriber's section is not negotiated yet.
    NotNegotiated,
    /// The subscriber is not connected.
    NotConnected,
    /// The subscriber does not understand the codec.
    CodecRefused,
    /// A datagram for nobody here.
    Unroutable,
    /// Data from a participant that may not send any.
    DataNotAllowed,
    /// Data seen before.
    DataDuplicate,
    /// Data that cannot be read.
    DataUnreadable,
    /// Data of a kind that is not forwarded.
    DataConsumed,
    /// Data longer than a message may be, once its sender is named in it.
    DataTooLarge,
    /// Reliable data for a reader that lags too far behind.
    DataSlowReader,
    /// Lossy data for a reader whose channel is full.
    DataLossyFull,
}

impl From<SendError> for DropReason {
    fn from(error: SendError) -> Self {
        match error {
            SendError::UnknownSlot | SendError::NotNegotiated => Self::NotNegotiated,
            SendError::NotConnected => Self::NotConnected,
            SendError::CodecRefused => Self::CodecRefused,
        }
    }
}

/// Counters of a room's media plane. They only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SfuStats {
    /// Media packets received.
    pub packets_in: u64,
    /// Media packets sent, per subscriber.
    pub packets_out: u64,
    /// Payload bytes received.
    pub bytes_in: u64,
    /// Payload bytes sent.
    pub bytes_out: u64,
    /// Packets that waited more than 20 ms between socket and forwarding.
    pub late_frames: u64,
    /// Data packets received.
    pub data_in: u64,
    /// Data packets sent, per receiver.
    pub data_out: u64,
    /// Packets that went nowhere, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
}

impl SfuStats {
    pub(super) fn drop(&mut self, reason: DropReason) {
        *self.dropped.entry(reason).or_default() += 1;
    }

    /// Packets dropped for one reason.
    #[must_use]
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped.get(&reason).copied().unwrap_or_default()
    }
}
