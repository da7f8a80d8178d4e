//! Measuring the load, on a thread for sound itself.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::{info, warn};
use trunkline_service::metrics::{Gauge, set};
use trunkline_service::tasks::{Stop, Tasks};

use super::super::clock::now;
use super::admission::Admission;
use super::foresight::Foresight;
use super::gauge::{Counted, Load};
use super::judge::{Judge, LoadLimits, Strain};
use super::places::Places;
use super::sample::Sample;

/// Begins to measure what these tasks, for sound, do. Gives where other limits are said, where calls
/// count, and who lets them in.
pub(crate) fn watch_load(
    limits: LoadLimits,
    tasks: &Tasks,
) -> (watch::Sender<LoadLimits>, (Load, Admission)) {
    let (say, limits) = watch::channel(limits);
    let (strain, strained) = watch::channel(None);
    let _sound = tasks.enter();
    let threads = Handle::current().metrics().num_workers();
    let load = Load::default();
    let places = Places::new(load.clone());
    let admission = Admission::new(strained, limits.clone(), (places.clone(), threads));
    let foresight = Foresight::new(threads);
    let measuring = measure(
        limits,
        (load.clone(), places, foresight),
        strain,
        tasks.stop(),
    );
    // It ends with the process.
    let _task = tasks.session("sip_load", measuring);
    (say, (load, admission))
}

/// Measures until the process is in a hurry, and tells whether there is room.
async fn measure(
    limits: watch::Receiver<LoadLimits>,
    (load, places, mut foresight): (Load, Places, Foresight),
    tell: watch::Sender<Option<Strain>>,
    stop: Stop,
) {
    let mut judge = Judge::new(*limits.borrow());
    let mut meter = Meter::new(load);
    // A flood does not wait for the first second to be over.
    let first = foresight.foreseen(0.0, 0.0);
    places.allow(limits.borrow().busy.map(|limit| first.most(limit)));
    loop {
        tokio::select! {
            biased;
            () = stop.hurry() => return,
            () = tokio::time::sleep_until(meter.due.into()) => {}
        }
        let Some(sample) = meter.probe(now()) else {
            continue;
        };
        let foreseen = foresight.hear(&sample);
        set(Gauge::SoundBusy, sample.busy, &[]);
        set(Gauge::SoundForeseen, foreseen.busy, &[]);
        let limits = *limits.borrow();
        judge.go_by(limits);
        places.allow(limits.busy.map(|limit| foreseen.most(limit)));
        let (before, full) = (*tell.borrow(), judge.hear(&sample, &foreseen));
        if before.is_some() == full.is_some() {
            tell.send_if_modified(|known| std::mem::replace(known, full) != full);
            continue;
        }
        tell.send_replace(full);
        set(Gauge::SipFull, f64::from(u8::from(full.is_some())), &[]);
        let (busy, late, lag_ms) = (sample.busy, sample.late, sample.lag.as_millis());
        let foreseen = foreseen.busy;
        match full {
            Some(why) => warn!(
                why = why.as_str(),
                busy, foreseen, late, lag_ms, "full: new calls are refused"
            ),
            None => info!(
                busy,
                foreseen, late, lag_ms, "there is room for calls again"
            ),
        }
    }
}

/// Looks at a clock that ought to be on time, and at what was counted since.
struct Meter {
    load: Load,
    counted: Counted,
    worked: Duration,
    lag: Duration,
    since: Instant,
    due: Instant,
}

impl Meter {
    fn new(load: Load) -> Self {
        let now = now();
        Self {
            counted: load.counted(),
            load,
            worked: worked(),
            lag: Duration::ZERO,
            since: now,
            due: now + PROBE,
        }
    }

    /// A probe is due; at the end of a second, what that was like.
    fn probe(&mut self, now: Instant) -> Option<Sample> {
        self.lag = self.lag.max(now.saturating_duration_since(self.due));
        self.due = now + PROBE;
        let passed = now.saturating_duration_since(self.since);
        if passed < SECOND {
            return None;
        }
        let (counted, worked) = (self.load.counted(), worked());
        let new = counted.since(self.counted);
        let threads = Handle::current().metrics().num_workers().max(1);
        let in_all = passed.as_secs_f64();
        let share = |time: Duration| time.as_secs_f64() / in_all;
        let sample = Sample {
            frames: new.frames,
            late: new.late,
            busy: (share(worked.saturating_sub(self.worked)) / threads as f64).min(1.0),
            lag: std::mem::take(&mut self.lag),
            calls: share(new.stood),
            // Both directions make one.
            talking: share(new.sounded) / 2.0,
            inside: self.load.inside() as f64,
        };
        self.counted = counted;
        self.worked = worked;
        self.since = now;
        Some(sample)
    }
}

/// For how long the threads of this runtime have been at work in all.
fn worked() -> Duration {
    let metrics = Handle::current().metrics();
    let each = (0..metrics.num_workers()).map(|one| metrics.worker_total_busy_duration(one));
    each.sum()
}

/// Between two probes: often enough to meet what holds a thread up for a frame or two.
const PROBE: Duration = Duration::from_millis(50);

const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn late_packets_and_a_late_clock_are_seen_once() {
        let load = Load::default();
        let mut meter = Meter::new(load.clone());
        for n in 0..100 {
            load.sent(n % 10 == 0);
            load.stood(FRAME);
        }
        load.sounded(FRAME);
        drop(load.enter());
        let _one = load.enter();
        let begun = meter.since;
        assert_eq!(meter.probe(begun + Duration::from_millis(80)), None);
        let sample = meter.probe(begun + SECOND).unwrap();
        assert_eq!((sample.frames, sample.late), (100, 10));
        assert!((sample.calls - 2.0).abs() < 1e-6, "{sample:?}");
        assert!((sample.talking - 0.01).abs() < 1e-6, "{sample:?}");
        assert!((sample.inside - 1.0).abs() < 1e-6, "{sample:?}");
        assert!(sample.lag >= Duration::from_millis(30), "{sample:?}");
        let next = meter.probe(begun + SECOND * 2).unwrap();
        assert_eq!((next.frames, next.late), (0, 0));
        assert!(next.calls < 1e-6, "{next:?}");
    }
}
