use super::{OpusError, check_rate, packet};
use crate::SampleRate;

/// The longest packet Opus allows, in milliseconds.
const MAX_PACKET_MS: u32 = 120;

/// A mono Opus decoder at the rate the listener wants.
///
/// Stereo packets are mixed down by libopus.
pub struct Decoder {
    inner: ::opus::Decoder,
    rate: SampleRate,
    pcm: Vec<i16>,
}

impl Decoder {
    /// A decoder that gives PCM at `rate`.
    ///
    /// # Errors
    /// The rate is not one of Opus.
    pub fn new(rate: SampleRate) -> Result<Self, OpusError> {
        let hz = check_rate(rate)?;
        let inner = ::opus::Decoder::new(hz, ::opus::Channels::Mono)?;
        Ok(Self {
            inner,
            rate,
            pcm: vec![0; rate.samples_in_ms(MAX_PACKET_MS)],
        })
    }

    /// Decodes a packet; the PCM is valid until the next call.
    ///
    /// # Errors
    /// The bytes are no Opus packet.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[i16], OpusError> {
        if packet.is_empty() {
            return Err(OpusError::BadPacket);
        }
        let samples = self.inner.decode(packet, &mut self.pcm, false)?;
        Ok(self.pcm.get(..samples).unwrap_or_default())
    }

    /// Rebuilds `samples` of the packet **before** `following` from the copy it carries, or
    /// conceals them when it carries none.
    ///
    /// # Errors
    /// The bytes are no Opus packet, or `samples` is no multiple of 2.5 ms up to 120 ms.
    pub fn decode_fec(&mut self, following: &[u8], samples: usize) -> Result<&[i16], OpusError> {
        if following.is_empty() {
            return Err(OpusError::BadPacket);
        }
        let (rate, length) = (self.rate, self.check_gap(samples)?);
        let room = self
            .pcm
            .get_mut(..length)
            .ok_or(OpusError::FrameLength { samples, rate })?;
        let decoded = self.inner.decode(following, room, true)?;
        Ok(self.pcm.get(..decoded).unwrap_or_default())
    }

    /// Invents `samples` that continue what was last heard.
    ///
    /// # Errors
    /// `samples` is no multiple of 2.5 ms up to 120 ms.
    pub fn conceal(&mut self, samples: usize) -> Result<&[i16], OpusError> {
        let (rate, length) = (self.rate, self.check_gap(samples)?);
        let room = self
            .pcm
            .get_mut(..length)
            .ok_or(OpusError::FrameLength { samples, rate })?;
        let concealed = self.inner.decode(&[], room, false)?;
        Ok(self.pcm.get(..concealed).unwrap_or_default())
    }

    /// Samples that `packet` decodes to at this decoder's rate.
    #[must_use]
    pub fn samples_of(&self, packet: &[u8]) -> Option<usize> {
        let at_48k = packet::duration_samples_48k(packet)? as usize;
        Some(at_48k * self.rate.hz() as usize / super::CLOCK_HZ as usize)
    }

    /// Forgets the past.
    ///
    /// # Errors
    /// libopus refuses.
    pub fn reset(&mut self) -> Result<(), OpusError> {
        Ok(self.inner.reset_state()?)
    }

    /// The rate of the PCM it gives.
    #[must_use]
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    fn check_gap(&self, samples: usize) -> Result<usize, OpusError> {
        let unit = self.rate.hz() as usize / 400;
        let legal = samples > 0 && samples.is_multiple_of(unit) && samples <= self.pcm.len();
        if legal {
            Ok(samples)
        } else {
            Err(OpusError::FrameLength {
                samples,
                rate: self.rate,
            })
        }
    }
}
