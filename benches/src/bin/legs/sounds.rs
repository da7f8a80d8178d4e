//! What both ends say, coded before anything is measured.

use std::sync::Arc;

use bytes::Bytes;
use trunkline_benches::voices::{self, ALL, VoiceError};
use trunkline_client::room::OpusFrame;
use trunkline_media::g711::{self, Law};
use trunkline_media::level::{audio_level_rfc6464, peak};
use trunkline_media::opus::{Encoder, OpusError, Voice};
use trunkline_media::{SampleRate, resample};

/// Frames between two clicks.
pub(crate) const EVERY: usize = 25;
/// A sample louder than this is of a click.
const LOUD: u16 = 3_000;

/// Frames of 20 ms, as they go out.
#[derive(Clone)]
pub(crate) struct Sounds {
    /// PCMU.
    pub(crate) phone: Arc<[Bytes]>,
    /// Opus as a browser sends it, with its level.
    pub(crate) room: Arc<[(Bytes, i8)]>,
    /// The same with one loud frame in [`EVERY`], the first.
    pub(crate) phone_clicks: Arc<[Bytes]>,
    pub(crate) room_clicks: Arc<[(Bytes, i8)]>,
    /// What the room sends while nothing is said.
    pub(crate) silence: OpusFrame,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SoundError {
    #[error(transparent)]
    Voice(#[from] VoiceError),
    #[error(transparent)]
    Opus(#[from] OpusError),
    #[error(transparent)]
    Ratio(#[from] resample::RatioError),
}

impl Sounds {
    pub(crate) fn make() -> Result<Self, SoundError> {
        let caller = ALL[0].say(
            "Good morning, I am calling about the parcel that you were going to bring on Tuesday. \
             It was sent from Leeds a week ago, and nobody has rung at my door since then.",
        )?;
        let agent = ALL[1].say(
            "Thank you for calling. I have found your parcel, it is in our depot in the north of \
             the city, and the driver will be with you tomorrow between ten and twelve.",
        )?;
        let agent = resample::convert(voices::RATE, SampleRate::HZ_48000, &agent)?;
        let rate = SampleRate::HZ_48000;
        let mut encoder = Encoder::voice(rate, Voice::default())?;
        let silence = encoder.encode(&vec![0; rate.samples_in_ms(20)])?;
        Ok(Self {
            silence: OpusFrame {
                payload: silence,
                duration_48k: 960,
                level: Some(127),
            },
            phone: companded(&caller),
            room: coded(&agent)?,
            phone_clicks: companded(&clicks(voices::RATE)),
            room_clicks: coded(&clicks(SampleRate::HZ_48000))?,
        })
    }
}

/// Whether a click is to be heard.
pub(crate) fn is_click(pcm: &[i16]) -> bool {
    peak(pcm) > LOUD
}

/// One loud frame and silence.
fn clicks(rate: SampleRate) -> Vec<i16> {
    let frame = rate.samples_in_ms(20);
    let quarter = rate.samples_in_ms(1) / 2;
    let tone = |n: usize| {
        if (n / quarter).is_multiple_of(2) {
            12_000
        } else {
            -12_000
        }
    };
    let mut pcm: Vec<i16> = (0..frame).map(tone).collect();
    pcm.resize(frame * EVERY, 0);
    pcm
}

fn companded(pcm: &[i16]) -> Arc<[Bytes]> {
    let frames = pcm.chunks_exact(voices::RATE.samples_in_ms(20));
    let coded = frames.map(|frame| {
        let mut bytes = Vec::with_capacity(frame.len());
        g711::encode(Law::Mu, frame, &mut bytes);
        Bytes::from(bytes)
    });
    coded.collect()
}

fn coded(pcm: &[i16]) -> Result<Arc<[(Bytes, i8)]>, OpusError> {
    let rate = SampleRate::HZ_48000;
    let voice = Voice {
        bitrate: Some(32_000),
        ..Voice::default()
    };
    let mut encoder = Encoder::voice(rate, voice)?;
    let frames = pcm.chunks_exact(rate.samples_in_ms(20));
    frames
        .map(|frame| {
            let level = i8::try_from(audio_level_rfc6464(frame)).unwrap_or(i8::MAX);
            Ok((encoder.encode(frame)?, level))
        })
        .collect()
}
