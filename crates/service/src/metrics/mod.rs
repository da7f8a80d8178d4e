//! Metrics with fixed names. A name is a variant here or it does not exist; labels are closed
//! words, never an id, a number or an address. One is open: the key of a trunk in the file, which its
//! operator chose, and of which there are few.

mod names;

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use tokio::time::{MissedTickBehavior, interval};

pub use names::{Counter, Gauge, Score, Timing};

use crate::stop::Stop;

/// A thousand calls at once time some ten thousand things in this: a few hundred kilobytes.
const UPKEEP: Duration = Duration::from_secs(5);

static EXPORTER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the process-wide recorder and describes every metric. A second call changes nothing.
///
/// # Errors
/// When the exporter cannot be built or another recorder is installed.
pub fn install() -> Result<(), BuildError> {
    if EXPORTER.get().is_some() {
        return Ok(());
    }
    let mut builder = PrometheusBuilder::new();
    for timing in Timing::ALL {
        let matcher = Matcher::Full(timing.name().to_owned());
        builder = builder.set_buckets_for_metric(matcher, timing.buckets())?;
    }
    for score in Score::ALL {
        let matcher = Matcher::Full(score.name().to_owned());
        builder = builder.set_buckets_for_metric(matcher, score.buckets())?;
    }
    let handle = builder.install_recorder()?;
    for counter in Counter::ALL {
        metrics::describe_counter!(counter.name(), counter.help());
    }
    for gauge in Gauge::ALL {
        metrics::describe_gauge!(gauge.name(), gauge.help());
    }
    for timing in Timing::ALL {
        metrics::describe_histogram!(timing.name(), timing.help());
    }
    for score in Score::ALL {
        metrics::describe_histogram!(score.name(), score.help());
    }
    let _ = EXPORTER.set(handle);
    Ok(())
}

/// Looks after what is measured until the process ends. Timings pile up one by one until they are
/// counted into their buckets, whether or not anybody ever reads them.
pub async fn upkeep(stop: Stop) {
    let mut often = interval(UPKEEP);
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.hurry() => return,
            _ = often.tick() => {
                if let Some(exporter) = EXPORTER.get() {
                    exporter.run_upkeep();
                }
            }
        }
    }
}

/// Everything measured so far, in Prometheus' text format; empty before [`install`].
pub fn render() -> String {
    let Some(exporter) = EXPORTER.get() else {
        return String::new();
    };
    exporter.run_upkeep();
    exporter.render()
}

type Labels<'a> = &'a [(&'static str, &'static str)];

/// Adds to a counter.
#[expect(
    clippy::disallowed_macros,
    reason = "the one place that names metrics to the recorder"
)]
pub fn count(counter: Counter, by: u64, labels: Labels<'_>) {
    metrics::counter!(counter.name(), labels).increment(by);
}

/// Sets a gauge.
#[expect(
    clippy::disallowed_macros,
    reason = "the one place that names metrics to the recorder"
)]
pub fn set(gauge: Gauge, value: f64, labels: Labels<'_>) {
    metrics::gauge!(gauge.name(), labels).set(value);
}

/// Sets a gauge of one trunk in one of its states.
#[expect(
    clippy::disallowed_macros,
    reason = "the one place that names metrics to the recorder"
)]
pub fn set_of_trunk(gauge: Gauge, trunk: &str, state: &'static str, value: f64) {
    let labels = [("trunk", trunk.to_owned()), ("state", state.to_owned())];
    metrics::gauge!(gauge.name(), &labels).set(value);
}

/// Records how long something took.
#[expect(
    clippy::disallowed_macros,
    reason = "the one place that names metrics to the recorder"
)]
pub fn observe(timing: Timing, took: Duration, labels: Labels<'_>) {
    metrics::histogram!(timing.name(), labels).record(took.as_secs_f64());
}

/// Records how good something was.
#[expect(
    clippy::disallowed_macros,
    reason = "the one place that names metrics to the recorder"
)]
pub fn score(score: Score, value: f64, labels: Labels<'_>) {
    metrics::histogram!(score.name(), labels).record(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut names: Vec<&str> = Counter::ALL
            .iter()
            .map(|c| c.name())
            .chain(Gauge::ALL.iter().map(|g| g.name()))
            .chain(Timing::ALL.iter().map(|t| t.name()))
            .chain(Score::ALL.iter().map(|s| s.name()))
            .collect();
        let total = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), total);
        assert!(Counter::ALL.iter().all(|c| c.name().ends_with("_total")));
        assert!(Timing::ALL.iter().all(|t| t.name().ends_with("_seconds")));
    }

    /// Calls to the API took 1 to 5 ms, and the first bucket ended at 25.
    #[test]
    fn a_bucket_ends_below_what_each_thing_takes_at_its_best() {
        let at_best = |timing: Timing| match timing {
            Timing::ApiCall | Timing::WebhookDelivery | Timing::EventLag => 0.001,
            Timing::BrainFirst => 0.002,
            Timing::RtpLateness => 0.002,
            Timing::CallSetup | Timing::JoinSetup => 0.01,
            Timing::SpeechFirst | Timing::Transcription => 0.05,
            Timing::TurnGap => 0.2,
            Timing::CallLength | Timing::RoomLength => 5.0,
        };
        for timing in Timing::ALL {
            let bounds = timing.buckets();
            assert!(bounds[0] < at_best(*timing), "{timing:?}");
            assert!(bounds.is_sorted_by(|a, b| a < b), "{timing:?}");
        }
    }

    #[test]
    fn what_is_counted_is_rendered() {
        install().unwrap();
        count(Counter::TaskPanics, 2, &[("task", "test")]);
        set_of_trunk(Gauge::SipRegistration, "provider", "registered", 1.0);
        observe(Timing::TurnGap, Duration::from_millis(700), &[]);
        let text = render();
        assert!(
            text.contains("trunkline_task_panics_total{task=\"test\"} 2"),
            "{text}"
        );
        let of_trunk = "registration{trunk=\"provider\",state=\"registered\"} 1";
        assert!(text.contains(of_trunk), "{text}");
        assert!(
            text.contains("trunkline_agent_turn_gap_seconds_bucket"),
            "{text}"
        );
    }
}
