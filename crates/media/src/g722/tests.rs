use proptest::prelude::*;

use super::*;
use crate::{SampleRate, level, tone};

const RATE: SampleRate = SampleRate::HZ_16000;

fn through(pcm: &[i16]) -> Vec<i16> {
    let (mut bytes, mut heard) = (Vec::new(), Vec::new());
    Encoder::new().encode(pcm, &mut bytes);
    assert_eq!(bytes.len(), pcm.len() / 2);
    Decoder::new().decode(&bytes, &mut heard);
    heard
}

#[test]
fn both_bands_come_through_at_their_level() {
    for hz in [100.0, 440.0, 1_000.0, 3_000.0, 5_000.0, 6_500.0] {
        let heard = through(&tone::sine(RATE, hz, -12.0, 16_000));
        let level = tone::strength_dbfs(&heard[4_000..], RATE, hz);
        assert!((level + 12.0).abs() < 1.0, "{hz} Hz: {level:.1} dBFS");
    }
}

#[test]
fn silence_stays_quiet_and_full_scale_does_not_wrap() {
    assert!(level::dbov(&through(&[0; 3_200])) < -70);
    let square: Vec<i16> = (0..3_200)
        .map(|at| if at / 40 % 2 == 0 { i16::MAX } else { i16::MIN })
        .collect();
    let heard = through(&square);
    let flipped = heard
        .iter()
        .zip(&square[..])
        .skip(400)
        .filter(|(heard, sent)| level::peak(&[**heard]) > 30_000 && (**heard < 0) != (**sent < 0));
    // The filter's delay of 22 samples crosses each edge, and nothing else does.
    assert!(flipped.count() <= 2_800 / 40 * 24);
}

#[test]
fn what_is_decoded_does_not_depend_on_how_it_is_cut() {
    let pcm = tone::sine(RATE, 700.0, -9.0, 3_200);
    let (mut whole, mut cut) = (Vec::new(), Vec::new());
    Encoder::new().encode(&pcm, &mut whole);
    let mut encoder = Encoder::new();
    for part in pcm.chunks(160) {
        encoder.encode(part, &mut cut);
    }
    assert_eq!(whole, cut);
}

proptest! {
    #[test]
    fn no_bytes_and_no_sound_break_it(bytes in prop::collection::vec(any::<u8>(), 0..2_000),
                                     pcm in prop::collection::vec(any::<i16>(), 0..2_000)) {
        let (mut sound, mut coded) = (Vec::new(), Vec::new());
        Decoder::new().decode(&bytes, &mut sound);
        prop_assert_eq!(sound.len(), bytes.len() * 2);
        Encoder::new().encode(&pcm, &mut coded);
        prop_assert_eq!(coded.len(), pcm.len() / 2);
    }
}
