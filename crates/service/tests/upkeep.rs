//! A daemon that nobody scrapes: 812 bytes a second for each call were kept until somebody did.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use trunkline_service::metrics::{self, Timing, observe};
use trunkline_service::tasks::Tasks;

/// What the process holds in memory, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// As many timings as a few hundred calls make.
async fn a_busy_time() {
    for _ in 0..100 {
        for _ in 0..5_000 {
            observe(Timing::RtpLateness, Duration::from_micros(300), &[]);
        }
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_scrapes_does_not_pile_up() {
    metrics::install().unwrap();
    let tasks = Tasks::new();
    tasks.vital("metrics", metrics::upkeep(tasks.stop()));
    a_busy_time().await;
    let before = resident();
    a_busy_time().await;
    let grown = resident().saturating_sub(before);
    // Half a million timings are four megabytes and more, one round of them a hundredth of that.
    assert!(grown < 2 * 1024 * 1024, "{grown} bytes more");
    tasks.hurry();
}
