//! From packets to even sound: jitter buffer, decoder, concealment and catching up in one machine.
//!
//! Insert packets as they come; take frames of any length at the pace of a clock. The stream never
//! answers with less than it was asked for, and says what the frame is made of.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::conceal::{G711Concealer, scale};
use crate::g711::{self, Law};
use crate::jitter::{Config, Inserted, JitterBuffer, Packet, Playout, Stats};
use crate::opus::{self, Decoder, OpusError};
use crate::resample::{RatioError, Resampler};
use crate::{SampleRate, opus::packet};

/// What the packets carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.711, clock 8 kHz.
    G711(Law),
    /// Opus, clock 48 kHz.
    Opus,
}

/// What a frame is made of; the most alive part of it wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heard {
    /// Nothing was playing: zeroes.
    Idle,
    /// The sender is silent on purpose.
    Silence,
    /// Invented.
    Concealed,
    /// As the sender sent it.
    Sound,
}

/// Why a stream cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlayoutError {
    /// The decoder does not work at that rate.
    #[error(transparent)]
    Opus(#[from] OpusError),
    /// The telephone rate does not convert to that rate.
    #[error(transparent)]
    Ratio(#[from] RatioError),
}

enum Voice {
    G711 {
        law: Law,
        concealer: G711Concealer,
        resampler: Resampler,
    },
    Opus(Decoder),
}

/// One incoming voice.
pub struct Stream {
    rate: SampleRate,
    clock_hz: u32,
    jitter: JitterBuffer,
    voice: Voice,
    ready: VecDeque<i16>,
    /// Samples of `ready`, from its front, that are of each kind.
    kinds: VecDeque<(Heard, usize)>,
    scratch: Vec<i16>,
    bad_packets: u64,
}

impl Stream {
    /// A stream of `codec` heard at `rate`, with the usual bounds of delay.
    ///
    /// # Errors
    /// The codec cannot be heard at that rate.
    pub fn new(codec: Codec, rate: SampleRate) -> Result<Self, PlayoutError> {
        let clock = if codec == Codec::Opus {
            opus::CLOCK_HZ
        } else {
            8_000
        };
        Self::with_config(codec, rate, Config::new(clock))
    }

    /// A stream with its own bounds of delay.
    ///
    /// # Errors
    /// The codec cannot be heard at that rate.
    pub fn with_config(
        codec: Codec,
        rate: SampleRate,
        config: Config,
    ) -> Result<Self, PlayoutError> {
        let voice = match codec {
            Codec::Opus => Voice::Opus(Decoder::new(rate)?),
            Codec::G711(law) => Voice::G711 {
                law,
                concealer: G711Concealer::new(SampleRate::HZ_8000),
                resampler: Resampler::new(SampleRate::HZ_8000, rate)?,
            },
        };
        Ok(Self {
            rate,
            clock_hz: config.clock_hz,
            jitter: JitterBuffer::new(config),
            voice,
            ready: VecDeque::new(),
            kinds: VecDeque::new(),
            scratch: Vec::new(),
            bad_packets: 0,
        })
    }

    /// Takes a packet that arrived at `arrival`. Packets that are none of the codec are counted and
    /// thrown away.
    pub fn insert(
        &mut self,
        (ssrc, seq, timestamp): (u32, u16, u32),
        payload: Bytes,
        arrival: Instant,
    ) -> Option<Inserted> {
        let duration = match &self.voice {
            Voice::G711 { .. } => u32::try_from(payload.len())
                .ok()
                .filter(|n| (1..=960).contains(n)),
            Voice::Opus(_) => packet::duration_samples_48k(&payload),
        };
        let Some(duration) = duration else {
            self.bad_packets += 1;
            return None;
        };
        Some(self.jitter.insert(
            Packet {
                ssrc,
                seq,
                timestamp,
                duration,
                payload,
            },
            arrival,
        ))
    }

    /// Takes note of a packet of that source which is no sound, so that nothing is missed in its
    /// place.
    pub fn pass_over(&mut self, ssrc: u32, seq: u16) {
        self.jitter.pass_over(ssrc, seq);
    }

    /// Fills `out` with the next sound. Call it at an even pace: every 10 or 20 ms.
    pub fn frame(&mut self, now: Instant, out: &mut [i16]) -> Heard {
        while self.ready.len() < out.len() {
            if !self.refill(now) {
                let missing = out.len() - self.ready.len();
                self.push_silence(missing, Heard::Idle);
            }
        }
        for slot in out.iter_mut() {
            *slot = self.ready.pop_front().unwrap_or(0);
        }
        self.take_kind(out.len())
    }

    /// What the jitter buffer has seen.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.jitter.stats()
    }

    /// Packets that were none of the codec.
    #[must_use]
    pub fn bad_packets(&self) -> u64 {
        self.bad_packets
    }

    /// Forgets the stream, as when a track is muted or replaced.
    pub fn clear(&mut self) {
        self.jitter.clear();
        self.ready.clear();
        self.kinds.clear();
    }

    fn refill(&mut self, now: Instant) -> bool {
        match self.jitter.pull(now) {
            Playout::Packet { packet, hurry } => self.play(&packet, hurry),
            Playout::Lost { duration, fec } => self.conceal(duration, fec.as_deref()),
            Playout::Bridge { duration } => self.conceal(duration, None),
            Playout::Silence { duration } => {
                let samples = self.samples(duration);
                self.push_silence(samples.max(1), Heard::Silence);
            }
            Playout::Empty => return false,
        }
        true
    }

    fn play(&mut self, packet: &Packet, hurry: bool) {
        let mut pcm = std::mem::take(&mut self.scratch);
        pcm.clear();
        let decoded = match &mut self.voice {
            Voice::G711 {
                law,
                concealer,
                resampler,
            } => {
                let mut narrow = Vec::with_capacity(packet.payload.len());
                g711::decode(*law, &packet.payload, &mut narrow);
                concealer.good(&mut narrow);
                resampler.process(&narrow, &mut pcm);
                true
            }
            Voice::Opus(decoder) => match decoder.decode(&packet.payload) {
                Ok(sound) => {
                    pcm.extend_from_slice(sound);
                    true
                }
                Err(_) => false,
            },
        };
        if decoded {
            if hurry {
                scale::shorten(&mut pcm, self.rate);
            }
            self.push(&pcm, Heard::Sound);
        } else {
            self.bad_packets += 1;
            self.conceal(packet.duration, None);
        }
        self.scratch = pcm;
    }

    fn conceal(&mut self, ticks: u32, fec: Option<&[u8]>) {
        let samples = self.samples(ticks);
        let mut pcm = Vec::with_capacity(samples);
        match &mut self.voice {
            Voice::G711 {
                concealer,
                resampler,
                ..
            } => {
                let mut narrow = vec![0; ticks as usize];
                concealer.conceal(&mut narrow);
                resampler.process(&narrow, &mut pcm);
            }
            Voice::Opus(decoder) => {
                let rebuilt = match fec {
                    Some(following) => decoder.decode_fec(following, samples),
                    None => decoder.conceal(samples),
                };
                pcm.extend_from_slice(rebuilt.unwrap_or_default());
                pcm.resize(samples, 0);
            }
        }
        self.push(&pcm, Heard::Concealed);
    }

    fn samples(&self, ticks: u32) -> usize {
        let samples =
            u64::from(ticks) * u64::from(self.rate.hz()) / u64::from(self.clock_hz.max(1));
        usize::try_from(samples).unwrap_or(0)
    }

    fn push(&mut self, pcm: &[i16], kind: Heard) {
        self.ready.extend(pcm);
        self.kinds.push_back((kind, pcm.len()));
    }

    fn push_silence(&mut self, samples: usize, kind: Heard) {
        self.ready.extend(std::iter::repeat_n(0, samples));
        self.kinds.push_back((kind, samples));
    }

    fn take_kind(&mut self, mut samples: usize) -> Heard {
        let mut best = Heard::Idle;
        while let Some((kind, left)) = self.kinds.front_mut() {
            best = best.max(*kind);
            if *left > samples {
                *left -= samples;
                break;
            }
            samples -= *left;
            self.kinds.pop_front();
            if samples == 0 {
                break;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests;
