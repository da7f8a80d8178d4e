//! The last row and the last line of a call's record.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::{info, warn};
use trunkline_base::id::CallId;
use trunkline_base::time::UnixTime;
use trunkline_service::metrics::{Counter, Score, Timing, count, observe, score};
use trunkline_store::{Bill, CallEnd, Direction, EndedBy, Row, Store};

use super::super::config::CallNews;
use super::super::desk::wall_clock;
use super::super::media::{MediaSummary, Rating};
use super::super::signalling::now;

/// Where calls are written down, and who is told that they are.
#[derive(Clone)]
pub(super) struct Journal {
    pub(super) store: Store,
    pub(super) news: Option<mpsc::Sender<CallNews>>,
}

impl Journal {
    pub(super) fn write(&self, row: Row) {
        let news = match &row {
            Row::CallStarted(start) => Some(CallNews::Started(start.call_id.clone())),
            Row::CallAnswered(call, _) => Some(CallNews::Answered(call.clone())),
            Row::CallEnded(call, _) => Some(CallNews::Ended(call.clone())),
            _ => None,
        };
        self.store.later(row);
        if let (Some(told), Some(news)) = (&self.news, news)
            && told.try_send(news).is_err()
        {
            warn!("whoever is told of calls is behind and misses some");
        }
    }
}

/// How a call ended.
pub(super) struct Ending<'a> {
    pub(super) call: &'a CallId,
    pub(super) reason: &'static str,
    pub(super) status: Option<u16>,
    /// The cause of ISDN.
    pub(super) cause: Option<u8>,
    pub(super) direction: Direction,
    pub(super) by: EndedBy,
    pub(super) began: Instant,
    pub(super) answered: Option<Instant>,
    /// What follows, goodbyes among others, is not billed.
    pub(super) over: Moment,
}

/// A moment by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    at: Instant,
    wall: UnixTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self {
            at: now(),
            wall: wall_clock(),
        }
    }
}

impl Ending<'_> {
    /// Writes it down, in metrics and log too.
    pub(super) fn note(&self, journal: &Journal, media: &MediaSummary) {
        let (reason, status) = (self.reason, self.status);
        let talked = self
            .answered
            .map(|at| self.over.at.saturating_duration_since(at));
        let setup = self
            .answered
            .map(|at| at.saturating_duration_since(self.began));
        observe(Timing::CallLength, talked.unwrap_or_default(), &[]);
        count(Counter::CallsEnded, 1, &[("reason", reason)]);
        self.count_rating(media.rating());
        info!(
            reason,
            status,
            cause = self.cause,
            by = self.by.as_str(),
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
            at: self.over.wall,
            reason: reason.to_owned(),
            sip_status: status,
            q850: self.cause,
            by: Some(self.by),
            bill: talked.map(Self::bill),
            summary,
        };
        journal.write(Row::CallEnded(self.call.clone(), row));
    }

    /// Every second that was begun, where no tariff says otherwise.
    fn bill(talked: Duration) -> Bill {
        Bill {
            seconds: talked.as_secs() + u64::from(talked.subsec_nanos() > 0),
            ..Bill::default()
        }
    }

    /// How both ways sounded, in the metrics.
    fn count_rating(&self, rating: Rating) {
        let direction = self.direction.as_str();
        for (way, mos) in [("heard", rating.heard), ("sent", rating.sent)] {
            let Some(mos) = mos else { continue };
            let word = match mos {
                GOOD.. => "good",
                FAIR.. => "fair",
                _ => "poor",
            };
            count(Counter::LegsRated, 1, &[("way", way), ("rating", word)]);
            score(
                Score::CallMos,
                mos,
                &[("direction", direction), ("way", way)],
            );
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// G.107 annex B: below it some are dissatisfied (R 80),
const GOOD: f64 = 4.02;

/// and below this many (R 70).
const FAIR: f64 = 3.6;
