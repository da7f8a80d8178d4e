//! What the media of a call came to.

use serde::Serialize;

/// Figures of one call, for its summary and the store.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct MediaSummary {
    /// RTP packets from the phone.
    pub(crate) received: u64,
    /// RTP packets to the phone.
    pub(crate) sent: u64,
    /// Packets from the phone that never came.
    pub(crate) lost: u64,
    /// Packets that came after their turn.
    pub(crate) late: u64,
    /// Inter-arrival jitter.
    pub(crate) jitter_ms: f64,
    /// Loss of our packets as the phone reports it, in percent.
    pub(crate) remote_loss_percent: Option<f64>,
    /// Frames sent more than one frame length late.
    pub(crate) late_frames: u64,
    /// What its packets were encrypted with, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<&'static str>,
    /// Packets whose tag did not hold: another key, damage, or a forger.
    pub(crate) forged: u64,
    /// Packets that were sent to us twice.
    pub(crate) replayed: u64,
    /// Packets from a wrong source.
    pub(crate) strangers: u64,
    /// Times the phone's source moved.
    pub(crate) moves: u32,
    /// Keys pressed.
    pub(crate) keys: u64,
}
