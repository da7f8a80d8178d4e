//! Data channels by label.

use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

/// Ordered and retransmitted.
pub const RELIABLE: &str = "_reliable";
/// Unordered, sent once.
pub const LOSSY: &str = "_lossy";
/// Data tracks: unordered, sent once.
pub const DATA_TRACK: &str = "_data_track";

/// A channel reports room again when its backlog falls below this.
pub(super) const LOW_WATER: usize = 32 * 1024;
/// Labels a far end may open. LiveKit clients open three; the rest is somebody's mistake.
const MAX_CHANNELS: usize = 32;

/// How a channel treats loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Ordered, retransmitted until delivered.
    Reliable,
    /// Unordered, never retransmitted.
    Lossy,
}

impl Delivery {
    pub(super) fn config(self, label: &str) -> ChannelConfig {
        let (ordered, reliability) = match self {
            Self::Reliable => (true, Reliability::Reliable),
            Self::Lossy => (false, Reliability::MaxRetransmits { retransmits: 0 }),
        };
        ChannelConfig {
            label: label.to_owned(),
            ordered,
            reliability,
            ..Default::default()
        }
    }
}

/// Open channels and their labels.
#[derive(Debug, Default)]
pub(super) struct Channels {
    open: Vec<(ChannelId, String)>,
}

impl Channels {
    pub(super) fn opened(&mut self, id: ChannelId, label: &str) -> bool {
        if self.open.len() >= MAX_CHANNELS || self.open.iter().any(|(i, _)| *i == id) {
            return false;
        }
        self.open.push((id, label.to_owned()));
        true
    }

    pub(super) fn closed(&mut self, id: ChannelId) -> Option<String> {
        let at = self.open.iter().position(|(i, _)| *i == id)?;
        Some(self.open.swap_remove(at).1)
    }

    pub(super) fn label(&self, id: ChannelId) -> Option<&str> {
        self.open
            .iter()
            .find(|(i, _)| *i == id)
            .map(|(_, l)| l.as_str())
    }

    pub(super) fn id(&self, label: &str) -> Option<ChannelId> {
        self.open.iter().find(|(_, l)| l == label).map(|(i, _)| *i)
    }

    /// Bytes waiting on all channels.
    pub(super) fn buffered(&self, rtc: &mut Rtc) -> usize {
        let size = |rtc: &mut Rtc, id| rtc.channel(id).map_or(0, |mut c| c.buffered_amount());
        self.open.iter().map(|(id, _)| size(rtc, *id)).sum()
    }
}
