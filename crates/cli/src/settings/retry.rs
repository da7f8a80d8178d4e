//! `retry_policies.yaml`: how often and how long calls that may be repeated are repeated.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_base::retry::RetryPolicy;
use trunkline_service::config::{Report, Source, Spanned};

use super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    api: RawPolicy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPolicy {
    attempts: Option<Spanned<u64>>,
    base: Option<Spanned<String>>,
    cap: Option<Spanned<String>>,
    total: Option<Spanned<String>>,
    deadline: Option<Spanned<String>>,
}

/// What `retry_policies.yaml` means.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Retries {
    /// Calls to the server API that may be repeated.
    #[serde(serialize_with = "policy")]
    pub(crate) api: RetryPolicy,
    /// A whole call to the server API.
    #[serde(serialize_with = "seconds")]
    pub(crate) api_deadline: Duration,
}

pub(super) fn validate(source: &Source, raw: Raw, report: &mut Report) -> Option<Retries> {
    let mut judge = Judge { source, report };
    let default = RetryPolicy::API;
    let attempts = judge.within(
        raw.api.attempts.as_ref(),
        1,
        20,
        u64::from(default.attempts),
    );
    let api = RetryPolicy {
        attempts: u32::try_from(attempts).unwrap_or(default.attempts),
        base: judge.duration(raw.api.base.as_ref(), default.base),
        cap: judge.duration(raw.api.cap.as_ref(), default.cap),
        total: judge.duration(raw.api.total.as_ref(), default.total),
    };
    if let Some(cap) = raw.api.cap.as_ref().filter(|_| api.cap < api.base) {
        judge.blame(
            cap,
            "`cap` is below `base`".to_owned(),
            "raise cap or lower base".to_owned(),
        );
    }
    let api_deadline = judge.duration(raw.api.deadline.as_ref(), Duration::from_secs(10));
    Some(Retries { api, api_deadline })
}

fn policy<S: Serializer>(policy: &RetryPolicy, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap as _;
    let mut map = serializer.serialize_map(Some(4))?;
    map.serialize_entry("attempts", &policy.attempts)?;
    map.serialize_entry("base_seconds", &policy.base.as_secs_f64())?;
    map.serialize_entry("cap_seconds", &policy.cap.as_secs_f64())?;
    map.serialize_entry("total_seconds", &policy.total.as_secs_f64())?;
    map.end()
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
