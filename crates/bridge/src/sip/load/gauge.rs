//! What the sound of all calls comes to.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Counts of all calls. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    inside: AtomicUsize,
    frames: AtomicU64,
    late: AtomicU64,
    stood: AtomicU64,
    sounded: AtomicU64,
}

/// A call that is in, from when it is let in to its end, whether its sound was measured yet or not.
#[derive(Debug)]
pub(crate) struct Inside(Load);

/// All so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Packets to phones.
    pub(super) frames: u64,
    /// Those of them that were late.
    pub(super) late: u64,
    /// For how long calls stood, all together.
    pub(super) stood: Duration,
    /// For how long there was sound in one direction of one.
    pub(super) sounded: Duration,
}

impl Load {
    /// One call more is in, for as long as this is held.
    pub(crate) fn enter(&self) -> Inside {
        self.0.inside.fetch_add(1, Ordering::Relaxed);
        Inside(self.clone())
    }

    /// The same, beside fewer than `most`.
    pub(super) fn enter_below(&self, most: usize) -> Option<Inside> {
        let one_more = |now| (now < most).then_some(now + 1);
        let inside = &self.0.inside;
        let entered = inside.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        entered.ok().map(|_| Inside(self.clone()))
    }

    /// Calls that are in now.
    pub(super) fn inside(&self) -> usize {
        self.0.inside.load(Ordering::Relaxed)
    }

    /// A packet went out, more than a frame late or not.
    pub(crate) fn sent(&self, late: bool) {
        self.0.frames.fetch_add(1, Ordering::Relaxed);
        if late {
            self.0.late.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A call stood for so long, whatever was in it.
    pub(crate) fn stood(&self, time: Duration) {
        self.0.stood.fetch_add(micros(time), Ordering::Relaxed);
    }

    /// In one direction of a call there was so much sound, coded or passed on: more than a packet that
    /// lies ready, or none.
    pub(crate) fn sounded(&self, time: Duration) {
        self.0.sounded.fetch_add(micros(time), Ordering::Relaxed);
    }

    pub(super) fn counted(&self) -> Counted {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let late = of(&self.0.late);
        Counted {
            frames: of(&self.0.frames),
            late,
            stood: Duration::from_micros(of(&self.0.stood)),
            sounded: Duration::from_micros(of(&self.0.sounded)),
        }
    }
}

impl Counted {
    /// What has come since.
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            frames: self.frames.saturating_sub(before.frames),
            late: self.late.saturating_sub(before.late),
            stood: self.stood.saturating_sub(before.stood),
            sounded: self.sounded.saturating_sub(before.sounded),
        }
    }
}

impl Deref for Inside {
    type Target = Load;

    fn deref(&self) -> &Load {
        &self.0
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
