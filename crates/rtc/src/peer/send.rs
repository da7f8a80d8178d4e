//! Sending: media into slots, messages into channels.

use std::time::Instant;

use str0m::rtp::{ExtensionValues, RtpWrite};

use crate::sdp::Msid;

use super::Peer;
use super::channel::Delivery;
use super::error::SendError;
use super::role::Role;
use super::section::{MediaKind, Mid, Slot};
use super::sender::{RtpOut, Sender};

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
            // Sound that is lost is never asked for again: no description of ours offers it.
            .nackable(out.codec.is_video())
            .ext_vals(ext_vals);
        self.engine
            .write_rtp(mid, write, now)
            .ok_or(SendError::NotNegotiated)
    }

    /// Wants a channel of this label. Opened with the next offer we write, or at once where an
    /// association exists.
    pub fn open_channel(&mut self, label: &str, delivery: Delivery) {
        self.wanted_channels.push((label.to_owned(), delivery));
        if self.config.role == Role::Answerer {
            self.open_wanted_channels();
        }
    }

    /// Writes a message. False if the channel is not open or full; nothing was queued then.
    pub fn send_data(&mut self, label: &str, bytes: &[u8], now: Instant) -> bool {
        let Some(id) = self.engine.channels.id(label) else {
            return false;
        };
        self.engine.advance(now);
        let wrote = self.engine.mutate(|rtc| {
            let mut channel = rtc.channel(id)?;
            channel.write(true, bytes).ok()
        });
        self.engine.advance(now);
        wrote.flatten().unwrap_or(false)
    }

    /// True if the channel can be written.
    #[must_use]
    pub fn channel_is_open(&self, label: &str) -> bool {
        self.engine.channels.id(label).is_some()
    }

    /// Whether messages are still on their way. While none is, whatever may be sent at all can be.
    pub fn has_data_waiting(&mut self) -> bool {
        self.engine.buffered() > 0
    }

    pub(super) fn open_wanted_channels(&mut self) {
        if !self.remote.has_application() {
            return;
        }
        let wanted = std::mem::take(&mut self.wanted_channels);
        for (label, delivery) in wanted {
            self.engine.mutate(|rtc| {
                let mut api = rtc.sdp_api();
                api.add_channel_with_config(delivery.config(&label));
                api.apply().is_none()
            });
        }
    }
}

/// Louder than this counts as voice in the header extension; receivers only display it.
const VOICE_LEVEL: i8 = 60;
