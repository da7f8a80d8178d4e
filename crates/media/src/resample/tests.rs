use proptest::prelude::*;

use super::*;
use crate::tone;

const RATES: [SampleRate; 6] = [
    SampleRate::HZ_8000,
    SampleRate::HZ_16000,
    SampleRate::HZ_22050,
    SampleRate::HZ_24000,
    SampleRate::HZ_44100,
    SampleRate::HZ_48000,
];

#[test]
fn a_tone_keeps_its_pitch_and_level_between_any_two_rates() {
    for from in RATES {
        for to in RATES {
            let input = tone::sine(from, 1000.0, -6.0, from.samples_in_ms(1000));
            let output = convert(from, to, &input).unwrap();
            assert_eq!(output.len(), to.samples_in_ms(1000), "{from} to {to}");
            let middle = &output[to.samples_in_ms(100)..to.samples_in_ms(900)];
            let level = tone::strength_dbfs(middle, to, 1000.0);
            assert!((level + 6.0).abs() < 0.2, "{from} to {to}: {level:.2} dB");
        }
    }
}

#[test]
fn what_the_slow_side_cannot_carry_is_removed() {
    let input = tone::sine(SampleRate::HZ_48000, 6_000.0, -6.0, 48_000);
    let output = convert(SampleRate::HZ_48000, SampleRate::HZ_8000, &input).unwrap();
    let alias = tone::strength_dbfs(&output[800..7_200], SampleRate::HZ_8000, 2_000.0);
    assert!(alias < -56.0, "alias at {alias:.1} dBFS");
}

#[test]
fn going_up_leaves_no_image() {
    let input = tone::sine(SampleRate::HZ_8000, 2_500.0, -6.0, 8_000);
    let output = convert(SampleRate::HZ_8000, SampleRate::HZ_48000, &input).unwrap();
    let image = tone::strength_dbfs(&output[4_800..43_200], SampleRate::HZ_48000, 5_500.0);
    assert!(image < -56.0, "image at {image:.1} dBFS");
}

#[test]
fn the_telephone_band_passes() {
    for hz in [300.0, 1_000.0, 3_000.0, 3_400.0] {
        let input = tone::sine(SampleRate::HZ_48000, hz, -6.0, 48_000);
        let output = convert(SampleRate::HZ_48000, SampleRate::HZ_8000, &input).unwrap();
        let level = tone::strength_dbfs(&output[800..7_200], SampleRate::HZ_8000, hz);
        assert!((level + 6.0).abs() < 1.5, "{hz} Hz at {level:.2} dBFS");
    }
}

#[test]
fn twenty_milliseconds_in_give_twenty_milliseconds_out() {
    for from in RATES {
        for to in RATES {
            let mut resampler = Resampler::new(from, to).unwrap();
            let frame = vec![1_000; from.samples_in_ms(20)];
            for _ in 0..50 {
                let mut out = Vec::new();
                resampler.process(&frame, &mut out);
                assert_eq!(out.len(), to.samples_in_ms(20), "{from} to {to}");
            }
        }
    }
}

#[test]
fn the_telephone_filter_is_late_by_a_millisecond_and_a_half() {
    for (from, to) in [
        (SampleRate::HZ_8000, SampleRate::HZ_48000),
        (SampleRate::HZ_48000, SampleRate::HZ_8000),
    ] {
        let resampler = Resampler::new(from, to).unwrap();
        assert_eq!(resampler.delay(), Duration::from_micros(1_500));
    }
}

#[test]
fn a_one_shot_conversion_is_not_shifted() {
    let mut input = vec![0; 8_000];
    input[4_000] = 20_000;
    let output = convert(SampleRate::HZ_8000, SampleRate::HZ_48000, &input).unwrap();
    let peak = output
        .iter()
        .enumerate()
        .max_by_key(|(_, value)| **value)
        .unwrap()
        .0;
    assert_eq!(peak, 24_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn block_sizes_do_not_matter(cuts in prop::collection::vec(0_usize..700, 1..12), pair in 0_usize..36) {
        let (from, to) = (RATES[pair / 6], RATES[pair % 6]);
        let total: usize = cuts.iter().sum();
        let input = tone::sine(from, 700.0, -3.0, total);
        let mut whole = Vec::new();
        Resampler::new(from, to).unwrap().process(&input, &mut whole);
        let mut resampler = Resampler::new(from, to).unwrap();
        let (mut parts, mut at) = (Vec::new(), 0);
        for cut in cuts {
            resampler.process(&input[at..at + cut], &mut parts);
            at += cut;
        }
        prop_assert_eq!(whole, parts);
    }
}
