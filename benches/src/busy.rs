//! Other work on the machine, for as long as a measurement wants it.

use std::process::{Child, Command, Stdio};

/// Processes that compute without end, at the niceness everything starts with. Ended when dropped.
#[derive(Debug)]
pub struct Busy(Vec<Child>);

impl Busy {
    /// Starts so many.
    #[must_use]
    pub fn start(count: usize) -> Self {
        let one = |_| {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", "while :; do :; done"])
                .stdin(Stdio::null());
            shell.spawn().ok()
        };
        Self((0..count).filter_map(one).collect())
    }

    /// How many run.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
