//! Adding voices together without clipping.

use crate::sample;

/// Where the soft limiter starts to bend, as a share of full scale: -3 dBFS.
const KNEE: f32 = 0.707;

/// Mixes frames of equal length into `out`; a shorter source counts as silent past its end.
///
/// One source passes untouched. The sum of several is bent smoothly above -3 dBFS instead of clipped.
pub fn mix(sources: &[&[i16]], out: &mut [i16]) {
    if let [only] = sources {
        let length = only.len().min(out.len());
        let (head, tail) = out.split_at_mut(length);
        head.copy_from_slice(only.get(..length).unwrap_or_default());
        tail.fill(0);
        return;
    }
    for (index, slot) in out.iter_mut().enumerate() {
        let sum: i32 = sources
            .iter()
            .filter_map(|source| source.get(index))
            .map(|&s| i32::from(s))
            .sum();
        *slot = soft_limit(sum);
    }
}

/// Bends a sum of samples into 16 bits: identity up to -3 dBFS, then a smooth approach to full scale.
#[must_use]
pub fn soft_limit(sum: i32) -> i16 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sum of 16-bit samples fits the mantissa"
    )]
    let value = sum as f32 / 32_768.0;
    let size = value.abs();
    if size <= KNEE {
        return sample::clamp(sum);
    }
    let room = 1.0 - KNEE;
    let bent = KNEE + room * ((size - KNEE) / room).tanh();
    sample::from_f32(bent.copysign(value) * 32_767.0)
}

/// Multiplies by a gain in dB, limiting softly.
pub fn gain(pcm: &mut [i16], db: f32) {
    let factor = 10_f32.powf(db / 20.0);
    for slot in pcm {
        let scaled = f32::from(*slot) * factor;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "float to integer casts saturate"
        )]
        let wide = scaled.round() as i32;
        *slot = soft_limit(wide);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_speaker_passes_untouched() {
        let voice: Vec<i16> = vec![i16::MIN, -1, 0, 1, i16::MAX];
        let mut out = vec![7; 7];
        mix(&[&voice], &mut out);
        assert_eq!(out, [i16::MIN, -1, 0, 1, i16::MAX, 0, 0]);
    }

    #[test]
    fn quiet_voices_add_exactly() {
        let mut out = [0; 3];
        mix(&[&[100, -200, 300], &[1, 2]], &mut out);
        assert_eq!(out, [101, -198, 300]);
    }

    proptest! {
        #[test]
        fn limiting_keeps_order_and_sign(a in -200_000_i32..200_000, b in -200_000_i32..200_000) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(soft_limit(low) <= soft_limit(high));
            prop_assert!(i32::from(soft_limit(a)).signum() * a.signum() >= 0);
        }
    }
}
