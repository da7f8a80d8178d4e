//! The last row and the last line of a call's record.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::{info, warn};
use trunkline_base::id::CallId;
use trunkline_base::tariff::{Price, begun_seconds};
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
        if let Some(news) = news {
            self.tell(news);
        }
    }

    /// Tells whoever follows calls.
    pub(super) fn tell(&self, news: CallNews) {
        if let Some(told) = &self.news
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
    /// By what it is billed, where a tariff says.
    pub(super) price: Option<Price>,
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
            bill: talked.map(|talked| bill(talked, self.price.as_ref())),
            summary,
        };
        journal.write(Row::CallEnded(self.call.clone(), row));
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

/// Every second that was begun, where no tariff says otherwise.
fn bill(talked: Duration, price: Option<&Price>) -> Bill {
    let Some(price) = price else {
        return Bill {
            seconds: begun_seconds(talked),
            ..Bill::default()
        };
    };
    let cost = price.cost(talked);
    Bill {
        seconds: price.seconds(talked),
        cost: Some(cost.micros.to_string()),
        currency: Some(cost.currency),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// G.107 annex B: below it some are dissatisfied (R 80),
const GOOD: f64 = 4.02;

/// and below this many (R 70).
const FAIR: f64 = 3.6;

#[cfg(test)]
mod tests {
    use trunkline_base::tariff::{Micros, Rate, Tariff};

    use super::*;

    #[test]
    fn a_bill_has_the_seconds_that_are_charged_and_what_they_cost() {
        let talked = Duration::from_millis(61_001);
        let plain = bill(talked, None);
        assert_eq!(
            (plain.seconds, plain.cost, plain.currency),
            (62, None, None)
        );
        let rate = Rate {
            increment: 60,
            ..Rate::new("+49", Micros(90_000))
        };
        let tariff = Tariff::new("EUR", vec![rate]);
        let of = |talked| bill(talked, tariff.price("+49151234").as_ref());
        let dear = of(talked);
        let told = (dear.seconds, dear.cost.as_deref(), dear.currency.as_deref());
        assert_eq!(told, (120, Some("0.18"), Some("EUR")));
        assert_eq!(of(Duration::ZERO).cost.as_deref(), Some("0.00"));
    }
}
