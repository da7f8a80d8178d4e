use super::*;

/// Three seconds of a rising saw, a pulsed one and noise: the same integers the reference was
/// given.
fn signal() -> Vec<i16> {
    let mut seed: i64 = 12_345;
    let sample = |i: i64| {
        seed = (seed * 1_103_515_245 + 12_345) % (1 << 31);
        let pulse = if i / 4_000 % 3 == 0 {
            0
        } else {
            ((i * 7) % 160 - 80) * 50
        };
        let saw = ((i * i / 4_096) % 200 - 100) * 60 + pulse;
        i16::try_from(saw + (seed >> 16) % 401 - 200).unwrap()
    };
    (0..48_000).map(sample).collect()
}

fn assert_near(features: &[f32], points: &[(usize, usize, f32)]) {
    for (band, frame, expected) in points {
        let found = features[band * FRAMES + frame];
        assert!(
            (found - expected).abs() < 1e-4,
            "({band},{frame}): {found} not {expected}"
        );
    }
}

/// Expected figures: the feature extractor that ships with the model, on the same samples.
#[test]
fn features_are_those_the_model_was_trained_on() {
    let features = LogMel::new().compute(&signal());
    assert_eq!(features.len(), BANDS * FRAMES);
    assert_near(
        &features,
        &[
            (0, 0, 0.693_490_3),
            (0, 500, 1.746_606_5),
            (0, 799, 0.942_194),
            (10, 520, 1.378_981_5),
            (20, 600, 1.217_76),
            (33, 777, 1.137_012_5),
            (40, 650, 0.913_027_2),
            (60, 700, 1.337_512_5),
            (79, 499, 0.155_860_9),
            (79, 750, 1.138_038),
            (79, 799, 1.135_904_2),
        ],
    );
    let mean = features.iter().map(|f| f64::from(*f)).sum::<f64>() / real(features.len());
    assert!((mean - 0.265_744_230).abs() < 1e-5, "{mean}");
}

#[test]
fn only_the_last_eight_seconds_count() {
    let long = signal().repeat(3);
    let features = LogMel::new().compute(&long);
    assert_near(
        &features,
        &[
            (0, 0, 0.891_172_9),
            (40, 400, 0.901_482_5),
            (79, 799, 1.028_752_8),
        ],
    );
}

#[test]
fn nothing_at_all_is_silence_not_a_failure() {
    let features = LogMel::new().compute(&[]);
    assert!(features.iter().all(|f| f.is_finite()));
}
