//! What the daemon holds between rounds, and whether it grows.

use std::time::Duration;

/// One look at a daemon that has nothing to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Resident bytes.
    pub(crate) resident: u64,
    pub(crate) files: usize,
    pub(crate) threads: usize,
    pub(crate) rooms: f64,
    /// Processor time since its start.
    pub(crate) cpu: Duration,
}

impl Held {
    pub(crate) const HEAD: &str = " memory MB  files  threads  rooms   CPU s";

    pub(crate) fn line(&self) -> String {
        format!(
            "{:>10.1} {:>6} {:>8} {:>6} {:>7.1}",
            megabytes(self.resident),
            self.files,
            self.threads,
            self.rooms + 0.0,
            self.cpu.as_secs_f64(),
        )
    }
}

/// What grew from the first third of the rounds to the last. The first round is left out: it loads
/// what stays.
pub(crate) fn verdict(held: &[Held]) -> Vec<String> {
    let held = held.get(1..).unwrap_or_default();
    let third = held.len().div_ceil(3);
    let (early, late) = (
        held.get(..third).unwrap_or_default(),
        held.get(held.len() - third..).unwrap_or_default(),
    );
    let mut grown = Vec::new();
    let mut check = |what: &str, of: fn(&Held) -> f64, allowed: f64| {
        let (before, after) = (middle(early, of), middle(late, of));
        if after > before + allowed {
            grown.push(format!("{what} grew from {before:.1} to {after:.1}"));
        }
    };
    check("memory in MB", |held| megabytes(held.resident), MEMORY);
    #[expect(clippy::cast_precision_loss, reason = "a count of files")]
    check("open files", |held| held.files as f64, FILES);
    #[expect(clippy::cast_precision_loss, reason = "a count of threads")]
    check("threads", |held| held.threads as f64, THREADS);
    check("rooms", |held| held.rooms, ROOMS);
    grown
}

fn middle(held: &[Held], of: fn(&Held) -> f64) -> f64 {
    let mut figures: Vec<f64> = held.iter().map(of).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "memory of a process")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Megabytes: allocators keep some of what a burst took, and hundreds of calls that leak a page each
/// are more.
const MEMORY: f64 = 12.0;

/// Connections of those who ask the daemon something stay open for a minute behind it.
const FILES: f64 = 30.0;

/// Threads for what blocks come and go.
const THREADS: f64 = 6.0;

/// Rooms that wait to be closed.
const ROOMS: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn held(resident: u64, files: usize) -> Held {
        Held {
            resident,
            files,
            threads: 10,
            rooms: 0.0,
            cpu: Duration::ZERO,
        }
    }

    #[test]
    fn what_grows_is_told_and_the_first_round_does_not_count() {
        let steady: Vec<Held> = (0..12)
            .map(|n| held(if n == 0 { 50 } else { 90 } * 1_000_000, 20))
            .collect();
        assert!(verdict(&steady).is_empty());
        let leaking: Vec<Held> = (0..12)
            .map(|n| held((90 + 4 * n) * 1_000_000, 20))
            .collect();
        assert_eq!(verdict(&leaking).len(), 1);
        let open: Vec<Held> = (0..12).map(|n| held(90_000_000, 20 + 9 * n)).collect();
        assert!(verdict(&open)[0].starts_with("open files"));
    }
}
