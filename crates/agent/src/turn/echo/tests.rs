use proptest::prelude::*;

use super::*;

/// The agent's rate in these tests.
const RATE: u32 = 24_000;

/// A voice-like signal: pulses at a wavering pitch through two slow resonances, in syllables.
struct Voice {
    seed: u64,
    pitch: u16,
    phase: f32,
    resonances: [(f32, f32); 2],
    at: u32,
}

impl Voice {
    fn new(seed: u64, pitch: u16) -> Self {
        Self {
            seed,
            pitch,
            phase: 0.0,
            resonances: [(0.0, 0.0); 2],
            at: 0,
        }
    }

    fn random(&mut self) -> f32 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed >> 40) as f32) / 16_777_216.0 - 0.5
    }

    /// The next sample at 48 kHz; of loudness one, more or less.
    fn next(&mut self) -> f32 {
        let length = 60 * u32::from(self.pitch);
        let syllable = self.at / length;
        let mut shape = Self::new(self.seed_of(syllable), 0);
        let (first, second, loud) = (shape.random(), shape.random(), shape.random());
        self.at += 1;
        let place = (self.at % length) as f32 / length as f32;
        let envelope = (place * std::f32::consts::PI).sin() * (loud + 0.6);
        let glide = 1.0 + first * 0.3 + (second + 0.4) * 0.4 * place;
        self.phase += f32::from(self.pitch) * glide / 48_000.0;
        let pulse = if self.phase >= 1.0 {
            self.phase -= 1.0;
            24.0
        } else {
            self.random() * 0.8
        };
        let mut sound = 0.0;
        for (place, hz) in self
            .resonances
            .iter_mut()
            .zip([500.0 + first * 500.0, 1700.0 + second * 1400.0])
        {
            let turn = 2.0 * 0.985 * (std::f32::consts::TAU * hz / 48_000.0).cos();
            let next = pulse * 0.08 + turn * place.0 - 0.985 * 0.985 * place.1;
            *place = (next, place.0);
            sound += next;
        }
        sound * envelope * 0.25
    }

    fn seed_of(&self, syllable: u32) -> u64 {
        (u64::from(syllable) + 17) * 2_654_435_761 * (u64::from(self.pitch) + 3)
    }
}

/// A call: what the agent plays, and a line that returns it.
struct Line {
    echo: Echo,
    agent: Voice,
    caller: Voice,
    /// What was played, at 48 kHz.
    sent: Vec<f32>,
    own: Vec<bool>,
    kept: Vec<i16>,
}

impl Line {
    fn new(seed: u64) -> Self {
        Self {
            echo: Echo::new(RATE),
            agent: Voice::new(seed, 110),
            caller: Voice::new(seed.wrapping_add(99), 190),
            sent: Vec::new(),
            own: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// For this many frames of 20 ms the agent speaks or not, the line returns its voice after
    /// `delay` milliseconds at `gain`, and the caller speaks this loudly.
    fn goes_on(&mut self, frames: usize, agent: bool, delay: usize, gain: f32, caller: f32) {
        for _ in 0..frames {
            let from = self.sent.len();
            for _ in 0..960 {
                let sound = if agent {
                    self.agent.next() * 4000.0
                } else {
                    0.0
                };
                self.sent.push(sound);
            }
            let played: Vec<i16> = self.sent[from..]
                .iter()
                .step_by(2)
                .map(|s| pcm(*s))
                .collect();
            self.echo.played(&played);
            for at in (from..from + 960).step_by(3) {
                let back = at.checked_sub(delay * 48).map_or(0.0, |at| self.sent[at]);
                let voice = (0..3).map(|_| self.caller.next()).sum::<f32>() / 3.0;
                let noise = self.caller.random() * 4.0;
                let sound = back * gain + voice * 4000.0 * caller + noise;
                self.kept.push(pcm(sound));
            }
            while self.kept.len() >= WINDOW {
                let window: [i16; WINDOW] = self.kept[..WINDOW].try_into().unwrap();
                self.kept.drain(..WINDOW);
                let own = self.echo.heard(&window, level(&window));
                self.own.push(own);
            }
        }
    }

    /// Windows since the n-th taken for the agent's own voice.
    fn own_since(&self, from: usize) -> (usize, usize) {
        let since = &self.own[from..];
        (since.iter().filter(|own| **own).count(), since.len())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a sample as it is sent")]
fn pcm(sound: f32) -> i16 {
    sound as i16
}

fn level(window: &[i16]) -> f32 {
    let power: f32 = window.iter().map(|s| f32::from(*s).powi(2)).sum();
    10.0 * (power / window.len() as f32 / 32_768.0_f32.powi(2))
        .max(1e-9)
        .log10()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the delay, once it was heard for a while hardly a window of echo is taken for somebody's voice, and
    /// what was heard before is known for echo in hindsight.
    #[test]
    fn an_echo_is_known_for_what_it_is(seed in 1_u64..1_000_000, delay in 100_usize..900, quiet in any::<bool>()) {
        let gain = if quiet { 0.0316 } else { 0.1 };
        let mut line = Line::new(seed);
        line.goes_on(150, true, delay, gain, 0.0);
        let learnt = line.own.len();
        line.goes_on(150, true, delay, gain, 0.0);
        let path = line.echo.path.expect("found");
        prop_assert!(path.delay.abs_diff(delay * 8) < 500, "{path:?}, {delay} ms");
        let end = line.own.len() as u64 * WINDOW as u64;
        prop_assert!(line.echo.share(&(0..end)) > 0.9);
        let later = line.own.iter().zip(&line.echo.windows).skip(learnt);
        let (mut missed, mut loud) = (0, 0);
        for (own, _) in later.filter(|(_, window)| window.level > -45.0) {
            loud += 1;
            missed += u32::from(!own);
        }
        // Of a handful that are loud at all, one is more than a tenth.
        prop_assert!(missed <= 1 || missed * 10 <= loud, "{missed} of {loud}");
    }

    /// Whoever talks over the echo is not taken for it.
    #[test]
    fn a_voice_over_the_echo_is_heard(seed in 1_u64..1_000_000, delay in 100_usize..700) {
        let mut line = Line::new(seed);
        line.goes_on(150, true, delay, 0.1, 0.0);
        let from = line.own.len();
        line.goes_on(50, true, delay, 0.1, 0.7);
        let (own, all) = line.own_since(from);
        prop_assert!(own * 2 < all, "{own} of {all}");
    }

    /// Two voices at once on a line without echo are two voices.
    #[test]
    fn a_caller_is_never_an_echo(seed in 1_u64..1_000_000, loud in 0.05_f32..1.0) {
        let mut line = Line::new(seed);
        line.goes_on(250, true, 100, 0.0, loud);
        prop_assert!(line.echo.path.is_none(), "{:?}", line.echo.path);
        prop_assert_eq!(line.own_since(0).0, 0);
    }
}

#[test]
fn after_the_last_word_the_echo_is_still_expected() {
    let mut line = Line::new(7);
    line.goes_on(150, true, 500, 0.1, 0.0);
    let from = line.own.len();
    line.goes_on(20, false, 500, 0.1, 0.0);
    let tail = line.own.iter().zip(&line.echo.windows).skip(from);
    for (own, window) in tail {
        assert!(*own || window.level < -45.0, "{window:?}");
    }
}

#[test]
fn a_line_that_returns_nothing_any_more_is_believed() {
    let mut line = Line::new(9);
    line.goes_on(150, true, 200, 0.1, 0.0);
    assert!(line.echo.path.is_some());
    line.goes_on(250, true, 200, 0.0, 0.0);
    assert!(line.echo.path.is_none());
}
