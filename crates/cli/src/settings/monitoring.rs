//! `monitoring.yaml`: where health and metrics are served, and how much is logged.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_base::secret::Secret;
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
    metrics_key: Option<Spanned<Secret<String>>>,
    hosts: Vec<Spanned<String>>,
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
    /// What opens `/metrics`, besides an admin's token.
    #[serde(serialize_with = "redacted_if_any")]
    pub(crate) metrics_key: Option<Secret<String>>,
    /// Names the console is known by, besides this machine's.
    pub(crate) hosts: Vec<String>,
    /// Least severe level that is logged.
    pub(crate) level: String,
    /// Log lines as JSON.
    pub(crate) json_logs: bool,
}

/// Less is guessed.
const LEAST_KEY: usize = 16;
const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
const FORMATS: &[&str] = &["text", "json"];

pub(super) fn validate(source: &Source, raw: Raw, report: &mut Report) -> Option<Monitoring> {
    let mut judge = Judge { source, report };
    let default = SocketAddr::from(([127, 0, 0, 1], 7890));
    let level = word(raw.log.level.as_ref(), LEVELS, "info", &mut judge);
    let format = word(raw.log.format.as_ref(), FORMATS, "text", &mut judge);
    if let Some(retain) = &raw.events.retain {
        judge.blame(
            retain,
            "how long events are kept is said elsewhere now".to_owned(),
            "move it to retention.events of security.yaml".to_owned(),
        );
    }
    Some(Monitoring {
        metrics_key: metrics_key(raw.console.metrics_key.as_ref(), &mut judge),
        hosts: hosts(&raw.console.hosts, &mut judge),
        console: judge.addr(filled(raw.console.bind.as_ref()), default),
        level,
        json_logs: format == "json",
    })
}

fn metrics_key(
    raw: Option<&Spanned<Secret<String>>>,
    judge: &mut Judge<'_>,
) -> Option<Secret<String>> {
    let raw = raw.filter(|key| !key.value.expose().is_empty())?;
    if raw.value.expose().len() < LEAST_KEY {
        let what = "a key this short is guessed".to_owned();
        judge.blame(raw, what, "make one with: openssl rand -hex 32".to_owned());
    }
    Some(raw.value.clone())
}

fn hosts(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<String> {
    for host in raw {
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_ip = host.value.parse::<std::net::IpAddr>().is_ok();
        if !is_ip && (host.value.is_empty() || !host.value.chars().all(is_name)) {
            let what = format!("`{}` is not the name of a host", host.value);
            judge.blame(host, what, "write it like phone.example.org".to_owned());
        }
    }
    raw.iter().map(|host| host.value.clone()).collect()
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

fn redacted_if_any<S: Serializer>(
    secret: &Option<Secret<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.as_ref().map_or("", |_| "[redacted]"))
}
