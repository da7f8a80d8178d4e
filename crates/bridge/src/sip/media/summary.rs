//! What the media of a call came to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use trunkline_media::jitter::Stats;
use trunkline_media::quality::{Coding, Leg};

/// Figures of one call, for its summary and the store.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct MediaSummary {
    /// What the phone spoke last.
    pub(crate) codec: Option<&'static str>,
    /// RTP packets from the phone.
    pub(crate) received: u64,
    /// RTP packets to the phone.
    pub(crate) sent: u64,
    /// Packets from the phone that never came.
    pub(crate) lost: u64,
    /// Packets that came too late to be heard.
    pub(crate) late: u64,
    /// Inter-arrival jitter.
    pub(crate) jitter_ms: f64,
    /// Loss of our packets as the phone reports it, in percent.
    pub(crate) remote_loss_percent: Option<f64>,
    /// Frames sent more than one frame length late.
    pub(crate) late_frames: u64,
    /// What its packets were encrypted with, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<&'static str>,
    /// Packets whose tag did not hold: another key, damage, or a forger.
    pub(crate) forged: u64,
    /// Packets that were sent to us twice.
    pub(crate) replayed: u64,
    /// Packets from a wrong source.
    pub(crate) strangers: u64,
    /// Times the phone's source moved.
    pub(crate) moves: u32,
    /// Keys pressed.
    pub(crate) keys: u64,
    /// Frames from the phone that were invented, since their packets came late or never.
    pub(crate) concealed: u64,
    /// How long the phone's packets wait to be even.
    pub(crate) buffer_ms: f64,
    /// To the phone and back, as its reports say.
    pub(crate) round_trip_ms: Option<f64>,
    /// The E-model's opinion of what came from the phone, 1 to 4.4.
    pub(crate) mos: Option<f64>,
    /// The same of what the phone heard, by its reports.
    pub(crate) remote_mos: Option<f64>,
}

/// How a call sounds, from 1 to 4.4, as far as that can be said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rating {
    /// What comes from the phone.
    pub(crate) heard: Option<f64>,
    /// What the phone hears.
    pub(crate) sent: Option<f64>,
}

impl Rating {
    /// As others in the room read it.
    pub(crate) fn attributes(self) -> BTreeMap<String, String> {
        let ways = [
            ("trunkline.mos", self.heard),
            ("trunkline.remoteMos", self.sent),
        ];
        let told = ways.into_iter().filter_map(|(name, mos)| {
            let mos = mos?;
            Some((name.to_owned(), format!("{mos:.2}")))
        });
        told.collect()
    }

    /// Does somebody who listens hear that it changed?
    pub(super) fn differs(self, before: Self) -> bool {
        let differ = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => (one - other).abs() >= NOTICED,
            (one, other) => one.is_some() != other.is_some(),
        };
        differ(self.heard, before.heard) || differ(self.sent, before.sent)
    }
}

impl MediaSummary {
    /// The same together with what was before it: counts are of all, the rest is of the last phone.
    pub(super) fn after(mut self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        self.received += earlier.received;
        self.sent += earlier.sent;
        self.lost += earlier.lost;
        self.late += earlier.late;
        self.late_frames += earlier.late_frames;
        self.forged += earlier.forged;
        self.replayed += earlier.replayed;
        self.strangers += earlier.strangers;
        self.moves += earlier.moves;
        self.keys += earlier.keys;
        self.concealed += earlier.concealed;
        self.codec = self.codec.or(earlier.codec);
        self
    }

    /// Says how both ways sounded.
    pub(super) fn rate(&mut self, heard: Option<Stats>, remote_loss: Option<f64>) {
        let trip = Duration::from_secs_f64(self.round_trip_ms.unwrap_or(0.0) / 1000.0) / 2;
        if let Some(stats) = heard.filter(|stats| stats.received >= ENOUGH) {
            self.concealed = stats.lost + stats.bridged;
            self.buffer_ms = (stats.target.as_secs_f64() * 10_000.0).round() / 10.0;
            let missing = stats.lost + stats.dropped;
            let expected = stats.played + missing;
            let loss = missing as f64 / expected.max(1) as f64;
            self.mos = Some(opinion(trip + PACKET + stats.target, loss));
        }
        self.remote_mos = remote_loss
            .filter(|_| self.sent >= ENOUGH)
            .map(|loss| opinion(trip + PACKET + THEIR_BUFFER, loss));
    }

    /// Both opinions.
    pub(crate) const fn rating(&self) -> Rating {
        Rating {
            heard: self.mos,
            sent: self.remote_mos,
        }
    }
}

fn opinion(delay: Duration, loss: f64) -> f64 {
    let leg = Leg {
        delay,
        loss,
        coding: Coding::CONCEALED,
    };
    (leg.mos() * 100.0).round() / 100.0
}

/// A listener's step is a tenth; half of it is told.
const NOTICED: f64 = 0.05;

/// A second of voice: less says nothing of a call.
const ENOUGH: u64 = 50;

/// What a packet holds before it is sent.
const PACKET: Duration = Duration::from_millis(20);

/// What a phone's own buffer is taken to hold.
const THEIR_BUFFER: Duration = Duration::from_millis(40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_changes_its_phone_counts_the_packets_of_both() {
        let phone = |received, codec| MediaSummary {
            received,
            codec,
            ..MediaSummary::default()
        };
        let second = phone(20, Some("G722")).after(Some(phone(10, Some("PCMU"))));
        assert_eq!((second.received, second.codec), (30, Some("G722")));
        let silent = phone(0, None).after(Some(second));
        assert_eq!((silent.received, silent.codec), (30, Some("G722")));
    }

    #[test]
    fn legs_are_rated_by_what_was_lost_and_short_ones_are_not() {
        let mut summary = MediaSummary {
            sent: 1_000,
            round_trip_ms: Some(60.0),
            ..MediaSummary::default()
        };
        let stats = Stats {
            received: 990,
            played: 970,
            lost: 30,
            target: Duration::from_millis(40),
            ..Stats::default()
        };
        summary.rate(Some(stats), Some(0.0));
        // 3 % and 90 ms; no loss and 90 ms.
        assert_eq!((summary.mos, summary.remote_mos), (Some(4.06), Some(4.36)));
        assert_eq!((summary.concealed, summary.buffer_ms), (30, 40.0));
        let told = summary.rating().attributes();
        assert_eq!(told["trunkline.mos"], "4.06");
        assert_eq!(told["trunkline.remoteMos"], "4.36");
        let mut short = MediaSummary::default();
        short.rate(Some(Stats::default()), Some(0.0));
        assert_eq!((short.mos, short.remote_mos), (None, None));
        assert!(short.rating().attributes().is_empty());
    }

    #[test]
    fn what_nobody_hears_is_no_change() {
        let rating = |heard, sent| Rating { heard, sent };
        let before = rating(Some(4.2), None);
        assert!(!rating(Some(4.22), None).differs(before));
        assert!(rating(Some(4.1), None).differs(before));
        assert!(rating(Some(4.2), Some(4.0)).differs(before));
        assert!(!Rating::default().differs(Rating::default()));
    }
}
