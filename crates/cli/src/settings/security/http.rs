//! `http` of `security.yaml`: how many connections, and how slow.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use trunkline_service::config::Spanned;
use trunkline_service::listen::{Caps, Clocks};

use super::super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHttp {
    connections: Option<Spanned<u64>>,
    strangers: Option<Spanned<u64>>,
    strangers_per_source: Option<Spanned<u64>>,
    head: Option<Spanned<String>>,
    body: Option<Spanned<String>>,
    idle: Option<Spanned<String>>,
}

/// How many connections a port takes, and how slow they may be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Http {
    #[serde(serialize_with = "caps")]
    pub(crate) caps: Caps,
    #[serde(serialize_with = "clocks")]
    pub(crate) clocks: Clocks,
}

pub(super) fn validate(raw: &RawHttp, judge: &mut Judge<'_>) -> Http {
    let usual = Caps::default();
    let mut number = |raw: Option<&Spanned<u64>>, usual: usize| {
        let default = u64::try_from(usual).unwrap_or(u64::MAX);
        usize::try_from(judge.within(raw, 1, 1_000_000, default)).unwrap_or(usual)
    };
    let caps = Caps {
        connections: number(raw.connections.as_ref(), usual.connections),
        strangers: number(raw.strangers.as_ref(), usual.strangers),
        strangers_per_source: number(
            raw.strangers_per_source.as_ref(),
            usual.strangers_per_source,
        ),
    };
    let usual = Clocks::default();
    let mut clock = |raw: Option<&Spanned<String>>, usual: Duration| {
        let limit = judge.duration(raw, usual);
        if let Some(raw) = raw.filter(|_| limit < Duration::from_secs(1)) {
            let what = "nobody is that quick".to_owned();
            judge.blame(raw, what, "say 1s or more".to_owned());
        }
        limit
    };
    Http {
        caps,
        clocks: Clocks {
            head: clock(raw.head.as_ref(), usual.head),
            body: clock(raw.body.as_ref(), usual.body),
            idle: clock(raw.idle.as_ref(), usual.idle),
            ..usual
        },
    }
}

fn caps<S: Serializer>(caps: &Caps, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([
        ("connections", caps.connections),
        ("strangers", caps.strangers),
        ("strangers_per_source", caps.strangers_per_source),
    ])
}

fn clocks<S: Serializer>(clocks: &Clocks, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([
        ("head_seconds", clocks.head.as_secs_f64()),
        ("body_seconds", clocks.body.as_secs_f64()),
        ("idle_seconds", clocks.idle.as_secs_f64()),
    ])
}
