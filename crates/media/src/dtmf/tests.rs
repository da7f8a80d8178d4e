use super::*;
use crate::g711::{self, Law};
use crate::tone::{Noise, Sine, dtmf_pair};

const ALL: &str = "123A456B789C*0#D";

/// 0 dBm0 is 3.17 dB below the overload of G.711.
fn dbm0(level: f64) -> f64 {
    level - 3.17
}

/// What is heard of keys with tones at these levels, `on` and `off` milliseconds long.
fn press(
    rate: SampleRate,
    keys: &str,
    levels: (f64, f64),
    on: u32,
    off: u32,
    detune: f64,
) -> String {
    let mut pcm = vec![0; rate.samples_in_ms(37)];
    for key in keys.chars() {
        let (low, high) = dtmf_pair(key).unwrap();
        let samples = rate.samples_in_ms(on);
        let mut tone = vec![0; samples];
        Sine::new(rate, low * detune, dbm0(levels.0)).fill(&mut tone);
        let mut other = vec![0; samples];
        Sine::new(rate, high * detune, dbm0(levels.1)).fill(&mut other);
        pcm.extend(tone.iter().zip(other).map(|(a, b)| a.saturating_add(b)));
        pcm.extend(vec![0; rate.samples_in_ms(off)]);
    }
    pcm.extend(vec![0; rate.samples_in_ms(60)]);
    listen(rate, &pcm)
}

fn listen(rate: SampleRate, pcm: &[i16]) -> String {
    let mut detector = Detector::new(rate);
    pcm.chunks(rate.samples_in_ms(20))
        .filter_map(|frame| detector.hear(frame))
        .collect()
}

#[test]
fn every_key_of_forty_milliseconds_is_heard_once_at_each_level() {
    for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000] {
        for level in [0.0, -10.0, -20.0, -27.0] {
            let heard = press(rate, ALL, (level, level), 40, 40, 1.0);
            assert_eq!(heard, ALL, "{rate} {level} dBm0");
        }
    }
}

#[test]
fn a_key_held_is_one_key_and_pressed_again_is_two() {
    let rate = SampleRate::HZ_8000;
    let levels = (-20.0, -20.0);
    assert_eq!(press(rate, "5", levels, 3_000, 40, 1.0), "5");
    assert_eq!(press(rate, "5551", levels, 50, 45, 1.0), "5551");
}

#[test]
fn tones_may_be_off_as_much_as_the_standard_says_and_no_more() {
    let rate = SampleRate::HZ_8000;
    for (levels, detune, heard) in [
        ((-10.0, -10.0), 1.01, ALL),
        ((-10.0, -10.0), 0.99, ALL),
        ((-10.0, -10.0), 1.035, ""),
        ((-8.0, -15.0), 1.0, ALL),
        ((-15.0, -12.0), 1.0, ALL),
        ((-8.0, -20.0), 1.0, ""),
        ((-20.0, -8.0), 1.0, ""),
        ((-45.0, -45.0), 1.0, ""),
    ] {
        assert_eq!(
            press(rate, ALL, levels, 50, 50, detune),
            heard,
            "{levels:?} {detune}"
        );
    }
}

#[test]
fn keys_are_heard_through_the_law_of_the_line_and_its_noise() {
    let rate = SampleRate::HZ_8000;
    let mut noise = Noise::new(3, -45.0);
    let mut pcm = vec![0; 500];
    for key in ALL.chars() {
        let (low, high) = dtmf_pair(key).unwrap();
        let mut tone = vec![0; 400];
        Sine::new(rate, low, dbm0(-20.0)).fill(&mut tone);
        let mut other = vec![0; 400];
        Sine::new(rate, high, dbm0(-20.0)).fill(&mut other);
        pcm.extend(tone.iter().zip(other).map(|(a, b)| a + b));
        pcm.extend([0; 400]);
    }
    let mut hiss = vec![0; pcm.len()];
    noise.fill(&mut hiss);
    let noisy: Vec<i16> = pcm
        .iter()
        .zip(hiss)
        .map(|(a, b)| a.saturating_add(b))
        .collect();
    let (mut bytes, mut heard) = (Vec::new(), Vec::new());
    g711::encode(Law::Mu, &noisy, &mut bytes);
    g711::decode(Law::Mu, &bytes, &mut heard);
    assert_eq!(listen(rate, &heard), ALL);
}

#[test]
fn single_tones_noise_and_clipped_pairs_are_no_keys() {
    let rate = SampleRate::HZ_8000;
    for hz in [425.0, 697.0, 941.0, 1_100.0, 1_209.0, 1_633.0, 2_100.0] {
        let tone = crate::tone::sine(rate, hz, -10.0, 8_000);
        assert_eq!(listen(rate, &tone), "", "{hz}");
    }
    let mut noise = vec![0; 80_000];
    Noise::new(9, -15.0).fill(&mut noise);
    assert_eq!(listen(rate, &noise), "");
    let mut dial = crate::tone::sine(rate, 350.0, -13.0, 16_000);
    let other = crate::tone::sine(rate, 440.0, -13.0, 16_000);
    dial.iter_mut().zip(other).for_each(|(a, b)| *a += b);
    assert_eq!(listen(rate, &dial), "");
}
