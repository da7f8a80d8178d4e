//! Several voices of one side as one: decoded, added where they belong in time, encoded once.

use std::collections::VecDeque;

use trunkline_media::SampleRate;
use trunkline_media::g711::{self, Law};
use trunkline_media::mix;
use trunkline_media::ogg::{DualOpusWriter, SLOT_48K, Side};
use trunkline_media::opus::{Decoder, Encoder, Voice};
use trunkline_media::resample::Resampler;

/// Sound that may wait to be mixed: two seconds. More means that a clock has gone wrong.
const MAX_WAITING: u64 = 96_000;

/// What a track's packets carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrackCodec {
    Opus,
    G711(Law),
}

impl TrackCodec {
    /// By its MIME type; nothing for what cannot be recorded.
    pub(super) fn of(mime_type: &str) -> Option<Self> {
        let mime = mime_type.to_ascii_lowercase();
        match mime.strip_prefix("audio/").unwrap_or(&mime) {
            // A server that says nothing sends Opus.
            "" | "opus" => Some(Self::Opus),
            "pcmu" => Some(Self::G711(Law::Mu)),
            "pcma" => Some(Self::G711(Law::A)),
            _ => None,
        }
    }

    /// Timestamp ticks at 48 kHz for one of the codec's own.
    pub(super) const fn ticks_48k(self) -> u32 {
        match self {
            Self::Opus => 1,
            Self::G711(_) => 6,
        }
    }
}

/// Decodes one track to 48 kHz.
pub(super) enum TrackDecoder {
    Opus(Decoder),
    G711(Law, Resampler),
}

impl TrackDecoder {
    /// Nothing only if libopus cannot allocate.
    pub(super) fn new(codec: TrackCodec) -> Option<Self> {
        match codec {
            TrackCodec::Opus => Decoder::new(SampleRate::HZ_48000).ok().map(Self::Opus),
            TrackCodec::G711(law) => Resampler::new(SampleRate::HZ_8000, SampleRate::HZ_48000)
                .ok()
                .map(|resampler| Self::G711(law, resampler)),
        }
    }

    /// The packet's sound; nothing when it is none of the codec.
    pub(super) fn decode(&mut self, payload: &[u8]) -> Option<Vec<i16>> {
        match self {
            Self::Opus(decoder) => decoder.decode(payload).ok().map(<[i16]>::to_vec),
            Self::G711(law, resampler) => {
                let mut narrow = Vec::with_capacity(payload.len());
                g711::decode(*law, payload, &mut narrow);
                let mut wide = Vec::with_capacity(narrow.len() * 6);
                resampler.process(&narrow, &mut wide);
                Some(wide)
            }
        }
    }
}

/// The sum of one side's voices, waiting for its time.
pub(super) struct Mixdown {
    encoder: Option<Encoder>,
    /// Position of the first sample, on the 20 ms grid.
    start: u64,
    sum: VecDeque<i32>,
}

impl Mixdown {
    pub(super) const fn new() -> Self {
        Self {
            encoder: None,
            start: 0,
            sum: VecDeque::new(),
        }
    }

    /// Adds sound at its position; what lies before the mix already written is lost.
    pub(super) fn add(&mut self, at: u64, pcm: &[i16]) {
        if self.sum.is_empty() {
            self.start = self.start.max(at / SLOT_48K * SLOT_48K);
        }
        if at > self.start + MAX_WAITING {
            return;
        }
        let late = usize::try_from(self.start.saturating_sub(at)).unwrap_or(usize::MAX);
        let first = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let Some(pcm) = pcm.get(late..) else { return };
        let needed = first + pcm.len();
        if self.sum.len() < needed {
            self.sum.resize(needed, 0);
        }
        self.sum
            .iter_mut()
            .skip(first)
            .zip(pcm)
            .for_each(|(slot, value)| *slot += i32::from(*value));
    }

    /// Encodes whatever ends at or before `until` and gives it to the writer.
    pub(super) fn write(&mut self, until: u64, side: Side, writer: &mut DualOpusWriter) {
        while !self.sum.is_empty() && self.start + SLOT_48K <= until {
            let mut frame = [0_i16; 960];
            for slot in &mut frame {
                *slot = mix::soft_limit(self.sum.pop_front().unwrap_or(0));
            }
            if self.encoder.is_none() {
                self.encoder = encoder();
            }
            let encoder = self.encoder.as_mut();
            if let Some(packet) = encoder.and_then(|encoder| encoder.encode(&frame).ok()) {
                // A slot that an untouched packet already holds keeps it.
                let _ = writer.push(side, self.start, &packet);
            }
            self.start += SLOT_48K;
        }
        if self.sum.is_empty() {
            self.start = self.start.max(until / SLOT_48K * SLOT_48K);
        }
    }
}

/// Most recordings never mix, so this is made when it is first needed.
fn encoder() -> Option<Encoder> {
    // A third of the work of the best setting, and speech does not tell them apart.
    let voice = Voice {
        bitrate: Some(32_000),
        complexity: 3,
        fec: false,
        expected_loss: 0,
        ..Voice::default()
    };
    Encoder::voice(SampleRate::HZ_48000, voice).ok()
}
