//! One incoming voice.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::codec::{Codec, Heard, PlayoutError};
use super::voice::Voice;
use crate::conceal::scale;
use crate::jitter::{Config, Inserted, JitterBuffer, Packet, Playout, Stats};
use crate::tone::Noise;
use crate::{SampleRate, level};

/// One incoming voice.
pub struct Stream {
    codec: Codec,
    rate: SampleRate,
    clock_hz: u32,
    pub(super) jitter: JitterBuffer,
    pub(super) voice: Voice,
    pub(super) ready: VecDeque<i16>,
    /// Samples of `ready`, from its front, that are of each kind.
    pub(super) kinds: VecDeque<(Heard, usize)>,
    scratch: Vec<i16>,
    /// The noise behind the voice, as its sender described it, and the number of that packet.
    comfort: Option<(u16, Noise)>,
    bad_packets: u64,
    /// Of what is passed on undecoded, and how many packets ago it was measured.
    pub(super) level: i8,
    pub(super) metered: u8,
}

impl Stream {
    /// A stream of `codec` heard at `rate`, with the usual bounds of delay.
    ///
    /// # Errors
    /// The codec cannot be heard at that rate.
    pub fn new(codec: Codec, rate: SampleRate) -> Result<Self, PlayoutError> {
        Self::with_config(codec, rate, Config::new(codec.clock_hz()))
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
        Ok(Self {
            codec,
            rate,
            clock_hz: config.clock_hz,
            jitter: JitterBuffer::new(config),
            voice: Voice::new(codec, rate)?,
            ready: VecDeque::new(),
            kinds: VecDeque::new(),
            scratch: Vec::new(),
            comfort: None,
            bad_packets: 0,
            level: level::SILENCE_DBOV,
            metered: 0,
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
        let Some(duration) = self.voice.ticks(&payload) else {
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

    /// The sender falls silent and says how its room sounds (RFC 3389): `payload` begins with the
    /// level in -dBov. Until sound comes, pauses are filled with noise of that level.
    pub fn comfort(&mut self, ssrc: u32, seq: u16, payload: &[u8]) {
        self.pass_over(ssrc, seq);
        let quiet = payload.first().map_or(LOUDEST_COMFORT, |level| {
            f32::from(level & 0x7f).max(LOUDEST_COMFORT)
        });
        self.comfort = Some((seq, Noise::new(COMFORT_SEED, -quiet)));
    }

    /// Fills `out` with the next sound. Call it at an even pace: every 10 or 20 ms.
    pub fn frame(&mut self, now: Instant, out: &mut [i16]) -> Heard {
        while self.ready.len() < out.len() {
            if !self.refill(now) {
                if self.ready.is_empty() && self.comfort.is_none() {
                    out.fill(0);
                    return Heard::Idle;
                }
                let missing = out.len() - self.ready.len();
                self.push_silence(missing, Heard::Idle);
            }
        }
        self.take_sound(out);
        self.take_kind(out.len())
    }

    /// What the jitter buffer has seen.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.jitter.stats()
    }

    /// The rate it is heard at.
    #[must_use]
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Hears the same packets at another rate from here on; those that wait lose nothing.
    ///
    /// # Errors
    /// The codec cannot be heard at that rate; all stays as it was.
    pub fn set_rate(&mut self, rate: SampleRate) -> Result<(), PlayoutError> {
        if rate != self.rate {
            self.voice = Voice::new(self.codec, rate)?;
            self.rate = rate;
            self.ready.clear();
            self.kinds.clear();
        }
        Ok(())
    }

    /// Packets that were none of the codec.
    #[must_use]
    pub fn bad_packets(&self) -> u64 {
        self.bad_packets
    }

    /// Forgets the stream, as when a track is muted or replaced.
    pub fn clear(&mut self) {
        self.jitter.clear();
        self.comfort = None;
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
        // What was said before the silence may still be waiting.
        self.comfort
            .take_if(|(seq, _)| packet.seq.wrapping_sub(*seq).cast_signed() > 0);
        let mut pcm = std::mem::take(&mut self.scratch);
        pcm.clear();
        if self.voice.decode(&packet.payload, &mut pcm) {
            if hurry {
                scale::shorten(&mut pcm, self.rate);
            }
            self.push(&pcm, Heard::Sound);
            self.scratch = pcm;
        } else {
            self.scratch = pcm;
            self.bad_packets += 1;
            self.conceal(packet.duration, None);
        }
    }

    fn conceal(&mut self, ticks: u32, fec: Option<&[u8]>) {
        let mut pcm = std::mem::take(&mut self.scratch);
        pcm.clear();
        self.voice.conceal(self.samples(ticks), fec, &mut pcm);
        self.push(&pcm, Heard::Concealed);
        self.scratch = pcm;
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
        let mut pcm = std::mem::take(&mut self.scratch);
        pcm.clear();
        pcm.resize(samples, 0);
        if let Some((_, noise)) = &mut self.comfort {
            noise.fill(&mut pcm);
        }
        self.push(&pcm, kind);
        self.scratch = pcm;
    }

    /// The front of what is ready, which is as long.
    fn take_sound(&mut self, out: &mut [i16]) {
        let (front, back) = self.ready.as_slices();
        let split = front.len().min(out.len());
        let (head, tail) = out.split_at_mut(split);
        let whole = front.get(..split).zip(back.get(..tail.len()));
        if let Some((front, back)) = whole {
            head.copy_from_slice(front);
            tail.copy_from_slice(back);
        }
        self.ready.drain(..out.len().min(self.ready.len()));
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

/// Noise louder than this is a wrong byte rather than a room.
const LOUDEST_COMFORT: f32 = 30.0;

/// Any will do: comfort noise is the same in each call.
const COMFORT_SEED: u32 = 0xC0;
