use super::*;
use crate::tone;

const RATE: SampleRate = SampleRate::HZ_8000;

/// A voice-like sound: pulses of a decaying ring, at `period` samples.
fn voice(period: usize, samples: usize) -> Vec<i16> {
    (0..samples)
        .map(|index| {
            let at = (index % period) as f64;
            sample::from_f64(9_000.0 * (-at / 18.0).exp() * (at * 0.9).sin())
        })
        .collect()
}

fn play(concealer: &mut Concealer, pcm: &[i16]) -> Vec<i16> {
    pcm.chunks(160)
        .flat_map(|frame| {
            let mut frame = frame.to_vec();
            concealer.good(&mut frame);
            frame
        })
        .collect()
}

#[test]
fn one_lost_frame_of_a_voice_is_rebuilt_almost_exactly() {
    for period in [36, 57, 80, 110] {
        let sound = voice(period, 1_600);
        let mut concealer = Concealer::new(RATE);
        play(&mut concealer, &sound[..960]);
        let mut out = vec![0; 160];
        concealer.conceal(&mut out);
        let error: Vec<i16> = out.iter().zip(&sound[960..]).map(|(a, b)| a - b).collect();
        let ratio = level::rms(&sound[960..1_120]) / level::rms(&error).max(1.0);
        assert!(
            20.0 * ratio.log10() > 20.0,
            "period {period}: {:.1} dB",
            20.0 * ratio.log10()
        );
    }
}

#[test]
fn a_long_gap_fades_to_the_noise_of_the_room() {
    let mut concealer = Concealer::new(RATE);
    let mut room = vec![0; 1_600];
    Noise::new(3, -55.0).fill(&mut room);
    play(&mut concealer, &room);
    play(&mut concealer, &voice(60, 480));
    let mut frames = vec![vec![0; 160]; 10];
    frames.iter_mut().for_each(|frame| concealer.conceal(frame));
    let levels: Vec<i8> = frames.iter().map(|frame| level::dbov(frame)).collect();
    assert!(
        (levels[0] - level::dbov(&voice(60, 160))).abs() <= 2,
        "{levels:?}"
    );
    assert!(
        levels[2] < levels[0] && levels[4] < levels[2] - 3,
        "{levels:?}"
    );
    assert!(
        levels[7..].iter().all(|level| (-60..=-50).contains(level)),
        "{levels:?}"
    );
}

#[test]
fn nothing_clicks_at_either_end_of_a_gap() {
    let sound = tone::sine(RATE, 203.0, -10.0, 1_600);
    let mut concealer = Concealer::new(RATE);
    let mut heard = play(&mut concealer, &sound[..640]);
    let mut gap = vec![0; 160];
    concealer.conceal(&mut gap);
    heard.extend(&gap);
    heard.extend(play(&mut concealer, &sound[800..]));
    let steps = |pcm: &[i16]| {
        pcm.windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs())
            .max()
            .unwrap()
    };
    assert!(
        steps(&heard[500..1_200]) < steps(&sound) * 3,
        "{}",
        steps(&heard)
    );
}

#[test]
fn silence_stays_silent() {
    let mut concealer = Concealer::new(RATE);
    play(&mut concealer, &[0; 1_600]);
    let mut out = vec![1; 160];
    concealer.conceal(&mut out);
    assert!(level::dbov(&out) < -80);
}

#[test]
fn a_voice_is_shortened_by_whole_periods_and_keeps_its_pitch() {
    let mut pcm = tone::sine(RATE, 200.0, -10.0, 320);
    let taken = scale::shorten(&mut pcm, RATE);
    assert!(taken > 0 && taken.is_multiple_of(40), "{taken}");
    assert_eq!(pcm.len(), 320 - taken);
    assert!(tone::strength_dbfs(&pcm, RATE, 200.0) > -11.0);
}

#[test]
fn noise_that_would_sound_torn_is_left_alone() {
    let mut pcm = vec![0; 160];
    Noise::new(11, -20.0).fill(&mut pcm);
    assert_eq!(scale::shorten(&mut pcm, RATE), 0);
    assert_eq!(scale::shorten(&mut vec![0; 160], RATE), 80);
    assert_eq!(scale::shorten(&mut Vec::new(), RATE), 0);
}
