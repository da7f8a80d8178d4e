//! How busy the machine's processors are.

/// Reads the share of processor time in use since the last reading.
#[derive(Debug, Default)]
pub(super) struct Processor {
    last: Option<Reading>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    idle: u64,
    all: u64,
}

impl Processor {
    /// The share, 0 to 1; 0 where it cannot be known.
    pub(super) fn share(&mut self) -> f32 {
        let Some(now) = std::fs::read_to_string("/proc/stat")
            .ok()
            .and_then(|text| read(&text))
        else {
            return 0.0;
        };
        let share = self.last.map_or(0.0, |last| busy(last, now));
        self.last = Some(now);
        share
    }
}

fn read(text: &str) -> Option<Reading> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = line
        .split_whitespace()
        .filter_map(|time| time.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; guests are counted among the users.
    let idle = times.get(3)? + times.get(4)?;
    Some(Reading {
        idle,
        all: times.iter().take(8).sum(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share of two counters")]
fn busy(last: Reading, now: Reading) -> f32 {
    let all = now.all.saturating_sub(last.all);
    let idle = now.idle.saturating_sub(last.idle);
    if all == 0 {
        0.0
    } else {
        all.saturating_sub(idle) as f32 / all as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_what_is_not_idle() {
        let last = read("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3 4 5\n").unwrap();
        let now = read("cpu  150 0 150 900 0 0 0 0 0 0\n").unwrap();
        assert!((busy(last, now) - 0.5).abs() < 1e-6);
        assert!(busy(now, now).abs() < 1e-6);
        assert_eq!(read("nothing"), None);
    }
}
