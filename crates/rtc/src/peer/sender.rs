//! Media we send: slots, and packets into them.

use std::sync::Arc;
use std::time::Instant;

use str0m::rtp::{ExtensionValues, RtpWrite};

use crate::sdp::Msid;

use super::Peer;
use super::codec::Codec;
use super::config::Role;
use super::error::SendError;
use super::event::{MediaKind, Mid};

/// A sender of ours, from the moment it is wanted until it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(super) u32);

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
    /// Payload.
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

impl Peer {
    /// Wants to send audio under these ids. It flows after the next negotiation.
    pub fn add_audio_sender(&mut self, stream_id: &str, track_id: &str) -> Slot {
        self.add_sender(MediaKind::Audio, stream_id, track_id)
    }

    /// Wants to send media under these ids.
    pub fn add_sender(&mut self, kind: MediaKind, stream_id: &str, track_id: &str) -> Slot {
        let slot = Slot(self.next_slot);
        self.next_slot += 1;
        let msid = Msid::new(stream_id, track_id);
        let sender = Sender {
            kind,
            msid,
            stereo: false,
            mid: None,
            live: false,
        };
        self.senders.insert(slot, sender);
        slot
    }

    /// Says that a sender's source is stereo, for the next description.
    pub fn set_sender_stereo(&mut self, slot: Slot, stereo: bool) {
        if let Some(sender) = self.senders.get_mut(&slot) {
            sender.stereo = stereo;
        }
    }

    /// Stops sending. The section is announced as inactive at the next negotiation.
    pub fn remove_sender(&mut self, slot: Slot) {
        if let Some(sender) = self.senders.remove(&slot)
            && let Some(mid) = sender.mid
            && self.announced.contains_key(&mid)
        {
            self.cooling.insert(mid, sender.kind);
            match self.config.role {
                Role::Offerer => self.idle.remember(mid, &sender.msid.track),
                Role::Answerer => {
                    self.worn.insert(mid);
                }
            }
        }
    }

    /// The section a sender was given.
    #[must_use]
    pub fn sender_mid(&self, slot: Slot) -> Option<Mid> {
        self.senders.get(&slot).and_then(|s| s.mid)
    }

    /// True if packets of this sender reach the far end.
    #[must_use]
    pub fn sender_is_live(&self, slot: Slot) -> bool {
        self.senders.get(&slot).is_some_and(|s| s.live) && self.is_connected()
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// The reason it was dropped.
    pub fn send_rtp(&mut self, slot: Slot, out: RtpOut, now: Instant) -> Result<(), SendError> {
        let sender = self.senders.get(&slot).ok_or(SendError::UnknownSlot)?;
        let mid = sender
            .mid
            .filter(|_| sender.live)
            .ok_or(SendError::NotNegotiated)?;
        if !self.engine.is_connected() {
            return Err(SendError::NotConnected);
        }
        let pt = self
            .engine
            .payload_type(mid, out.codec)
            .ok_or(SendError::CodecRefused)?;
        let ext_vals = ExtensionValues {
            audio_level: out.level.map(|l| -l.clamp(0, 127)),
            voice_activity: out.level.map(|l| l < VOICE_LEVEL),
            ..Default::default()
        };
        let write = RtpWrite::new(pt, out.seq.into(), out.timestamp, now, out.payload)
            .marker(out.marker)
            .nackable(true)
            .ext_vals(ext_vals);
        self.engine
            .write_rtp(mid, write, now)
            .ok_or(SendError::NotNegotiated)
    }
}

/// Louder than this counts as voice in the header extension; receivers only display it.
const VOICE_LEVEL: i8 = 60;
