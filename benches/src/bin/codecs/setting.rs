//! One way to set Opus up.

use trunkline_benches::voices::RATE;
use trunkline_media::SampleRate;
use trunkline_media::opus::{Application, Decoder, Encoder, OpusError, Voice};
use trunkline_media::resample::{RatioError, convert};

/// A rate, an application, a bit rate and a complexity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) rate: SampleRate,
    pub(crate) voice: Voice,
}

/// Why one cannot be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingError {
    #[error(transparent)]
    Opus(#[from] OpusError),
    #[error(transparent)]
    Ratio(#[from] RatioError),
    #[error(transparent)]
    Playout(#[from] trunkline_media::playout::PlayoutError),
}

/// Those that are compared.
pub(crate) fn settings() -> Vec<Setting> {
    let mut all = Vec::new();
    let mut add = |rate, application, kbit: u32, complexities: &[u8]| {
        for complexity in complexities {
            all.push(Setting {
                rate,
                voice: Voice {
                    application,
                    bitrate: Some(kbit * 1_000),
                    complexity: *complexity,
                    ..Voice::default()
                },
            });
        }
    };
    let every: Vec<u8> = (0..=10).collect();
    for kbit in [16, 24] {
        add(SampleRate::HZ_8000, Application::Voip, kbit, &every);
    }
    for kbit in [24, 32] {
        add(
            SampleRate::HZ_8000,
            Application::LowDelay,
            kbit,
            &[0, 5, 10],
        );
    }
    // The same narrow voice, coded as if it were wide.
    add(SampleRate::HZ_16000, Application::Voip, 24, &[0, 2, 5, 10]);
    all
}

impl Setting {
    pub(crate) fn name(&self) -> String {
        let Voice {
            application,
            bitrate,
            complexity,
            ..
        } = self.voice;
        let word = match application {
            Application::Voip => "voip",
            Application::Audio => "audio",
            Application::LowDelay => "lowdelay",
        };
        let kbit = bitrate.unwrap_or(0) / 1_000;
        format!("{}-{word}-{kbit}-{complexity}", self.rate.hz())
    }

    pub(crate) fn encoder(&self) -> Result<Encoder, OpusError> {
        Encoder::voice(self.rate, self.voice)
    }

    /// A telephone's sound at this rate, in frames of 20 ms.
    pub(crate) fn frames(&self, pcm: &[i16]) -> Result<Vec<Vec<i16>>, RatioError> {
        let pcm = convert(RATE, self.rate, pcm)?;
        let frames = pcm.chunks_exact(self.rate.samples_in_ms(20));
        Ok(frames.map(<[i16]>::to_vec).collect())
    }

    /// What is heard of it at the other end, at a telephone's rate.
    pub(crate) fn heard(&self, pcm: &[i16]) -> Result<Vec<i16>, SettingError> {
        let (mut encoder, mut decoder) = (self.encoder()?, Decoder::new(self.rate)?);
        let mut heard = Vec::with_capacity(pcm.len());
        for frame in self.frames(pcm)? {
            let packet = encoder.encode(&frame)?;
            heard.extend_from_slice(decoder.decode(&packet)?);
        }
        Ok(convert(self.rate, RATE, &heard)?)
    }
}
