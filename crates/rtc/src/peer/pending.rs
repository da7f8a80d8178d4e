//! An offer of ours that is open, and what shapes descriptions.

use str0m::change::SdpPendingOffer;

use super::credentials::Restart;
use super::section::{Mid, Slot};

/// What a publisher asked for, told back to it in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublishOptions {
    /// Do not pause transmission in silence.
    pub disable_dtx: bool,
    /// Encode two channels.
    pub stereo: bool,
}

/// Receive sections a far end that offers must still add before every sender fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shortage {
    /// Audio sections missing.
    pub audios: usize,
    /// Video sections missing.
    pub videos: usize,
}

pub(super) struct Pending {
    pub(super) offer: SdpPendingOffer,
    pub(super) text: String,
    pub(super) placed: Vec<(Slot, Mid)>,
    /// Media sections of the offer: its answer has as many.
    pub(super) sections: usize,
    pub(super) restart: Option<Restart>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending")
            .field("placed", &self.placed)
            .finish_non_exhaustive()
    }
}
