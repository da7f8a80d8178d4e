//! What turns payloads into sound, and what stands in for those that are missing.

use crate::SampleRate;
use crate::conceal::Concealer;
use crate::g711::{self, Law};
use crate::g722;
use crate::opus::{Decoder, packet};
use crate::resample::Resampler;

use super::codec::{Codec, PlayoutError};

/// The decoder of one stream.
pub(super) enum Voice {
    /// The codecs of telephone lines, at whose own rate gaps are concealed.
    Line {
        coding: Coding,
        concealer: Concealer,
        resampler: Resampler,
        pcm: Vec<i16>,
    },
    Opus(Decoder),
}

pub(super) enum Coding {
    G711(Law),
    G722(Box<g722::Decoder>),
}

impl Voice {
    pub(super) fn new(codec: Codec, rate: SampleRate) -> Result<Self, PlayoutError> {
        let (coding, own) = match codec {
            Codec::Opus => return Ok(Self::Opus(Decoder::new(rate)?)),
            Codec::G711(law) => (Coding::G711(law), SampleRate::HZ_8000),
            Codec::G722 => (Coding::G722(Box::default()), SampleRate::HZ_16000),
        };
        Ok(Self::Line {
            coding,
            concealer: Concealer::new(own),
            resampler: Resampler::new(own, rate)?,
            pcm: Vec::new(),
        })
    }

    /// How long a payload plays, in ticks of the RTP clock; `None` for what is none of the codec.
    pub(super) fn ticks(&self, payload: &[u8]) -> Option<u32> {
        match self {
            // A byte is a tick of the 8 kHz clock, whatever it carries.
            Self::Line { .. } => u32::try_from(payload.len())
                .ok()
                .filter(|ticks| (1..=LONGEST_PAYLOAD).contains(ticks)),
            Self::Opus(_) => packet::duration_samples_48k(payload),
        }
    }

    /// Appends a payload's sound; false if it is none.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> bool {
        match self {
            Self::Line {
                coding,
                concealer,
                resampler,
                pcm,
            } => {
                pcm.clear();
                match coding {
                    Coding::G711(law) => g711::decode(*law, payload, pcm),
                    Coding::G722(decoder) => decoder.decode(payload, pcm),
                }
                concealer.good(pcm);
                resampler.process(pcm, out);
                true
            }
            Self::Opus(decoder) => decoder
                .decode(payload)
                .map(|sound| out.extend_from_slice(sound))
                .is_ok(),
        }
    }

    /// Appends `samples` that stand in for what is missing, from a copy in the packet that follows
    /// where there is one.
    pub(super) fn conceal(&mut self, samples: usize, fec: Option<&[u8]>, out: &mut Vec<i16>) {
        let end = out.len() + samples;
        match self {
            Self::Line {
                concealer,
                resampler,
                pcm,
                ..
            } => {
                let from = resampler.from_rate().hz() as usize;
                let to = resampler.to_rate().hz() as usize;
                pcm.clear();
                pcm.resize(samples * from / to.max(1), 0);
                concealer.conceal(pcm);
                resampler.process(pcm, out);
            }
            Self::Opus(decoder) => {
                let rebuilt = match fec {
                    Some(following) => decoder.decode_fec(following, samples),
                    None => decoder.conceal(samples),
                };
                out.extend_from_slice(rebuilt.unwrap_or_default());
                out.resize(end, 0);
            }
        }
    }
}

/// 120 ms in one packet of a telephone line, twice what anybody sends.
const LONGEST_PAYLOAD: u32 = 960;
