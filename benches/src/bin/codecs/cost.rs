//! Microseconds of one thread for a frame of 20 ms.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use trunkline_benches::voices::RATE;
use trunkline_media::SampleRate;
use trunkline_media::g711::{self, Law};
use trunkline_media::g722;
use trunkline_media::opus::{Decoder, Encoder, OpusError, Voice};
use trunkline_media::playout::{Codec, Relayed, Stream};
use trunkline_media::resample::{RatioError, Resampler, convert};

use super::round;
use super::setting::{Setting, SettingError};

/// Rounds over the sound.
const ROUNDS: u32 = 5;

/// Encodes with a setting; bytes of a packet come with it.
pub(crate) fn encoding(setting: &Setting, pcm: &[i16]) -> Result<(f64, f64), SettingError> {
    let frames = setting.frames(pcm)?;
    let mut encoder = setting.encoder()?;
    let (mut bytes, mut failed) = (0, None);
    let took = best(frames.len(), || {
        bytes = 0;
        for frame in &frames {
            match encoder.encode(frame) {
                Ok(packet) => bytes += packet.len(),
                Err(error) => failed = Some(error),
            }
        }
    });
    match failed {
        Some(error) => Err(error.into()),
        None => Ok((took, average(bytes, frames.len()))),
    }
}

/// Decodes what a setting made, at a telephone's rate.
pub(crate) fn decoding(setting: &Setting, pcm: &[i16]) -> Result<f64, SettingError> {
    let packets = packets(setting.encoder()?, &setting.frames(pcm)?)?;
    let mut decoder = Decoder::new(RATE)?;
    Ok(best(packets.len(), || {
        for packet in &packets {
            let _ = black_box(decoder.decode(packet));
        }
    }))
}

fn packets(mut encoder: Encoder, frames: &[Vec<i16>]) -> Result<Vec<Bytes>, OpusError> {
    frames.iter().map(|frame| encoder.encode(frame)).collect()
}

/// The codecs of telephone lines, both ways.
pub(crate) fn line_codecs(pcm: &[i16]) -> Value {
    let narrow: Vec<&[i16]> = pcm.chunks_exact(RATE.samples_in_ms(20)).collect();
    let wide: Vec<&[i16]> = pcm.chunks_exact(RATE.samples_in_ms(40)).collect();
    let (mut line, mut sound) = (Vec::new(), Vec::new());
    let g711_encode = best(narrow.len(), || {
        for frame in &narrow {
            line.clear();
            g711::encode(Law::A, black_box(frame), &mut line);
        }
    });
    let g711_decode = best(narrow.len(), || {
        for _ in &narrow {
            sound.clear();
            g711::decode(Law::A, black_box(&line), &mut sound);
        }
    });
    let mut encoder = g722::Encoder::new();
    let g722_encode = best(wide.len(), || {
        for frame in &wide {
            line.clear();
            encoder.encode(black_box(frame), &mut line);
        }
    });
    let mut decoder = g722::Decoder::new();
    let g722_decode = best(wide.len(), || {
        for _ in &wide {
            sound.clear();
            decoder.decode(black_box(&line), &mut sound);
        }
    });
    json!({
        "g711_encode": g711_encode, "g711_decode": g711_decode,
        "g722_encode": g722_encode, "g722_decode": g722_decode,
    })
}

/// Between the rate of a line and that of Opus, which nothing on the way of a call does.
pub(crate) fn resampling(pcm: &[i16]) -> Result<Value, RatioError> {
    let way = |from: SampleRate, to: SampleRate| -> Result<f64, RatioError> {
        let pcm = convert(RATE, from, pcm)?;
        let frames: Vec<&[i16]> = pcm.chunks_exact(from.samples_in_ms(20)).collect();
        let mut resampler = Resampler::new(from, to)?;
        let mut out = Vec::new();
        Ok(best(frames.len(), || {
            for frame in &frames {
                out.clear();
                resampler.process(frame, &mut out);
            }
        }))
    };
    let (up, down) = (
        way(RATE, SampleRate::HZ_48000)?,
        way(SampleRate::HZ_48000, RATE)?,
    );
    Ok(json!({ "8_to_48": up, "48_to_8": down }))
}

/// Packets that go through a jitter buffer undecoded.
pub(crate) fn waiting(pcm: &[i16]) -> Option<f64> {
    let count = pcm.len() / RATE.samples_in_ms(20);
    let payload = Bytes::from_static(&[0xf8, 0xff, 0xfe]);
    let mut stream = Stream::new(Codec::Opus, RATE).ok()?;
    let mut clock = Clock::new(Codec::Opus);
    Some(best(count, || {
        for _ in 0..count {
            let now = clock.insert(&mut stream, payload.clone());
            if let Relayed::Packet { payload, .. } = stream.relay(now) {
                black_box(payload);
            }
        }
    }))
}

/// Which codec a phone has whose call goes into a room of Opus.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pair {
    G711,
    G722,
    Opus,
}

impl Pair {
    pub(crate) const ALL: [Self; 3] = [Self::G711, Self::G722, Self::Opus];

    const fn codec(self) -> Codec {
        match self {
            Self::G711 => Codec::G711(Law::A),
            Self::G722 => Codec::G722,
            Self::Opus => Codec::Opus,
        }
    }

    const fn rate(self) -> SampleRate {
        match self {
            Self::G711 => SampleRate::HZ_8000,
            Self::G722 | Self::Opus => SampleRate::HZ_16000,
        }
    }
}

/// All the arithmetic of a call both ways, jitter buffers and concealment included.
pub(crate) fn pair(pair: Pair, pcm: &[i16]) -> Result<Value, SettingError> {
    let rate = pair.rate();
    let sound = convert(RATE, rate, pcm)?;
    let frames: Vec<Vec<i16>> = sound
        .chunks_exact(rate.samples_in_ms(20))
        .map(<[i16]>::to_vec)
        .collect();
    let room = packets(Encoder::voice(rate, Voice::default())?, &frames)?;
    let phone = match pair {
        Pair::Opus => room.clone(),
        Pair::G711 | Pair::G722 => frames.iter().map(|frame| coded(pair, frame)).collect(),
    };
    let to_room = way(pair, pair.codec(), &phone, true)?;
    let to_phone = way(pair, Codec::Opus, &room, false)?;
    Ok(json!({
        "phone": format!("{pair:?}"),
        "to_room": to_room,
        "to_phone": to_phone,
        "calls_of_a_core": (20_000.0 / (to_room + to_phone)).floor(),
    }))
}

fn coded(pair: Pair, frame: &[i16]) -> Bytes {
    let mut bytes = Vec::new();
    match pair {
        Pair::G711 => g711::encode(Law::A, frame, &mut bytes),
        Pair::G722 | Pair::Opus => g722::Encoder::new().encode(frame, &mut bytes),
    }
    Bytes::from(bytes)
}

fn way(pair: Pair, from: Codec, packets: &[Bytes], to_room: bool) -> Result<f64, SettingError> {
    let mut stream = Stream::new(from, pair.rate())?;
    let mut opus = Encoder::voice(pair.rate(), Voice::default())?;
    let mut wide = g722::Encoder::new();
    let mut clock = Clock::new(from);
    let mut frame = vec![0; pair.rate().samples_in_ms(20)];
    let mut line = Vec::new();
    Ok(best(packets.len(), || {
        for payload in packets {
            let now = clock.insert(&mut stream, payload.clone());
            if matches!(pair, Pair::Opus) {
                if let Relayed::Packet { payload, .. } = stream.relay(now) {
                    black_box(stream.loudness(&payload));
                }
                continue;
            }
            stream.frame(now, &mut frame);
            line.clear();
            match pair {
                _ if to_room => drop(opus.encode(&frame)),
                Pair::G711 => g711::encode(Law::A, &frame, &mut line),
                Pair::G722 | Pair::Opus => wide.encode(&frame, &mut line),
            }
        }
    }))
}

/// Packets of one sender, one after the other.
struct Clock {
    now: Instant,
    number: u32,
    ticks: u32,
}

impl Clock {
    fn new(codec: Codec) -> Self {
        Self {
            now: Instant::now(),
            number: 0,
            ticks: codec.clock_hz() / 50,
        }
    }

    fn insert(&mut self, stream: &mut Stream, payload: Bytes) -> Instant {
        self.now += Duration::from_millis(20);
        self.number = self.number.wrapping_add(1);
        let [.., high, low] = self.number.to_be_bytes();
        let timestamp = self.number.wrapping_mul(self.ticks);
        let place = (1, u16::from_be_bytes([high, low]), timestamp);
        stream.insert(place, payload, self.now);
        // Just when the buffer is willing to give it.
        self.now + Duration::from_millis(20)
    }
}

/// Microseconds for one of `count`.
fn best(count: usize, mut work: impl FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e6
    });
    let least = rounds.fold(f64::INFINITY, f64::min);
    (least / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX)) * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "bytes of some seconds")]
fn average(bytes: usize, packets: usize) -> f64 {
    round(bytes as f64 / packets.max(1) as f64)
}
