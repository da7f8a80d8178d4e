//! One sentence over one line, in virtual time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_benches::voices::RATE;
use trunkline_media::opus::{Encoder, Voice};
use trunkline_media::playout::{Codec, Heard as Kind, Stream};
use trunkline_media::quality::{Coding, Leg};
use trunkline_media::{SampleRate, g711, g722, resample};
use trunkline_tests::line::{Line, Weather};

/// A packet's length.
const FRAME: Duration = Duration::from_millis(20);

/// How far the listener's clock is from the sender's: no line makes them beat together.
const PHASE: Duration = Duration::from_millis(7);

/// What was heard.
pub(crate) struct Heard {
    pub(crate) pcm: Vec<i16>,
    /// Share of packets that the line lost.
    pub(crate) lost: f64,
    /// Share of frames that were invented.
    pub(crate) invented: f64,
    /// How long packets waited, on average.
    pub(crate) buffer: Duration,
    line: Duration,
}

impl Heard {
    /// The E-model's opinion, of all the delay there was and of all that was invented.
    pub(crate) fn mos(&self) -> f64 {
        Leg {
            delay: FRAME + self.line + self.buffer,
            loss: self.invented,
            coding: Coding::CONCEALED,
        }
        .mos()
    }
}

/// Packets of 20 ms; none when a coder is not to be had.
pub(crate) fn packets(codec: Codec, pcm: &[i16]) -> Option<Vec<Bytes>> {
    let wide;
    let (rate, pcm) = match codec {
        Codec::G722 => {
            wide = resample::convert(RATE, SampleRate::HZ_16000, pcm).ok()?;
            (SampleRate::HZ_16000, wide.as_slice())
        }
        Codec::G711(_) | Codec::Opus => (RATE, pcm),
    };
    let mut coder = g722::Encoder::new();
    let mut opus = Encoder::voice(rate, Voice::default()).ok()?;
    let frames = pcm.chunks_exact(rate.samples_in(FRAME));
    frames
        .map(|frame| {
            let mut bytes = Vec::new();
            match codec {
                Codec::G711(law) => g711::encode(law, frame, &mut bytes),
                Codec::G722 => coder.encode(frame, &mut bytes),
                Codec::Opus => return opus.encode(frame).ok(),
            }
            Some(Bytes::from(bytes))
        })
        .collect()
}

/// Says it over such a line and hears it at 8 kHz.
pub(crate) fn hear(codec: Codec, pcm: &[i16], weather: Weather, seed: u64) -> Option<Heard> {
    let packets = packets(codec, pcm)?;
    let mut line = Line::new(weather, seed);
    let mut arrivals = Vec::new();
    let mut lost = 0_u32;
    for (number, packet) in (0_u32..).zip(&packets) {
        let copies = line.carry(FRAME * number);
        lost += u32::from(copies.is_empty());
        arrivals.extend(copies.into_iter().map(|at| (at, number, packet.clone())));
    }
    arrivals.sort_by_key(|(at, number, _)| (*at, *number));
    let sent = u32::try_from(packets.len()).ok()?;
    let origin = Instant::now();
    let mut stream = Stream::new(codec, RATE).ok()?;
    let ticks = codec.clock_hz() / 50;
    let mut arrivals = arrivals.into_iter().peekable();
    let (mut heard, mut waits) = (Vec::new(), Vec::new());
    // What is invented behind the last word says nothing of the line.
    let (mut invented, mut of, mut since) = (0_u32, 0_u32, 0_u32);
    let mut frame = vec![0; RATE.samples_in(FRAME)];
    for tick in 0..sent + TAIL {
        let now = FRAME * tick + PHASE;
        while let Some((at, number, payload)) = arrivals.next_if(|(at, ..)| *at <= now) {
            #[expect(clippy::cast_possible_truncation, reason = "numbers wrap on the wire")]
            let place = (7, number as u16, number.wrapping_mul(ticks));
            stream.insert(place, payload, origin + at);
        }
        match stream.frame(origin + now, &mut frame) {
            Kind::Idle if tick > sent => break,
            Kind::Concealed => since += 1,
            Kind::Sound => {
                invented += std::mem::take(&mut since);
                of = tick + 1;
            }
            Kind::Idle | Kind::Silence => {}
        }
        heard.extend_from_slice(&frame);
        waits.push(stream.stats().delay);
    }
    let count = u32::try_from(waits.len()).ok()?.max(1);
    Some(Heard {
        pcm: heard,
        lost: f64::from(lost) / f64::from(sent.max(1)),
        invented: f64::from(invented) / f64::from(of.max(1)),
        buffer: waits.iter().sum::<Duration>() / count,
        line: weather.delay,
    })
}

/// Ticks after the last packet was sent: more than any line or buffer holds.
const TAIL: u32 = 50;
