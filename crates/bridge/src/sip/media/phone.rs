//! From the phone: latch, count, keys, and an even voice.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;
use trunkline_media::SampleRate;
use trunkline_media::playout::{Codec as Playout, Heard, Stream};
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::dtmf::{self, KeyEvent};
use trunkline_sip::rtp::{Header, Latch, Latched, Reception, parse};
use trunkline_sip::sdp::Agreement;

use super::law;
use super::summary::MediaSummary;

/// What a packet was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Took {
    /// Sound; `fresh` when nothing was playing before it.
    Sound { fresh: bool },
    /// Keys went down: one, unless a packet tells of several.
    Keys(String),
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
    /// SSRC of the voice: keys may have a stream of their own, which says nothing about it.
    voice: Option<u32>,
    /// What comes is the music of a call on hold, not the caller.
    held: bool,
    idle: bool,
    pub(super) last: Instant,
    strangers: u64,
    pub(super) pressed: u64,
}

impl Phone {
    /// `host` is where the call's signalling comes from.
    pub(super) fn new(rate: SampleRate, host: IpAddr, now: Instant) -> Self {
        Self {
            rate,
            stream: None,
            agreed: None,
            latch: Latch::new(Some(host)),
            reception: Reception::new(8000, now),
            keys: dtmf::Receiver::new(),
            voice: None,
            held: false,
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
        let sends = agreement.direction.receives() && !agreement.on_hold();
        self.latch.agree(agreement.remote, sends, now);
        if self.held != agreement.on_hold() {
            self.held = agreement.on_hold();
            // Neither the end of the caller's words after the music nor music before them.
            self.forget_sound();
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
        let clock = agreed
            .telephone_event
            .and_then(|(kind, clock)| (kind == header.payload_type).then_some(clock));
        if !is_sound && clock.is_none() && header.payload_type != COMFORT_NOISE {
            count(Counter::RtpDropped, 1, &[("reason", "payload_type")]);
            if self.latch.target() == Some(source) {
                // Such as a keep-alive (RFC 6263): it takes a number of the voice all the same.
                self.pass_over(&header);
            }
            return Took::Nothing;
        }
        if self.latch.on_packet(source, &header, is_sound, now) == Latched::Ignore {
            self.strangers += 1;
            count(Counter::RtpDropped, 1, &[("reason", "source")]);
            return Took::Nothing;
        }
        self.last = now;
        if is_sound {
            self.voice = Some(header.ssrc);
        }
        if self.voice == Some(header.ssrc) {
            self.reception.on_packet(&header, now);
        }
        if is_sound && !payload.is_empty() {
            return self.on_sound(&header, payload, now);
        }
        self.pass_over(&header);
        clock.map_or(Took::Other, |clock| {
            self.on_key(&header, payload, clock, now)
        })
    }

    fn on_sound(&mut self, header: &Header, payload: &[u8], now: Instant) -> Took {
        if self.held {
            return Took::Other;
        }
        if let Some(stream) = &mut self.stream {
            let place = (header.ssrc, header.sequence, header.timestamp);
            stream.insert(place, Bytes::copy_from_slice(payload), now);
        }
        Took::Sound {
            fresh: std::mem::replace(&mut self.idle, false),
        }
    }

    /// A packet that is no sound: nothing is missing in its place.
    fn pass_over(&mut self, header: &Header) {
        if let Some(stream) = &mut self.stream {
            stream.pass_over(header.ssrc, header.sequence);
        }
    }

    fn on_key(&mut self, header: &Header, payload: &[u8], clock: u32, now: Instant) -> Took {
        let told = self.keys.on_packet(header, payload, clock, now);
        let down = told.into_iter().filter_map(|event| match event {
            KeyEvent::Down(key) => Some(key),
            KeyEvent::Up(..) => None,
        });
        let keys: String = down.collect();
        if keys.is_empty() {
            return Took::Other;
        }
        Took::Keys(keys)
    }

    /// A report of the phone came.
    pub(super) fn on_rtcp(&mut self, source: SocketAddr, sender: u32, now: Instant) -> bool {
        let named = self.agreed.as_ref().and_then(|agreed| agreed.remote_rtcp);
        let heard = self.latch.on_rtcp(source, sender, named, now);
        if heard {
            // A phone that sends no sound may still be there and say so.
            self.last = now;
        }
        heard
    }

    fn forget_sound(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.clear();
        }
        self.idle = true;
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
