//! RIFF WAVE files: any PCM width in, 16 bits out.

use crate::g711::Law;
use crate::resample::{self, RatioError};
use crate::{SampleRate, rate::RateError, sample};

/// A decoded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Samples per second of each channel.
    pub rate: SampleRate,
    /// Channels, interleaved in `samples`.
    pub channels: u16,
    /// Interleaved samples.
    pub samples: Vec<i16>,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// The file does not start like a WAVE file.
    #[error("not a RIFF WAVE file")]
    NotWave,
    /// A 64-bit WAVE file.
    #[error("64-bit WAVE files (RF64) are not supported; convert it to an ordinary WAVE file")]
    Rf64,
    /// A required part is missing.
    #[error("the file has no {0:?} chunk")]
    Missing(&'static str),
    /// The format chunk is cut short.
    #[error("the format chunk is cut short")]
    ShortFormat,
    /// The samples are compressed.
    #[error(
        "samples are compressed (format tag {0:#06x}); only PCM, float, A-law and mu-law are read"
    )]
    Compressed(u16),
    /// A sample width nobody uses.
    #[error("{bits}-bit {kind} samples are not supported")]
    Width {
        /// Bits a sample.
        bits: u16,
        /// Integer or float.
        kind: &'static str,
    },
    /// No channels, or more than 64.
    #[error("{0} channels are not supported")]
    Channels(u16),
    /// A rate nobody uses.
    #[error(transparent)]
    Rate(#[from] RateError),
}

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
    Companded(Law),
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xFFFE;

impl Wav {
    /// Length of one channel in samples.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }

    /// All channels averaged into one.
    #[must_use]
    pub fn to_mono(&self) -> Vec<i16> {
        let channels = usize::from(self.channels.max(1));
        self.samples
            .chunks_exact(channels)
            .map(|frame| {
                let sum: i64 = frame.iter().map(|&value| i64::from(value)).sum();
                i16::try_from(sum / channels as i64).unwrap_or(0)
            })
            .collect()
    }

    /// All channels averaged into one, at `rate`.
    ///
    /// # Errors
    /// The two rates have no small ratio.
    pub fn to_mono_at(&self, rate: SampleRate) -> Result<Vec<i16>, RatioError> {
        resample::convert(self.rate, rate, &self.to_mono())
    }

    /// One channel alone, counted from zero; silent where there is none.
    #[must_use]
    pub fn channel(&self, index: usize) -> Vec<i16> {
        let channels = usize::from(self.channels.max(1));
        self.samples
            .chunks_exact(channels)
            .map(|frame| frame.get(index).copied().unwrap_or(0))
            .collect()
    }
}

/// Reads a file. A data chunk that promises more than there is (a recorder that was killed, or one
/// that writes to a pipe) gives what is there.
///
/// # Errors
/// The bytes are no WAVE file, or one with samples that are not read.
pub fn read(bytes: &[u8]) -> Result<Wav, WavError> {
    let mut rest = match bytes.get(..12) {
        Some([b'R', b'F', b'6', b'4', ..]) => return Err(WavError::Rf64),
        Some([b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E']) => {
            bytes.get(12..).unwrap_or_default()
        }
        _ => return Err(WavError::NotWave),
    };
    let mut format = None;
    while let Some((name, size, body)) = chunk(rest) {
        match name {
            b"fmt " => format = Some(Format::read(body.get(..size).unwrap_or(body))?),
            b"data" => {
                let format = format.ok_or(WavError::Missing("fmt "))?;
                return Ok(format.decode(body.get(..size).unwrap_or(body)));
            }
            _ => {}
        }
        rest = body
            .get(size.saturating_add(size % 2)..)
            .unwrap_or_default();
    }
    Err(WavError::Missing(if format.is_some() {
        "data"
    } else {
        "fmt "
    }))
}

/// A 16-bit file of interleaved samples.
#[must_use]
pub fn write(rate: SampleRate, channels: u16, samples: &[i16]) -> Vec<u8> {
    let data = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - 36);
    let block = channels.saturating_mul(2);
    let mut out = Vec::with_capacity(44 + samples.len() * 2);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&data.saturating_add(36).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    out.extend_from_slice(&PCM.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&rate.hz().to_le_bytes());
    out.extend_from_slice(&rate.hz().saturating_mul(u32::from(block)).to_le_bytes());
    out.extend_from_slice(&block.to_le_bytes());
    out.extend_from_slice(&16_u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&data.to_le_bytes());
    samples
        .iter()
        .for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
    out
}

struct Format {
    rate: SampleRate,
    channels: u16,
    coding: Coding,
}

impl Format {
    fn read(body: &[u8]) -> Result<Self, WavError> {
        let word = |at: usize| {
            body.get(at..at + 2)
                .and_then(|b| b.try_into().ok())
                .map(u16::from_le_bytes)
        };
        let long = body
            .get(4..8)
            .and_then(|b| b.try_into().ok())
            .map(u32::from_le_bytes);
        let (Some(tag), Some(channels), Some(hz), Some(bits)) = (word(0), word(2), long, word(14))
        else {
            return Err(WavError::ShortFormat);
        };
        let tag = if tag == EXTENSIBLE {
            word(24).ok_or(WavError::ShortFormat)?
        } else {
            tag
        };
        if !(1..=64).contains(&channels) {
            return Err(WavError::Channels(channels));
        }
        Ok(Self {
            rate: SampleRate::new(hz)?,
            channels,
            coding: coding(tag, bits)?,
        })
    }

    fn decode(&self, data: &[u8]) -> Wav {
        let mut samples = self.coding.decode(data);
        let whole = samples.len() - samples.len() % usize::from(self.channels);
        samples.truncate(whole);
        Wav {
            rate: self.rate,
            channels: self.channels,
            samples,
        }
    }
}

fn coding(tag: u16, bits: u16) -> Result<Coding, WavError> {
    match (tag, bits) {
        (PCM, 8) => Ok(Coding::U8),
        (PCM, 16) => Ok(Coding::I16),
        (PCM, 24) => Ok(Coding::I24),
        (PCM, 32) => Ok(Coding::I32),
        (FLOAT, 32) => Ok(Coding::F32),
        (FLOAT, 64) => Ok(Coding::F64),
        (ALAW, 8) => Ok(Coding::Companded(Law::A)),
        (MULAW, 8) => Ok(Coding::Companded(Law::Mu)),
        (PCM, bits) => Err(WavError::Width {
            bits,
            kind: "integer",
        }),
        (FLOAT, bits) => Err(WavError::Width {
            bits,
            kind: "float",
        }),
        (ALAW | MULAW, bits) => Err(WavError::Width {
            bits,
            kind: "companded",
        }),
        (tag, _) => Err(WavError::Compressed(tag)),
    }
}

impl Coding {
    fn decode(self, data: &[u8]) -> Vec<i16> {
        match self {
            Self::U8 => data
                .iter()
                .map(|&byte| (i16::from(byte) - 128) << 8)
                .collect(),
            Self::I16 => data
                .as_chunks()
                .0
                .iter()
                .map(|b| i16::from_le_bytes(*b))
                .collect(),
            Self::I24 => {
                let wide = |b: &[u8; 3]| i16::from_le_bytes([b[1], b[2]]);
                data.as_chunks().0.iter().map(wide).collect()
            }
            Self::I32 => {
                let wide = |b: &[u8; 4]| i16::from_le_bytes([b[2], b[3]]);
                data.as_chunks().0.iter().map(wide).collect()
            }
            Self::F32 => {
                let wide = |b: &[u8; 4]| sample::from_f32(f32::from_le_bytes(*b) * 32_768.0);
                data.as_chunks().0.iter().map(wide).collect()
            }
            Self::F64 => {
                let wide = |b: &[u8; 8]| sample::from_f64(f64::from_le_bytes(*b) * 32_768.0);
                data.as_chunks().0.iter().map(wide).collect()
            }
            Self::Companded(law) => data.iter().map(|&byte| law.decode_sample(byte)).collect(),
        }
    }
}

fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], usize, &[u8])> {
    let (name, rest) = bytes.split_first_chunk::<4>()?;
    let (size, body) = rest.split_first_chunk::<4>()?;
    Some((name, usize::try_from(u32::from_le_bytes(*size)).ok()?, body))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(tag: u16, bits: u16, channels: u16, data: &[u8]) -> Vec<u8> {
        let mut out = b"RIFF\0\0\0\0WAVE".to_vec();
        out.extend(b"LIST\x03\0\0\0abc\0fmt \x10\0\0\0");
        out.extend(tag.to_le_bytes());
        out.extend(channels.to_le_bytes());
        out.extend(22_050_u32.to_le_bytes());
        out.extend([0; 4]);
        out.extend((channels * bits / 8).to_le_bytes());
        out.extend(bits.to_le_bytes());
        out.extend(b"data");
        out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        out.extend(data);
        out
    }

    #[test]
    fn every_width_gives_the_same_sound() {
        let half = 16_384_i16;
        let cases: [(u16, u16, Vec<u8>); 6] = [
            (1, 8, vec![192]),
            (1, 16, half.to_le_bytes().to_vec()),
            (1, 24, vec![0, 0, 0x40]),
            (1, 32, (i32::from(half) << 16).to_le_bytes().to_vec()),
            (3, 32, 0.5_f32.to_le_bytes().to_vec()),
            (3, 64, 0.5_f64.to_le_bytes().to_vec()),
        ];
        for (tag, bits, data) in cases {
            let wav = read(&file(tag, bits, 1, &data)).unwrap();
            assert_eq!(
                (wav.rate, wav.samples.as_slice()),
                (SampleRate::HZ_22050, &[half][..])
            );
        }
        let clipped = read(&file(3, 32, 1, &3.0_f32.to_le_bytes())).unwrap();
        assert_eq!(clipped.samples, [i16::MAX]);
    }

    #[test]
    fn what_was_written_is_read() {
        let samples: Vec<i16> = (-500..500).collect();
        let wav = read(&write(SampleRate::HZ_44100, 2, &samples)).unwrap();
        assert_eq!(
            wav,
            Wav {
                rate: SampleRate::HZ_44100,
                channels: 2,
                samples
            }
        );
        assert_eq!(wav.frames(), 500);
        assert_eq!(wav.channel(1)[0], -499);
        assert_eq!(wav.to_mono()[10], -479);
        assert_eq!(wav.to_mono_at(SampleRate::HZ_16000).unwrap().len(), 182);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let text = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        assert_eq!(text(b"ID3\x04 and an mp3 after it"), "not a RIFF WAVE file");
        assert_eq!(
            text(&file(1, 12, 1, &[])),
            "12-bit integer samples are not supported"
        );
        assert_eq!(text(&file(1, 16, 0, &[])), "0 channels are not supported");
        assert!(text(&file(0x55, 16, 1, &[])).contains("0x0055"));
        assert_eq!(text(b"RIFF\0\0\0\0WAVE"), "the file has no \"fmt \" chunk");
    }

    #[test]
    fn a_file_whose_recorder_was_killed_gives_what_is_there() {
        let mut bytes = write(SampleRate::HZ_8000, 1, &[1, 2, 3, 4]);
        bytes[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        bytes.pop();
        assert_eq!(read(&bytes).unwrap().samples, [1, 2, 3]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let mut wave = b"RIFF\0\0\0\0WAVE".to_vec();
            wave.extend(bytes);
            let _ = read(&wave);
        }
    }
}
