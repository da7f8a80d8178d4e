//! Pacing: one frame of 20 ms every 20 ms, one frame ahead, so that a pause takes effect within
//! one frame.

use std::time::Duration;

use tokio::time::Instant;

use crate::turn::ReplyId;

/// Length of a frame.
const FRAME: Duration = Duration::from_millis(20);

/// Frames sent ahead of their time: covers the jitter of this task's wake-ups. Each more makes
/// a pause that much later.
const LEAD: u32 = 1;

/// Lateness after which frames are not caught up with any more.
const TOO_LATE: Duration = Duration::from_millis(100);

/// Who has the loudspeaker, and when its next frame is due.
#[derive(Debug)]
pub(super) struct Mouth {
    pub(super) reply: Option<ReplyId>,
    pub(super) paused: bool,
    next: Instant,
}

impl Mouth {
    pub(super) fn new() -> Self {
        Self {
            reply: None,
            paused: false,
            next: Instant::now(),
        }
    }

    /// The answer that may sound now.
    pub(super) fn sounding(&self) -> Option<ReplyId> {
        self.reply.filter(|_| !self.paused)
    }

    pub(super) fn due(&self) -> Instant {
        self.next.checked_sub(FRAME * LEAD).unwrap_or(self.next)
    }

    /// A frame was sent.
    pub(super) fn sent(&mut self) {
        self.next += FRAME;
        let now = Instant::now();
        if now.saturating_duration_since(self.next) > TOO_LATE {
            self.next = now;
        }
    }

    pub(super) fn release(&mut self, reply: ReplyId) {
        if self.reply == Some(reply) {
            self.reply = None;
            self.paused = false;
        }
    }
}
