//! `retry_policies.yaml`: how long calls to the server API may take, which failures are tried
//! again and how often, and when a server that keeps failing is left alone.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use trunkline_base::retry::{BudgetPolicy, RetryPolicy};
use trunkline_client::api::breaker::BreakerPolicy;
use trunkline_client::api::retry::Rules;
use trunkline_client::api::{ApiOptions, Connections, Failover, Plain};
use trunkline_service::config::{Report, Source, Spanned, nearest};

use super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    api: RawApi,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawApi {
    attempts: Option<Spanned<u64>>,
    base: Option<Spanned<String>>,
    cap: Option<Spanned<String>>,
    total: Option<Spanned<String>>,
    deadline: Option<Spanned<String>>,
    background_deadline: Option<Spanned<String>>,
    dial_margin: Option<Spanned<String>>,
    retry_after_cap: Option<Spanned<String>>,
    throttled: Option<Spanned<String>>,
    failover: Option<Spanned<String>>,
    budget: RawBudget,
    breaker: RawBreaker,
    connections: RawConnections,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBudget {
    capacity: Option<Spanned<u64>>,
    retry: Option<Spanned<u64>>,
    throttled: Option<Spanned<u64>>,
    refund: Option<Spanned<u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawBreaker {
    window: Option<Spanned<String>>,
    least: Option<Spanned<u64>>,
    share: Option<Spanned<u64>>,
    in_a_row: Option<Spanned<u64>>,
    open: Option<Spanned<String>>,
    open_cap: Option<Spanned<String>>,
    probes: Option<Spanned<u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawConnections {
    connect: Option<Spanned<String>>,
    idle: Option<Spanned<String>>,
    life: Option<Spanned<String>>,
    idle_per_host: Option<Spanned<u64>>,
    ping: Option<Spanned<String>>,
    plain: Option<Spanned<String>>,
}

/// What `retry_policies.yaml` means.
#[derive(Clone, Debug)]
pub(crate) struct Retries {
    api: ApiOptions,
    background: Duration,
}

impl Retries {
    /// For calls that a person waits for.
    pub(crate) fn for_people(&self) -> ApiOptions {
        self.api.clone()
    }

    /// For calls that the daemon makes on its own.
    pub(crate) fn for_background(&self) -> ApiOptions {
        ApiOptions {
            deadline: self.background,
            ..self.api.clone()
        }
    }
}

pub(super) fn validate(source: &Source, raw: Raw, report: &mut Report) -> Option<Retries> {
    let mut judge = Judge { source, report };
    let raw = raw.api;
    let default = ApiOptions::default();
    let api = ApiOptions {
        deadline: judge.above_zero(raw.deadline.as_ref(), default.deadline),
        dial_margin: judge.duration(raw.dial_margin.as_ref(), default.dial_margin),
        rules: rules(&raw, &mut judge),
        budget: budget(&raw.budget, &mut judge),
        breaker: breaker(&raw.breaker, &mut judge),
        failover: judge.word(
            raw.failover.as_ref(),
            "failover",
            FAILOVERS,
            Failover::Cloud,
        ),
        connections: connections(&raw.connections, &mut judge),
        watch: default.watch,
    };
    let background = judge.above_zero(raw.background_deadline.as_ref(), BACKGROUND);
    Some(Retries { api, background })
}

/// A call that nobody waits for.
const BACKGROUND: Duration = Duration::from_secs(30);

const FAILOVERS: &[(&str, Failover)] = &[
    ("cloud", Failover::Cloud),
    ("always", Failover::Always),
    ("never", Failover::Never),
];

const PLAINS: &[(&str, Plain)] = &[("http1", Plain::Http1), ("http2", Plain::Http2)];

fn rules(raw: &RawApi, judge: &mut Judge<'_>) -> Rules {
    let default = Rules::default();
    let policy = RetryPolicy {
        attempts: judge.count(raw.attempts.as_ref(), 1, 20, default.policy.attempts),
        base: judge.duration(raw.base.as_ref(), default.policy.base),
        cap: judge.duration(raw.cap.as_ref(), default.policy.cap),
        total: judge.duration(raw.total.as_ref(), default.policy.total),
    };
    judge.not_below((raw.cap.as_ref(), policy.cap), policy.base, "cap", "base");
    Rules {
        policy,
        retry_after_cap: judge.duration(raw.retry_after_cap.as_ref(), default.retry_after_cap),
        throttled: judge.duration(raw.throttled.as_ref(), default.throttled),
    }
}

fn budget(raw: &RawBudget, judge: &mut Judge<'_>) -> BudgetPolicy {
    let default = BudgetPolicy::API;
    let policy = BudgetPolicy {
        capacity: judge.count(raw.capacity.as_ref(), 0, 100_000, default.capacity),
        retry: judge.count(raw.retry.as_ref(), 0, 1000, default.retry),
        throttled: judge.count(raw.throttled.as_ref(), 0, 1000, default.throttled),
        refund: judge.count(raw.refund.as_ref(), 0, 1000, default.refund),
    };
    if let Some(refund) = raw.refund.as_ref().filter(|_| policy.refund > policy.retry) {
        judge.blame(
            refund,
            "`refund` is above `retry`: the budget would never run out".to_owned(),
            "lower refund".to_owned(),
        );
    }
    policy
}

fn breaker(raw: &RawBreaker, judge: &mut Judge<'_>) -> BreakerPolicy {
    let default = BreakerPolicy::default();
    let policy = BreakerPolicy {
        window: judge.above_zero(raw.window.as_ref(), default.window),
        least: judge.count(raw.least.as_ref(), 1, 10_000, default.least),
        share: judge.count(raw.share.as_ref(), 1, 100, default.share),
        in_a_row: judge.count(raw.in_a_row.as_ref(), 1, 1000, default.in_a_row),
        open: judge.above_zero(raw.open.as_ref(), default.open),
        open_cap: judge.above_zero(raw.open_cap.as_ref(), default.open_cap),
        probes: judge.count(raw.probes.as_ref(), 1, 3, default.probes),
    };
    let cap = (raw.open_cap.as_ref(), policy.open_cap);
    judge.not_below(cap, policy.open, "open_cap", "open");
    policy
}

fn connections(raw: &RawConnections, judge: &mut Judge<'_>) -> Connections {
    let default = Connections::default();
    let idle = judge.count(raw.idle_per_host.as_ref(), 0, 1024, 64);
    Connections {
        connect: judge.above_zero(raw.connect.as_ref(), default.connect),
        idle: judge.above_zero(raw.idle.as_ref(), default.idle),
        life: judge.above_zero(raw.life.as_ref(), default.life),
        idle_per_host: usize::try_from(idle).unwrap_or(default.idle_per_host),
        ping: judge.above_zero(raw.ping.as_ref(), default.ping),
        plain: judge.word(raw.plain.as_ref(), "protocol", PLAINS, Plain::Http1),
    }
}

impl Judge<'_> {
    fn count(&mut self, raw: Option<&Spanned<u64>>, low: u64, high: u64, default: u32) -> u32 {
        u32::try_from(self.within(raw, low, high, u64::from(default))).unwrap_or(default)
    }

    fn above_zero(&mut self, raw: Option<&Spanned<String>>, default: Duration) -> Duration {
        let value = self.duration(raw, default);
        if let Some(raw) = raw.filter(|_| value.is_zero()) {
            self.blame(
                raw,
                "must be longer than nothing".to_owned(),
                "write it like 5s".to_owned(),
            );
        }
        value
    }

    fn not_below(
        &mut self,
        (raw, value): (Option<&Spanned<String>>, Duration),
        least: Duration,
        name: &str,
        other: &str,
    ) {
        if let Some(raw) = raw.filter(|_| value < least) {
            let remedy = format!("raise {name} or lower {other}");
            self.blame(raw, format!("`{name}` is below `{other}`"), remedy);
        }
    }

    fn word<T: Copy>(
        &mut self,
        raw: Option<&Spanned<String>>,
        what: &str,
        words: &[(&str, T)],
        default: T,
    ) -> T {
        let Some(raw) = raw else { return default };
        let found = words.iter().find(|(word, _)| *word == raw.value);
        if let Some((_, value)) = found {
            return *value;
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let remedy = nearest(&raw.value, &known);
        self.blame(raw, format!("there is no {what} `{}`", raw.value), remedy);
        default
    }
}

impl Serialize for Retries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (api, seconds) = (&self.api, Duration::as_secs_f64);
        let (rules, breaker, pool) = (&api.rules, &api.breaker, &api.connections);
        let shown: Value = json!({ "api": {
            "attempts": rules.policy.attempts,
            "base_seconds": seconds(&rules.policy.base),
            "cap_seconds": seconds(&rules.policy.cap),
            "total_seconds": seconds(&rules.policy.total),
            "deadline_seconds": seconds(&api.deadline),
            "background_deadline_seconds": seconds(&self.background),
            "dial_margin_seconds": seconds(&api.dial_margin),
            "retry_after_cap_seconds": seconds(&rules.retry_after_cap),
            "throttled_seconds": seconds(&rules.throttled),
            "failover": written(FAILOVERS, api.failover),
            "budget": {
                "capacity": api.budget.capacity,
                "retry": api.budget.retry,
                "throttled": api.budget.throttled,
                "refund": api.budget.refund,
            },
            "breaker": {
                "window_seconds": seconds(&breaker.window),
                "least": breaker.least,
                "share": breaker.share,
                "in_a_row": breaker.in_a_row,
                "open_seconds": seconds(&breaker.open),
                "open_cap_seconds": seconds(&breaker.open_cap),
                "probes": breaker.probes,
            },
            "connections": {
                "connect_seconds": seconds(&pool.connect),
                "idle_seconds": seconds(&pool.idle),
                "life_seconds": seconds(&pool.life),
                "idle_per_host": pool.idle_per_host,
                "ping_seconds": seconds(&pool.ping),
                "plain": written(PLAINS, pool.plain),
            },
        }});
        shown.serialize(serializer)
    }
}

fn written<'a, T: PartialEq>(words: &[(&'a str, T)], value: T) -> &'a str {
    words
        .iter()
        .find(|(_, known)| *known == value)
        .map_or("", |(word, _)| *word)
}
