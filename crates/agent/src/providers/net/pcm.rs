//! Samples as bytes: 16 bits, little end first, one channel.

/// Puts samples together from bytes that come cut anywhere.
#[derive(Debug, Default)]
pub struct Samples {
    /// The first half of a sample.
    half: Option<u8>,
}

impl Samples {
    /// The samples that are whole now.
    pub fn of(&mut self, bytes: &[u8]) -> Vec<i16> {
        let mut rest = bytes;
        let mut samples = Vec::with_capacity(bytes.len() / 2 + 1);
        if let (Some(low), Some((high, after))) = (self.half, rest.split_first()) {
            samples.push(i16::from_le_bytes([low, *high]));
            self.half = None;
            rest = after;
        }
        let (pairs, left) = rest.as_chunks::<2>();
        samples.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
        if let Some(low) = left.first() {
            self.half = Some(*low);
        }
        samples
    }

    /// Whether the last sample is not all there.
    pub const fn is_torn(&self) -> bool {
        self.half.is_some()
    }
}

/// The bytes of samples.
pub fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

/// A WAV file of samples.
pub fn wav(rate: u32, samples: &[i16]) -> Vec<u8> {
    let length = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&length.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&16_u32.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&1_u16.to_le_bytes());
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&(rate * 2).to_le_bytes());
    file.extend_from_slice(&2_u16.to_le_bytes());
    file.extend_from_slice(&16_u16.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend(bytes_of(samples));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_whole_wherever_the_network_cuts() {
        let whole = [1, -2, i16::MAX, i16::MIN];
        let bytes = bytes_of(&whole);
        for cut in 0..=bytes.len() {
            let mut samples = Samples::default();
            let (left, right) = bytes.split_at(cut);
            let mut all = samples.of(left);
            all.extend(samples.of(&[]));
            all.extend(samples.of(right));
            assert_eq!((all.as_slice(), samples.is_torn()), (&whole[..], false));
        }
    }

    #[test]
    fn a_wav_file_is_read_back() {
        let file = wav(16_000, &[5, -5, 7]);
        let read = trunkline_media::wav::read(&file).unwrap();
        let at = trunkline_media::SampleRate::HZ_16000;
        assert_eq!(read.to_mono_at(at).unwrap(), [5, -5, 7]);
    }
}
