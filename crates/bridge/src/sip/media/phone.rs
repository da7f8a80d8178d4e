//! From the phone: latch, count, keys, and an even voice.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use trunkline_media::SampleRate;
use trunkline_media::dtmf::Detector;
use trunkline_media::jitter::{Config, Stats};
use trunkline_media::level::SILENCE_DBOV;
use trunkline_media::pages::Pages;
use trunkline_media::playout::{Heard, Relayed, Stream};
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::dtmf::{self, KeyEvent};
use trunkline_sip::rtp::{Header, Latch, Latched, Reception, parse};
use trunkline_sip::sdp::{Agreement, Codec};

use super::coding::{playout, rate};
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

/// The next sound for the room.
#[derive(Debug)]
pub(super) enum Spoken {
    /// 20 ms at that rate, to be encoded.
    Pcm(Heard, SampleRate),
    /// Opus, to be passed on.
    Coded(Relayed),
}

/// Packets of one codec, and what they sound like.
struct Incoming {
    codec: Codec,
    payload_type: u8,
    stream: Stream,
}

pub(super) struct Phone {
    incoming: Option<Incoming>,
    /// What was agreed before, until its last packets are heard.
    former: Option<Incoming>,
    /// Where payloads wait.
    pages: Pages,
    /// What both sides agreed on, the latest.
    pub(super) agreed: Option<Agreement>,
    pub(super) latch: Latch,
    pub(super) reception: Reception,
    keys: dtmf::Receiver,
    /// For phones that send keys as tones only.
    ears: Option<Detector>,
    heard_key: Option<char>,
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
    pub(super) fn new(host: IpAddr, now: Instant) -> Self {
        Self {
            incoming: None,
            former: None,
            pages: Pages::default(),
            agreed: None,
            latch: Latch::new(Some(host)),
            reception: Reception::new(8000, now),
            keys: dtmf::Receiver::new(),
            ears: None,
            heard_key: None,
            voice: None,
            held: false,
            idle: true,
            last: now,
            strangers: 0,
            pressed: 0,
        }
    }

    pub(super) fn agree(&mut self, agreement: Agreement, now: Instant) {
        self.take_up(&agreement);
        // Opus is passed on unheard, and whoever speaks it sends events.
        let tones_only = agreement.telephone_event.is_none() && agreement.codec != Codec::Opus;
        self.ears = tones_only.then(|| Detector::new(rate(agreement.codec)));
        let sends = agreement.direction.receives() && !agreement.on_hold();
        self.latch.agree(agreement.remote, sends, now);
        if self.held != agreement.on_hold() {
            self.held = agreement.on_hold();
            // Neither the end of the caller's words after the music nor music before them.
            self.forget_sound();
        }
        self.last = now;
        self.agreed = Some(agreement);
    }

    /// Another codec begins beside the one that was: what is on its way is heard to its end.
    fn take_up(&mut self, agreement: &Agreement) {
        let (codec, payload_type) = (agreement.codec, agreement.payload_type);
        if let Some(incoming) = self.incoming.as_mut().filter(|one| one.codec == codec) {
            incoming.payload_type = payload_type;
            return;
        }
        let bounds = Config {
            max_delay: LONGEST_DELAY,
            ..Config::new(codec.clock_hz())
        };
        self.reception.set_clock_rate(codec.clock_hz());
        self.former = self.incoming.take();
        // Every codec is heard at a rate of its own.
        let stream = Stream::with_config(playout(codec), rate(codec), bounds).ok();
        self.incoming = stream.map(|stream| Incoming {
            codec,
            payload_type,
            stream,
        });
        self.idle = true;
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
        let is_former = !is_sound
            && self
                .former
                .as_ref()
                .is_some_and(|former| former.payload_type == header.payload_type);
        let is_silence = header.payload_type == agreed.comfort_noise.unwrap_or(COMFORT_NOISE);
        let clock = agreed
            .telephone_event
            .and_then(|(kind, clock)| (kind == header.payload_type).then_some(clock));
        if !is_sound && !is_former && clock.is_none() && !is_silence {
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
        if let Some(former) = self.former.as_mut().filter(|_| is_former) {
            let place = (header.ssrc, header.sequence, header.timestamp);
            former.stream.insert(place, self.pages.keep(payload), now);
            return Took::Other;
        }
        if let Some(incoming) = self
            .incoming
            .as_mut()
            .filter(|_| is_silence && clock.is_none())
        {
            incoming
                .stream
                .comfort(header.ssrc, header.sequence, payload);
            return Took::Other;
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
        if let Some(incoming) = &mut self.incoming {
            let place = (header.ssrc, header.sequence, header.timestamp);
            incoming.stream.insert(place, self.pages.keep(payload), now);
        }
        Took::Sound {
            fresh: std::mem::replace(&mut self.idle, false),
        }
    }

    /// A packet that is no sound: nothing is missing in its place.
    fn pass_over(&mut self, header: &Header) {
        if let Some(incoming) = &mut self.incoming {
            incoming.stream.pass_over(header.ssrc, header.sequence);
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
        if let Some(incoming) = &mut self.incoming {
            incoming.stream.clear();
        }
        self.former = None;
        self.idle = true;
    }

    /// The next sound for the room; PCM is 20 ms of it in `pcm`.
    pub(super) fn next(&mut self, now: Instant, pcm: &mut Vec<i16>) -> Spoken {
        // Only so that a key whose end got lost does not stay down for ever.
        let _ = self.keys.handle_timeout(now);
        let Some(incoming) = &mut self.incoming else {
            pcm.clear();
            pcm.resize(SampleRate::HZ_8000.samples_in_ms(20), 0);
            return Spoken::Pcm(Heard::Idle, SampleRate::HZ_8000);
        };
        let spoken = if incoming.codec == Codec::Opus {
            Spoken::Coded(incoming.stream.relay(now))
        } else {
            let spoken = frame(&mut incoming.stream, now, pcm);
            if let Some(ears) = &mut self.ears {
                self.heard_key = ears.hear(pcm).or(self.heard_key);
            }
            spoken
        };
        self.idle = matches!(
            spoken,
            Spoken::Coded(Relayed::Idle) | Spoken::Pcm(Heard::Idle, _)
        );
        match &mut self.former {
            Some(former) if self.idle => {
                let last = frame(&mut former.stream, now, pcm);
                if matches!(last, Spoken::Pcm(Heard::Idle, _)) {
                    self.former = None;
                }
                last
            }
            _ => {
                self.former = None;
                spoken
            }
        }
    }

    /// How loud a packet is that is passed on, in dBov.
    pub(super) fn loudness(&mut self, payload: &[u8]) -> i8 {
        let incoming = self.incoming.as_mut();
        incoming.map_or(SILENCE_DBOV, |incoming| incoming.stream.loudness(payload))
    }

    /// What became of the packets of the present codec.
    pub(super) fn stats(&self) -> Option<Stats> {
        self.incoming.as_ref().map(|one| one.stream.stats())
    }

    /// Packets of the present codec that came, and too late to be heard.
    pub(super) fn late(&self) -> u64 {
        self.stats().map_or(0, |stats| stats.late + stats.dropped)
    }

    /// A key that was heard in the voice, by a phone that sends no events.
    pub(super) fn take_key(&mut self) -> Option<char> {
        self.heard_key.take()
    }

    pub(super) fn summarize(&self, summary: &mut MediaSummary) {
        let heard = self.reception.summary();
        summary.received = heard.received;
        summary.lost = heard.lost();
        summary.jitter_ms = (heard.jitter_ms * 100.0).round() / 100.0;
        summary.late = self.late();
        summary.codec = self.agreed.as_ref().map(|agreed| agreed.codec.name());
        summary.strangers = self.strangers;
        summary.moves = self.latch.moves();
        summary.keys = self.pressed;
    }
}

fn frame(stream: &mut Stream, now: Instant, pcm: &mut Vec<i16>) -> Spoken {
    let rate = stream.rate();
    pcm.resize(rate.samples_in_ms(20), 0);
    Spoken::Pcm(stream.frame(now, pcm), rate)
}

/// Later than this a telephone's packet counts as lost: more delay is worse than a concealed frame.
const LONGEST_DELAY: Duration = Duration::from_millis(120);

/// Static payload type of RFC 3389: the phone is silent and says so.
const COMFORT_NOISE: u8 = 13;
