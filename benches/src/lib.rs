//! What the measurements share: callers and their voices, processes seen from outside, and figures
//! in order.

use std::fs;
use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_service::priority::{self, Work};

pub mod busy;
pub mod gateway;
pub mod journal;
pub mod phone;
pub mod voices;

/// Runs a measurement with callers whose threads go first where the system allows it: it is the
/// daemon that is measured. `measure` itself runs as it was started, and so do the processes that it
/// starts.
///
/// # Panics
/// When the system gives no threads.
pub fn run<F: Future<Output = ()>>(measure: F) {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    threads
        .enable_all()
        .on_thread_start(|| priority::set(Work::Sound));
    match threads.build() {
        Ok(threads) => threads.block_on(measure),
        Err(error) => panic!("no threads: {error}"),
    }
}

/// Prints what was measured.
#[expect(clippy::print_stdout, reason = "the report of a measurement")]
pub fn tell(text: &str) {
    println!("{text}");
}

/// Under which conditions something was measured: without them a figure says nothing.
pub struct Host;

impl Host {
    /// Build, cores, load, and whether threads may go first here.
    #[must_use]
    pub fn read() -> Value {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let rights = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let rights = rights.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
        json!({
            "build": if cfg!(debug_assertions) { "dev" } else { "release" },
            "cores": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            "load": load.split_whitespace().next(),
            "may_raise_priority": rights.is_some_and(|rights| rights & CAP_SYS_NICE != 0),
        })
    }

    /// The same in a line of a table.
    #[must_use]
    pub fn line(host: &Value, busy: &Value) -> String {
        let first = host["may_raise_priority"] == true;
        format!(
            "{} build, {} cores, load {}, {busy} busy processes beside, sound {} go first",
            host["build"].as_str().unwrap_or_default(),
            host["cores"],
            host["load"].as_str().unwrap_or_default(),
            if first { "may" } else { "may not" },
        )
    }
}

/// The right to put a thread before those of others.
const CAP_SYS_NICE: u64 = 1 << 23;

/// A process's use of the machine, read from the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Processor time, user and system.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident: u64,
}

/// What a process has used so far; nothing when it is gone.
pub fn usage(pid: u32) -> Option<Usage> {
    // The kernel's clock tick and page size on every Linux this runs on.
    const TICKS: u64 = 100;
    const PAGE: u64 = 4096;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces; fields are counted from behind its closing bracket.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let pages: u64 = fields.get(21)?.parse().ok()?;
    Some(Usage {
        cpu: Duration::from_millis(ticks * 1000 / TICKS),
        resident: pages * PAGE,
    })
}

/// A counter of a daemon, all its labels together; zero when it was never counted.
pub fn counter(exposition: &str, name: &str) -> f64 {
    let lines = exposition.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let named = series.split('{').next() == Some(name);
        named.then(|| value.parse::<f64>().ok()).flatten()
    });
    lines.sum()
}

/// Figures in order, read by share.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<f64>);

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }
}

impl Figures {
    /// How many there are.
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// The figure below which this many in a hundred are, by nearest rank.
    pub fn percentile(&self, share: usize) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        self.0.get((last * share).div_ceil(100)).copied()
    }

    /// Median, 95th percentile and maximum as JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "count": self.count(),
            "p50": self.percentile(50),
            "p95": self.percentile(95),
            "max": self.percentile(100),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        assert!(usage(std::process::id()).is_some_and(|usage| usage.resident > 0));
    }

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let text = "# TYPE a counter\na{x=\"1\"} 2\na{x=\"2\"} 3\na_b 7\n";
        assert!((counter(text, "a") - 5.0).abs() < f64::EPSILON);
        assert!(counter(text, "absent").abs() < f64::EPSILON);
    }

    #[test]
    fn figures_are_read_by_rank() {
        let figures: Figures = [3.0, 1.0, 2.0].into_iter().collect();
        assert_eq!(figures.percentile(50), Some(2.0));
        assert_eq!(figures.percentile(95), Some(3.0));
        assert_eq!(Figures::default().percentile(50), None);
    }
}
