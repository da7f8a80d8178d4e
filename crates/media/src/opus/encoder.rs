use bytes::Bytes;

use super::{OpusError, check_rate};
use crate::SampleRate;
use crate::pages::Pages;

/// What the encoder is tuned for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Application {
    /// Speech first; 6.5 ms of look-ahead.
    #[default]
    Voip,
    /// Everything alike; 6.5 ms of look-ahead.
    Audio,
    /// Only the transform codec; 2.5 ms of look-ahead, less than half the work, no in-band FEC.
    LowDelay,
}

/// How a voice is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// What the encoder is tuned for.
    pub application: Application,
    /// Bits per second; `None` lets libopus choose by rate.
    pub bitrate: Option<u32>,
    /// 0 (cheapest) to 10 (best).
    pub complexity: u8,
    /// Put a coarse copy of each frame into the next packet.
    pub fec: bool,
    /// Loss the network is expected to have, in percent; FEC is spent only when above zero.
    pub expected_loss: u8,
    /// Send almost nothing during silence.
    pub dtx: bool,
}

impl Default for Voice {
    /// Speech at 24 kbit/s, complexity 5 (three quarters of the gain for half the work of 10), FEC
    /// for 5 % loss. No DTX: a steady packet flow keeps NATs open and playout even.
    fn default() -> Self {
        Self {
            application: Application::Voip,
            bitrate: Some(24_000),
            complexity: 5,
            fec: true,
            expected_loss: 5,
            dtx: false,
        }
    }
}

/// Opus never makes a packet larger than this for one 60 ms frame set; RFC 6716 section 3.4.
const MAX_PACKET: usize = 1_500;

/// A mono Opus encoder.
pub struct Encoder {
    inner: ::opus::Encoder,
    rate: SampleRate,
    scratch: Box<[u8; MAX_PACKET]>,
    pages: Pages,
}

impl Encoder {
    /// An encoder for a voice sampled at `rate`.
    ///
    /// # Errors
    /// The rate is not one of Opus, or libopus refuses a setting.
    pub fn voice(rate: SampleRate, voice: Voice) -> Result<Self, OpusError> {
        let hz = check_rate(rate)?;
        let mode = match voice.application {
            Application::Voip => ::opus::Application::Voip,
            Application::Audio => ::opus::Application::Audio,
            Application::LowDelay => ::opus::Application::LowDelay,
        };
        let mut inner = ::opus::Encoder::new(hz, ::opus::Channels::Mono, mode)?;
        if let Some(bitrate) = voice.bitrate {
            let bitrate = i32::try_from(bitrate)
                .unwrap_or(i32::MAX)
                .clamp(6_000, 510_000);
            inner.set_bitrate(::opus::Bitrate::Bits(bitrate))?;
        }
        inner.set_complexity(i32::from(voice.complexity.min(10)))?;
        inner.set_inband_fec(voice.fec)?;
        inner.set_packet_loss_perc(i32::from(voice.expected_loss.min(100)))?;
        inner.set_dtx(voice.dtx)?;
        if voice.application == Application::Voip {
            inner.set_signal(::opus::Signal::Voice)?;
        }
        Ok(Self {
            inner,
            rate,
            scratch: Box::new([0; MAX_PACKET]),
            pages: Pages::default(),
        })
    }

    /// Encodes one frame of 2.5, 5, 10, 20, 40 or 60 ms.
    ///
    /// # Errors
    /// The length is none of those.
    pub fn encode(&mut self, pcm: &[i16]) -> Result<Bytes, OpusError> {
        let length = self.fill(pcm)?;
        Ok(self
            .pages
            .keep(self.scratch.get(..length).unwrap_or_default()))
    }

    /// As [`Encoder::encode`], appending the packet to `out`.
    ///
    /// # Errors
    /// The length is none of those.
    pub fn encode_to(&mut self, pcm: &[i16], out: &mut Vec<u8>) -> Result<(), OpusError> {
        let length = self.fill(pcm)?;
        out.extend_from_slice(self.scratch.get(..length).unwrap_or_default());
        Ok(())
    }

    fn fill(&mut self, pcm: &[i16]) -> Result<usize, OpusError> {
        self.check_length(pcm.len())?;
        Ok(self.inner.encode(pcm, self.scratch.as_mut_slice())?)
    }

    /// Tells the encoder how much loss receivers report, so that it spends FEC accordingly.
    ///
    /// # Errors
    /// libopus refuses.
    pub fn set_expected_loss(&mut self, percent: u8) -> Result<(), OpusError> {
        Ok(self
            .inner
            .set_packet_loss_perc(i32::from(percent.min(100)))?)
    }

    /// Samples of delay that the encoder adds, at its own rate.
    ///
    /// # Errors
    /// libopus refuses.
    pub fn lookahead(&mut self) -> Result<usize, OpusError> {
        Ok(usize::try_from(self.inner.get_lookahead()?).unwrap_or(0))
    }

    /// Forgets the past, as at the start of a new talk spurt of another source.
    ///
    /// # Errors
    /// libopus refuses.
    pub fn reset(&mut self) -> Result<(), OpusError> {
        Ok(self.inner.reset_state()?)
    }

    /// The rate of the PCM it takes.
    #[must_use]
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    fn check_length(&self, samples: usize) -> Result<(), OpusError> {
        let per_400th = samples.saturating_mul(400);
        let hz = self.rate.hz() as usize;
        let legal = [1, 2, 4, 8, 16, 24]
            .iter()
            .any(|units| per_400th == hz * units);
        if legal {
            Ok(())
        } else {
            Err(OpusError::FrameLength {
                samples,
                rate: self.rate,
            })
        }
    }
}
