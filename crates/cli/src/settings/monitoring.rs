//! `monitoring.yaml`: where health and metrics are served, and how much is logged.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_service::config::{Report, Source, Spanned, nearest};

use super::raw::{Judge, filled};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    console: RawConsole,
    events: RawEvents,
    log: RawLog,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawConsole {
    bind: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawEvents {
    retain: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawLog {
    level: Option<Spanned<String>>,
    format: Option<Spanned<String>>,
}

/// What `monitoring.yaml` means.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Monitoring {
    /// Health, metrics, webhooks and calls over HTTP.
    pub(crate) console: SocketAddr,
    /// LiveKit's events are kept this long after they are processed.
    #[serde(serialize_with = "seconds")]
    pub(crate) retain_events: Duration,
    /// Least severe level that is logged.
    pub(crate) level: String,
    /// Log lines as JSON.
    pub(crate) json_logs: bool,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const RETAIN: Duration = Duration::from_secs(30 * 24 * 3600);
const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
const FORMATS: &[&str] = &["text", "json"];

pub(super) fn validate(source: &Source, raw: Raw, report: &mut Report) -> Option<Monitoring> {
    let mut judge = Judge { source, report };
    let default = SocketAddr::from(([127, 0, 0, 1], 7890));
    let level = word(raw.log.level.as_ref(), LEVELS, "info", &mut judge);
    let format = word(raw.log.format.as_ref(), FORMATS, "text", &mut judge);
    let retain_events = judge.duration(raw.events.retain.as_ref(), RETAIN);
    if let Some(retain) = raw.events.retain.as_ref().filter(|_| retain_events < DAY) {
        judge.blame(
            retain,
            "repeated events must be known for a day".to_owned(),
            "say 24h or more".to_owned(),
        );
    }
    Some(Monitoring {
        retain_events,
        console: judge.addr(filled(raw.console.bind.as_ref()), default),
        level,
        json_logs: format == "json",
    })
}

fn word(
    raw: Option<&Spanned<String>>,
    known: &[&str],
    default: &str,
    judge: &mut Judge<'_>,
) -> String {
    let Some(raw) = filled(raw) else {
        return default.to_owned();
    };
    if known.contains(&raw.value.as_str()) {
        return raw.value.clone();
    }
    judge.blame(
        raw,
        format!("`{}` is not known here", raw.value),
        nearest(&raw.value, known),
    );
    default.to_owned()
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
