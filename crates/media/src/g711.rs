//! G.711: the two companding laws of the telephone network.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// PCMU: North America and Japan; RTP payload type 0.
    Mu,
    /// PCMA: everywhere else; RTP payload type 8.
    A,
}

impl Law {
    /// The byte that means silence.
    #[must_use]
    pub const fn silence(self) -> u8 {
        match self {
            Self::Mu => 0xFF,
            Self::A => 0xD5,
        }
    }

    /// One sample to its byte.
    #[must_use]
    pub fn encode_sample(self, sample: i16) -> u8 {
        match self {
            Self::Mu => mu_encode(sample),
            Self::A => a_encode(sample),
        }
    }

    /// One byte to its sample.
    #[must_use]
    pub const fn decode_sample(self, byte: u8) -> i16 {
        match self {
            Self::Mu => MU_TABLE[byte as usize],
            Self::A => A_TABLE[byte as usize],
        }
    }
}

/// Appends the bytes of `pcm` to `out`.
pub fn encode(law: Law, pcm: &[i16], out: &mut Vec<u8>) {
    out.extend(pcm.iter().map(|&sample| law.encode_sample(sample)));
}

/// Appends the samples of `bytes` to `out`.
pub fn decode(law: Law, bytes: &[u8], out: &mut Vec<i16>) {
    out.extend(bytes.iter().map(|&byte| law.decode_sample(byte)));
}

const MU_BIAS: i16 = 0x84;
const MU_CLIP: i32 = 32_635;

const MU_TABLE: [i16; 256] = {
    let mut all = [0; 256];
    let mut byte = 0_u8;
    loop {
        all[byte as usize] = mu_expand(byte);
        if byte == u8::MAX {
            break all;
        }
        byte += 1;
    }
};
const A_TABLE: [i16; 256] = {
    let mut all = [0; 256];
    let mut byte = 0_u8;
    loop {
        all[byte as usize] = a_expand(byte);
        if byte == u8::MAX {
            break all;
        }
        byte += 1;
    }
};

const fn mu_expand(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = (((byte & 0x0F) as i16) << 3) + MU_BIAS;
    let magnitude = (magnitude << ((byte & 0x70) >> 4)) - MU_BIAS;
    if byte & 0x80 != 0 {
        -magnitude
    } else {
        magnitude
    }
}

const fn a_expand(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let mantissa = ((byte & 0x0F) as i16) << 4;
    let segment = (byte & 0x70) >> 4;
    let magnitude = match segment {
        0 => mantissa + 8,
        1 => mantissa + 0x108,
        _ => (mantissa + 0x108) << (segment - 1),
    };
    if byte & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

fn mu_encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(MU_CLIP) + i32::from(MU_BIAS);
    let segment = 24_i32.saturating_sub_unsigned(magnitude.leading_zeros());
    let segment = segment.clamp(0, 7);
    let mantissa = (magnitude >> (segment + 3)) & 0x0F;
    !(sign | low_byte((segment << 4) | mantissa))
}

fn a_encode(sample: i16) -> u8 {
    let (sign, magnitude) = if sample >= 0 {
        (0x80, i32::from(sample))
    } else {
        (0, -1 - i32::from(sample))
    };
    let code = if magnitude < 256 {
        magnitude >> 4
    } else {
        let segment = 24_i32
            .saturating_sub_unsigned(magnitude.leading_zeros())
            .clamp(1, 7);
        (segment << 4) | ((magnitude >> (segment + 3)) & 0x0F)
    };
    (sign | low_byte(code)) ^ 0x55
}

fn low_byte(value: i32) -> u8 {
    u8::try_from(value & 0xFF).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_points_of_both_laws() {
        assert_eq!(Law::Mu.encode_sample(0), 0xFF);
        assert_eq!(Law::Mu.decode_sample(0x80), 32_124);
        assert_eq!(Law::Mu.decode_sample(0x00), -32_124);
        assert_eq!(Law::A.encode_sample(0), 0xD5);
        assert_eq!(Law::A.decode_sample(0xD5), 8);
        assert_eq!(Law::A.decode_sample(0xAA), 32_256);
        assert_eq!(Law::A.decode_sample(0x2A), -32_256);
    }

    #[test]
    fn every_byte_survives_a_round_trip() {
        for law in [Law::Mu, Law::A] {
            for byte in 0..=u8::MAX {
                let again = law.encode_sample(law.decode_sample(byte));
                // The mu law has two zeros.
                assert!(
                    again == byte || (law == Law::Mu && byte == 0x7F),
                    "{law:?} {byte:#x}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn the_error_stays_within_half_a_step(sample in any::<i16>()) {
            for law in [Law::Mu, Law::A] {
                let back = i32::from(law.decode_sample(law.encode_sample(sample)));
                let error = (back - i32::from(sample)).abs();
                let step = (i32::from(sample).abs() / 16).max(16);
                prop_assert!(error <= step, "{law:?}: {sample} came back as {back}");
            }
        }

        #[test]
        fn louder_never_becomes_quieter(a in any::<i16>(), b in any::<i16>()) {
            for law in [Law::Mu, Law::A] {
                let (low, high) = (a.min(b), a.max(b));
                let heard = |sample| law.decode_sample(law.encode_sample(sample));
                prop_assert!(heard(low) <= heard(high));
            }
        }
    }
}
