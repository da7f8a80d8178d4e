//! The lines of one answer, each within its time.

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::config::ExternalConfig;
use super::http::Body;
use super::wire::Line;
use crate::brain::ExternalError;

/// Where lines come from.
pub(super) enum Source {
    Http(Body),
    Socket(mpsc::Receiver<Result<Line, ExternalError>>),
}

/// The lines of one answer. Dropping it tells the program that nobody wants them any more.
pub(super) struct Lines {
    source: Source,
    stall: std::time::Duration,
    ends: Instant,
    /// When the next line is due, and what its absence means.
    due: (Instant, ExternalError),
}

impl Lines {
    /// Lines from `source`, of an answer that was asked for at `asked`.
    pub(super) fn new(source: Source, config: &ExternalConfig, asked: Instant) -> Self {
        Self {
            source,
            stall: config.stall,
            ends: asked + config.total,
            due: (asked + config.first_byte, ExternalError::FirstByte),
        }
    }

    /// The next line; nothing when the answer is whole.
    pub(super) async fn next(&mut self) -> Option<Result<Line, ExternalError>> {
        let (until, late) = if self.ends < self.due.0 {
            (self.ends, ExternalError::Total)
        } else {
            self.due.clone()
        };
        let next = match &mut self.source {
            Source::Http(body) => timeout_at(until, body.next()).await,
            Source::Socket(lines) => timeout_at(until, lines.recv()).await,
        };
        self.due = (Instant::now() + self.stall, ExternalError::Stalled);
        next.unwrap_or(Some(Err(late)))
    }
}
