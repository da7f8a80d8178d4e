//! From the phone: latch, count, keys, and an even voice.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use trunkline_media::SampleRate;
use trunkline_media::playout::{Codec as Playout, Heard, Stream};
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::dtmf::{self, KeyEvent};
use trunkline_sip::rtp::{Latch, Latched, Reception, parse};
use trunkline_sip::sdp::Agreement;

use super::law;
use super::summary::MediaSummary;

/// What a packet was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Took {
    /// Sound; `fresh` when nothing was playing before it.
    Sound { fresh: bool },
    /// A key went down.
    Key(char),
    /// Nothing of use, from the right place.
    Other,
    /// Not ours.
    Nothing,
}

pub(super) struct Phone {
    rate: SampleRate,
    stream: Option<Stream>,
    agreed: Option<Agreement>,
    pub(super) latch: Latch,
    pub(super) reception: Reception,
    keys: dtmf::Receiver,
    /// Packets that are no sound take sequence numbers; the voice must not take them for losses.
    skipped: u16,
    idle: bool,
    pub(super) last: Instant,
    strangers: u64,
    pressed: u64,
}

impl Phone {
    pub(super) fn new(rate: SampleRate, now: Instant) -> Self {
        Self {
            rate,
            stream: None,
            agreed: None,
            latch: Latch::new(None, now),
            reception: Reception::new(8000, now),
            keys: dtmf::Receiver::new(),
            skipped: 0,
            idle: true,
            last: now,
            strangers: 0,
            pressed: 0,
        }
    }

    pub(super) fn agree(&mut self, agreement: &Agreement, now: Instant) {
        let codec_changed = self
            .agreed
            .as_ref()
            .is_none_or(|before| before.codec != agreement.codec);
        if codec_changed {
            // Every rate we are configured with is one the resampler knows.
            self.stream = Stream::new(Playout::G711(law(agreement.codec)), self.rate).ok();
            self.idle = true;
        }
        if self.agreed.is_none() {
            self.latch = Latch::new(agreement.remote, now);
        } else {
            self.latch.renegotiated(agreement.remote, now);
        }
        self.last = now;
        self.agreed = Some(agreement.clone());
    }

    pub(super) fn on_packet(&mut self, data: &[u8], source: SocketAddr, now: Instant) -> Took {
        let Some((header, payload)) = parse(data) else {
            count(Counter::RtpDropped, 1, &[("reason", "malformed")]);
            return Took::Nothing;
        };
        let Some(agreed) = &self.agreed else {
            return Took::Nothing;
        };
        let is_sound = header.payload_type == agreed.payload_type;
        let is_key = Some(header.payload_type) == agreed.telephone_event;
        if !is_sound && !is_key && header.payload_type != COMFORT_NOISE {
            count(Counter::RtpDropped, 1, &[("reason", "payload_type")]);
            return Took::Nothing;
        }
        if self
            .latch
            .on_packet(source, header.ssrc, header.sequence, now)
            == Latched::Ignore
        {
            self.strangers += 1;
            count(Counter::RtpDropped, 1, &[("reason", "source")]);
            return Took::Nothing;
        }
        self.last = now;
        self.reception.on_packet(&header, now);
        if is_key {
            self.skipped = self.skipped.wrapping_add(1);
            return self.on_key(header.timestamp, payload, now);
        }
        if !is_sound {
            self.skipped = self.skipped.wrapping_add(1);
            return Took::Other;
        }
        let sequence = header.sequence.wrapping_sub(self.skipped);
        if let Some(stream) = &mut self.stream {
            let place = (header.ssrc, sequence, header.timestamp);
            stream.insert(place, Bytes::copy_from_slice(payload), now);
        }
        Took::Sound {
            fresh: std::mem::replace(&mut self.idle, false),
        }
    }

    fn on_key(&mut self, timestamp: u32, payload: &[u8], now: Instant) -> Took {
        let told = self.keys.on_packet(timestamp, payload, now);
        let down = told.into_iter().find_map(|event| match event {
            KeyEvent::Down(key) => Some(key),
            KeyEvent::Up(..) => None,
        });
        match down {
            Some(key) => {
                self.pressed += 1;
                Took::Key(key)
            }
            None => Took::Other,
        }
    }

    /// The next 20 ms for the room.
    pub(super) fn frame(&mut self, now: Instant, pcm: &mut [i16]) {
        // Only so that a key whose end got lost does not stay down for ever.
        let _ = self.keys.handle_timeout(now);
        match &mut self.stream {
            Some(stream) => self.idle = stream.frame(now, pcm) == Heard::Idle,
            None => pcm.fill(0),
        }
    }

    pub(super) fn summarize(&self, summary: &mut MediaSummary) {
        let heard = self.reception.summary();
        summary.received = heard.received;
        summary.lost = heard.lost();
        summary.jitter_ms = (heard.jitter_ms * 100.0).round() / 100.0;
        summary.late = self.stream.as_ref().map_or(0, |stream| stream.stats().late);
        summary.strangers = self.strangers;
        summary.moves = self.latch.moves();
        summary.keys = self.pressed;
    }
}

/// Static payload type of RFC 3389: the phone is silent and says so.
const COMFORT_NOISE: u8 = 13;
