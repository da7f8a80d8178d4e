//! Measuring a recording: when somebody spoke, and how long the other took to answer.
//!
//! Segments come from loudness alone, in steps of 5 ms, so their edges are right to within 10 ms on
//! clean sound whatever made it.

use std::time::Duration;

use crate::{SampleRate, level};

/// The step of the measurement.
const STEP_MS: u32 = 5;

/// What counts as sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Sound is at least this loud, in dBov.
    pub absolute_dbov: f32,
    /// And at least this far above the quiet parts of the recording, in dB.
    pub above_floor_db: f32,
    /// And at most this far under its loud parts, in dB.
    pub below_peak_db: f32,
    /// Pauses shorter than this belong to the speech around them.
    pub bridge: Duration,
    /// Sounds shorter than this are clicks.
    pub shortest: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            absolute_dbov: -55.0,
            above_floor_db: 10.0,
            below_peak_db: 36.0,
            bridge: Duration::from_millis(400),
            shortest: Duration::from_millis(60),
        }
    }
}

/// A stretch of sound, counted from the start of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First sound.
    pub start: Duration,
    /// End of the last sound.
    pub end: Duration,
}

/// One answer: a segment of the other side that begins after this side fell silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Which of the asker's segments was answered.
    pub asked: Segment,
    pub answer: Segment,
    /// End of the asker's sound to start of the answer's.
    pub gap: Duration,
}

/// The stretches of sound in one channel.
#[must_use]
pub fn segments(pcm: &[i16], rate: SampleRate, rules: &Rules) -> Vec<Segment> {
    let step = rate.samples_in_ms(STEP_MS).max(1);
    let levels: Vec<f32> = pcm
        .chunks(step)
        .map(|chunk| f32::from(level::dbov(chunk)))
        .collect();
    let threshold = threshold(&levels, rules);
    let step = Duration::from_millis(u64::from(STEP_MS));
    let mut found: Vec<Segment> = Vec::new();
    for (index, level) in (0_u32..).zip(&levels) {
        if *level < threshold {
            continue;
        }
        let (start, end) = (step * index, step * (index + 1));
        match found.last_mut() {
            Some(last) if start.saturating_sub(last.end) < rules.bridge => last.end = end,
            _ => found.push(Segment { start, end }),
        }
    }
    found.retain(|segment| segment.end - segment.start >= rules.shortest);
    found
}

/// For each stretch of the asker, the first answer that begins after it ended and before the asker
/// speaks again. Answers that begin while the asker still speaks are interruptions, not replies.
#[must_use]
pub fn replies(asker: &[Segment], answerer: &[Segment]) -> Vec<Reply> {
    asker
        .iter()
        .enumerate()
        .filter_map(|(index, asked)| {
            let again = asker
                .get(index + 1)
                .map_or(Duration::MAX, |next| next.start);
            let answer = answerer
                .iter()
                .find(|one| one.start >= asked.end && one.start < again)?;
            Some(Reply {
                asked: *asked,
                answer: *answer,
                gap: answer.start - asked.end,
            })
        })
        .collect()
}

/// Median and 95th percentile of reply gaps; `None` without replies.
#[must_use]
pub fn summary(replies: &[Reply]) -> Option<(Duration, Duration)> {
    let mut gaps: Vec<Duration> = replies.iter().map(|reply| reply.gap).collect();
    gaps.sort_unstable();
    let last = gaps.len().checked_sub(1)?;
    let at = |share: usize| gaps.get((last * share).div_ceil(100)).copied();
    Some((at(50)?, at(95)?))
}

fn threshold(levels: &[f32], rules: &Rules) -> f32 {
    let mut sorted = levels.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return rules.absolute_dbov;
    };
    let at = |share: usize| {
        sorted
            .get(last * share / 100)
            .copied()
            .unwrap_or(rules.absolute_dbov)
    };
    // A recording that is loud throughout has no quiet part to measure a floor by.
    let floor = (at(5) + rules.above_floor_db).min(at(99) - 15.0);
    rules
        .absolute_dbov
        .max(floor)
        .max(at(99) - rules.below_peak_db)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Noise, sine};

    const RATE: SampleRate = SampleRate::HZ_16000;

    fn track(sounds: &[(u64, u64)], total_ms: u32, noise_dbfs: f32) -> Vec<i16> {
        let mut pcm = vec![0; RATE.samples_in_ms(total_ms)];
        Noise::new(9, noise_dbfs).fill(&mut pcm);
        for (from, to) in sounds {
            let from = RATE.samples_in(Duration::from_millis(*from));
            let to = RATE.samples_in(Duration::from_millis(*to));
            let sound = sine(RATE, 330.0, -15.0, to - from);
            pcm[from..to]
                .iter_mut()
                .zip(sound)
                .for_each(|(slot, value)| *slot += value);
        }
        pcm
    }

    fn near(actual: Duration, expected_ms: u64) -> bool {
        actual.abs_diff(Duration::from_millis(expected_ms)) <= Duration::from_millis(10)
    }

    #[test]
    fn edges_are_found_to_within_ten_milliseconds_in_silence_and_in_noise() {
        for noise in [-100.0, -60.0, -45.0] {
            let pcm = track(
                &[(503, 1_217), (1_400, 2_003), (4_111, 4_999)],
                6_000,
                noise,
            );
            let found = segments(&pcm, RATE, &Rules::default());
            assert_eq!(found.len(), 2, "{noise}: {found:?}");
            assert!(
                near(found[0].start, 503) && near(found[0].end, 2_003),
                "{found:?}"
            );
            assert!(
                near(found[1].start, 4_111) && near(found[1].end, 4_999),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_gap_of_each_reply_is_measured_and_interruptions_are_not_replies() {
        let rules = Rules::default();
        let caller = segments(
            &track(
                &[(1_000, 2_000), (5_000, 6_000), (9_000, 10_000)],
                12_000,
                -70.0,
            ),
            RATE,
            &rules,
        );
        let agent = segments(
            &track(
                &[(2_700, 4_000), (5_500, 8_000), (10_450, 11_000)],
                12_000,
                -70.0,
            ),
            RATE,
            &rules,
        );
        let found = replies(&caller, &agent);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            near(found[0].gap, 700) && near(found[1].gap, 450),
            "{found:?}"
        );
        let (median, p95) = summary(&found).unwrap();
        assert!(near(median, 700) && near(p95, 700));
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(segments(&[], RATE, &Rules::default()).is_empty());
        assert!(segments(&[0; 16_000], RATE, &Rules::default()).is_empty());
        assert_eq!(summary(&[]), None);
        assert!(segments(&track(&[(500, 520)], 2_000, -70.0), RATE, &Rules::default()).is_empty());
    }
}
