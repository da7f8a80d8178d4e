//! Who is speaking, from the levels that publishers put in their packets.
//!
//! Windows of 400 ms; a window counts if enough of it is voice, its level is the loudest frame
//! discounted by how much of the window was silent, and levels are smoothed over windows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use livekit_protocol::SpeakerInfo;

use super::config::AudioConfig;

/// Levels are told in eighths, so that a steady voice causes no traffic.
const STEPS: f32 = 8.0;

/// Level of one track.
#[derive(Debug, Default)]
pub(super) struct LevelMeter {
    loudest: Option<u8>,
    active_ms: u32,
    observed_ms: u32,
    smoothed: f32,
    last: Option<Instant>,
    last_timestamp: Option<u32>,
}

impl LevelMeter {
    /// A packet with its RFC 6464 level (0 loudest) and RTP timestamp.
    pub(super) fn observe(
        &mut self,
        config: &AudioConfig,
        level: i8,
        timestamp: u32,
        clock: u32,
        now: Instant,
    ) {
        let ms = self.frame_ms(timestamp, clock);
        let level = level.unsigned_abs();
        self.last = Some(now);
        self.observed_ms += ms;
        if level <= config.active_level {
            self.active_ms += ms;
            self.loudest = Some(self.loudest.map_or(level, |l| l.min(level)));
        }
        if self.observed_ms >= config.update_interval_ms {
            self.close_window(config);
        }
    }

    /// Level now, 0 to 1; 0 if nothing was heard for two windows.
    pub(super) fn level(&mut self, config: &AudioConfig, now: Instant) -> f32 {
        let stale = Duration::from_millis(u64::from(config.update_interval_ms) * 2);
        if self
            .last
            .is_none_or(|at| now.saturating_duration_since(at) >= stale)
        {
            *self = Self::default();
        }
        if self.smoothed >= linear(f32::from(config.active_level)) {
            self.smoothed
        } else {
            0.0
        }
    }

    /// The track fell silent by decree.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    fn frame_ms(&mut self, timestamp: u32, clock: u32) -> u32 {
        let before = self.last_timestamp.replace(timestamp);
        let ms = before.map(|b| timestamp.wrapping_sub(b) / (clock / 1000).max(1));
        ms.filter(|ms| (1..=120).contains(ms)).unwrap_or(20)
    }

    fn close_window(&mut self, config: &AudioConfig) {
        let enough = config.update_interval_ms * config.min_percentile / 100;
        let level = match self.loudest {
            Some(loudest) if self.active_ms >= enough => {
                let share = ratio(self.active_ms.min(self.observed_ms), self.observed_ms);
                linear(f32::from(loudest) - 20.0 * share.log10())
            }
            _ => 0.0,
        };
        let factor = 2.0 / (ratio(config.smooth_intervals, 1) + 1.0);
        self.smoothed += (level - self.smoothed) * factor;
        self.loudest = None;
        self.active_ms = 0;
        self.observed_ms = 0;
    }
}

/// What was last told about whom.
#[derive(Debug, Default)]
pub(super) struct SpeakerBoard {
    told: BTreeMap<String, f32>,
}

impl SpeakerBoard {
    /// Takes the present levels by participant sid and gives what changed, loudest first.
    pub(super) fn update(&mut self, levels: BTreeMap<String, f32>) -> Vec<SpeakerInfo> {
        let now: BTreeMap<String, f32> = levels
            .into_iter()
            .filter(|(_, level)| *level > 0.0)
            .map(|(sid, level)| (sid, ((level * STEPS).ceil() / STEPS).min(1.0)))
            .collect();
        let mut changed: Vec<SpeakerInfo> = now
            .iter()
            .filter(|(sid, level)| self.told.get(*sid) != Some(level))
            .map(|(sid, level)| SpeakerInfo {
                sid: sid.clone(),
                level: *level,
                active: true,
            })
            .collect();
        changed.sort_by(|a, b| b.level.total_cmp(&a.level));
        let silent = self.told.keys().filter(|sid| !now.contains_key(*sid));
        changed.extend(silent.map(|sid| SpeakerInfo {
            sid: sid.clone(),
            level: 0.0,
            active: false,
        }));
        self.told = now;
        changed
    }

    /// What is being told about one participant.
    pub(super) fn told(&self, sid: &str) -> Option<SpeakerInfo> {
        let level = *self.told.get(sid)?;
        Some(SpeakerInfo {
            sid: sid.to_owned(),
            level,
            active: true,
        })
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.told.is_empty()
    }
}

fn linear(level: f32) -> f32 {
    10_f32.powf(-level / 20.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a window are small"
)]
fn ratio(a: u32, b: u32) -> f32 {
    a as f32 / b.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::start;

    fn play(levels: &[(i8, u32)]) -> f32 {
        let config = AudioConfig::default();
        let mut meter = LevelMeter::default();
        let mut now = start();
        let mut timestamp = 0_u32;
        for (level, frames) in levels {
            for _ in 0..*frames {
                meter.observe(&config, *level, timestamp, 48_000, now);
                timestamp += 960;
                now += Duration::from_millis(20);
            }
        }
        meter.level(&config, now)
    }

    #[test]
    fn a_voice_is_heard_after_a_window_and_silence_ends_it() {
        assert!(play(&[(20, 20)]) > 0.0);
        assert!(play(&[(20, 19)]) <= 0.0);
        assert!(play(&[(20, 60), (127, 100)]) <= 0.0);
    }

    #[test]
    fn a_click_is_not_a_voice() {
        assert!(play(&[(5, 3), (127, 17)]) <= 0.0);
    }

    #[test]
    fn louder_is_more() {
        assert!(play(&[(10, 60)]) > play(&[(30, 60)]));
    }

    #[test]
    fn only_changes_are_told_and_an_end_is_told_once() {
        let mut board = SpeakerBoard::default();
        let levels = |l: &[(&str, f32)]| l.iter().map(|(s, l)| ((*s).to_owned(), *l)).collect();
        let first = board.update(levels(&[("a", 0.3), ("b", 0.9)]));
        assert_eq!(
            first.iter().map(|s| s.sid.as_str()).collect::<Vec<_>>(),
            ["b", "a"]
        );
        assert!(board.update(levels(&[("a", 0.31), ("b", 0.9)])).is_empty());
        let ended = board.update(levels(&[("b", 0.9)]));
        assert_eq!((ended.len(), ended[0].active), (1, false));
        assert!(board.update(levels(&[("b", 0.9)])).is_empty());
    }
}
