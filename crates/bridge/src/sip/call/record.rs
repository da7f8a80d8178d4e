//! The last row and the last line of a call's record.

use std::time::{Duration, Instant};

use tracing::info;
use trunkline_base::id::CallId;
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_store::{CallEnd, Row, Store};

use super::super::desk::wall_clock;
use super::super::media::MediaSummary;
use super::super::signalling::now;

/// How a call ended.
pub(super) struct Ending<'a> {
    pub(super) call: &'a CallId,
    pub(super) reason: &'static str,
    pub(super) status: Option<u16>,
    pub(super) began: Instant,
    pub(super) answered: Option<Instant>,
}

impl Ending<'_> {
    /// Writes it down, in metrics and log too.
    pub(super) fn note(&self, store: &Store, media: &MediaSummary) {
        let (now, reason, status) = (now(), self.reason, self.status);
        let talked = self.answered.map(|at| now.saturating_duration_since(at));
        let setup = self
            .answered
            .map(|at| at.saturating_duration_since(self.began));
        observe(Timing::CallLength, talked.unwrap_or_default(), &[]);
        count(Counter::CallsEnded, 1, &[("reason", reason)]);
        info!(
            reason,
            status,
            seconds = talked.map(|talked| talked.as_secs_f64()),
            received = media.received,
            sent = media.sent,
            lost = media.lost,
            jitter_ms = media.jitter_ms,
            late_frames = media.late_frames,
            encryption = media.encryption.unwrap_or("none"),
            forged = media.forged,
            replayed = media.replayed,
            codec = media.codec,
            mos = media.mos,
            remote_mos = media.remote_mos,
            "call ended"
        );
        let summary = serde_json::json!({
            "seconds": talked.map(|talked| talked.as_secs_f64()),
            "setup_ms": setup.map(millis),
            "media": media,
        });
        let row = CallEnd {
            at: wall_clock(),
            reason: reason.to_owned(),
            sip_status: status,
            summary,
        };
        store.later(Row::CallEnded(self.call.clone(), row));
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
