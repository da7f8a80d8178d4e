//! What processes have used of the machine, read from the kernel.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use trunkline_benches::usage;

/// What processes have used together so far, or between two moments.
#[derive(Clone, Default)]
pub(crate) struct Spent {
    /// Since the earlier moment.
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Of the thread that was busiest.
    pub(crate) fullest: Duration,
    /// Times that a thread went to sleep or was put aside.
    pub(crate) switches: usize,
    resident: u64,
    threads: BTreeMap<String, Duration>,
    at: Option<Instant>,
}

impl Spent {
    /// So far.
    pub(crate) fn by(processes: &[u32]) -> Self {
        let mut spent = Self {
            at: Some(Instant::now()),
            ..Self::default()
        };
        for pid in processes {
            if let Some(used) = usage(*pid) {
                spent.cpu += used.cpu;
                spent.resident += used.resident;
            }
            let (threads, switches) = threads(*pid);
            spent.threads.extend(threads);
            spent.switches += switches;
        }
        spent
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        let of = |id: &String| before.threads.get(id).copied().unwrap_or_default();
        let fullest = self
            .threads
            .iter()
            .map(|(id, cpu)| cpu.saturating_sub(of(id)));
        let wall = self.at.zip(before.at).map(|(now, then)| now - then);
        Self {
            wall: wall.unwrap_or_default(),
            cpu: self.cpu.saturating_sub(before.cpu),
            fullest: fullest.max().unwrap_or_default(),
            switches: self.switches.saturating_sub(before.switches),
            ..self.clone()
        }
    }

    pub(crate) const fn memory_mb(&self) -> f64 {
        megabytes(self.resident)
    }

    pub(crate) const fn grown_mb(&self, before: &Self) -> f64 {
        megabytes(self.resident.saturating_sub(before.resident))
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes as megabytes")]
const fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Processor time of each thread, to the nanosecond, and how often all of them were switched.
fn threads(pid: u32) -> (BTreeMap<String, Duration>, usize) {
    let (mut spent, mut switches) = (BTreeMap::new(), 0);
    let Ok(all) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return (spent, switches);
    };
    for thread in all.flatten() {
        let path = thread.path();
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        let nanos = text.split_whitespace().next().and_then(|n| n.parse().ok());
        let id = thread.file_name().to_string_lossy().into_owned();
        spent.insert(id, Duration::from_nanos(nanos.unwrap_or(0)));
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
        switches += counts
            .filter_map(|line| line.rsplit('\t').next()?.trim().parse::<usize>().ok())
            .sum::<usize>();
    }
    (spent, switches)
}
