//! What the calls that are in may yet cost. One that rests takes a part of what it takes once somebody
//! speaks: a hundred that rest leave the threads for sound a fifth of their time, and want twice of
//! what there is when all talk.
//!
//! What a talking call takes is seen from second to second: the threads' work, by the calls that
//! stood, as far as they spoke. So it is known on each machine and for each codec as it is. What set-ups
//! and hiccups took is in it too, so that a second says what a call takes at the most, and the least of a
//! few is believed: where many come at once they seem dear, are kept out for a moment, and the next second
//! tells the truth.
//!
//! Who is let in counts at once like one that talks, whether anything of it was measured or not: calls
//! that came at nineteen a second were reckoned with only once they stood, and by then a third too many
//! were in. How far the price of few says what many take is bounded as well.

use super::sample::Sample;

/// What is foreseen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Foreseen {
    /// Share of their time that the threads are busy once all who are in talk, and nobody is being set
    /// up; what they are now where too few are in to say.
    pub(super) busy: f64,
    /// What one call more comes to; nothing where too few were seen.
    pub(super) each: Option<f64>,
    /// What the threads do without calls.
    pub(super) idle: f64,
    /// What one call is taken to come to before one was seen.
    pub(super) unknown: f64,
    /// The most calls that were seen at once.
    pub(super) seen: f64,
}

impl Foreseen {
    /// With one call more.
    pub(super) fn with_another(&self) -> f64 {
        self.busy + self.each.unwrap_or_default()
    }

    /// How many calls may be in, all together.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number of calls, none below zero"
    )]
    pub(super) fn most(&self, limit: f64) -> usize {
        let fit = |each: f64| (limit - self.idle).max(0.0) / each;
        let unknown = fit(self.unknown).max(TRIAL);
        let trusted = unknown.max(GROWTH * self.seen);
        let calls = self.each.map_or(unknown, |each| fit(each).min(trusted));
        // What was reckoned a hair below a whole call is one.
        (calls + 1e-6) as usize
    }
}

/// Learns what a call takes.
pub(super) struct Foresight {
    threads: f64,
    /// What the threads do without calls.
    idle: f64,
    /// What a talking call took in each of the last seconds that told, the latest last.
    told: Vec<f64>,
    /// Seconds since the last one did.
    silent: u32,
    /// The most calls that were seen at once.
    seen: f64,
}

impl Foresight {
    /// Of so many threads for sound.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads: threads.max(1) as f64,
            idle: 0.0,
            told: Vec::new(),
            silent: 0,
            seen: 0.0,
        }
    }

    /// One second more.
    pub(super) fn hear(&mut self, sample: &Sample) -> Foreseen {
        let Sample {
            calls,
            inside,
            busy,
            ..
        } = *sample;
        if calls < 1.0 && inside < 1.0 {
            self.idle += (busy - self.idle) * IDLE;
        }
        // Whatever else has less to do is soon seen.
        self.idle = self.idle.min(busy);
        // A thread without time does not show how much waits for it.
        if calls >= FEW && busy < SATURATED {
            let talking = sample.talking.min(calls);
            self.learn((busy - self.idle) / (REST * calls + (1.0 - REST) * talking));
            self.seen = self.seen.max(calls);
            self.silent = 0;
        } else {
            self.silent = self.silent.saturating_add(1);
        }
        if self.silent > STALE {
            // Else what calls seemed to take could keep out whoever might show that it is less.
            self.told.clear();
        }
        self.foreseen(busy, inside)
    }

    /// By what is known, where the threads are so busy and so many calls are in.
    pub(super) fn foreseen(&self, busy: f64, inside: f64) -> Foreseen {
        let each = self.each();
        Foreseen {
            busy: each.map_or(busy, |each| self.idle + each * inside),
            each,
            idle: self.idle,
            unknown: UNKNOWN / self.threads,
            seen: self.seen,
        }
    }

    fn learn(&mut self, each: f64) {
        if self.told.len() >= SECONDS {
            self.told.remove(0);
        }
        self.told.push(each);
    }

    /// The least: each second says what a call takes at the most. No call takes so much that the fewest
    /// who tell would have had no time.
    fn each(&self) -> Option<f64> {
        let most = (1.0 - self.idle).max(0.0) / FEW;
        let least = self.told.iter().copied().min_by(f64::total_cmp);
        least.map(|each| each.min(most))
    }
}

/// What a call at rest takes, as a part of what it takes while both sides talk: for fifty calls on an
/// EPYC the thread was busy for 44 to 55 % of its time, and for 86 to 88 % (`legs --calls 50`). Larger
/// lets more in and trusts them to rest; smaller keeps room that nobody uses.
const REST: f64 = 0.5;

/// Of a thread's time, what a call that talks takes before one was seen: twice of the dearest that was
/// measured (1.6 %, by a build for tests).
const UNKNOWN: f64 = 0.03;

/// So many are let in to be seen, however busy the threads are with other things.
const TRIAL: f64 = 2.0 * FEW;

/// Of so many calls for each that was seen the price is believed: of a few it is mostly hiccups.
const GROWTH: f64 = 2.0;

/// Seconds after which nobody believes what none has told since.
const STALE: u32 = 30;

/// Of fewer calls nothing is learned: whatever else the threads do would count as theirs.
const FEW: f64 = 5.0;

/// From here on the threads have no time left.
const SATURATED: f64 = 0.97;

/// How much one second says of what the threads do without calls.
const IDLE: f64 = 0.125;

/// Seconds that are remembered: in one of three few are set up, since those before made calls dear.
const SECONDS: usize = 3;

#[cfg(test)]
#[path = "foresight_tests.rs"]
mod tests;
