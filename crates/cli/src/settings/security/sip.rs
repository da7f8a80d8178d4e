//! `sip` of `security.yaml`: how many calls, and what those get to hear whom no trunk knows.

use serde::{Deserialize, Serialize};
use trunkline_bridge::sip::{Strangers, TcpCaps};
use trunkline_service::config::Spanned;
use trunkline_sip::endpoint::SCANNERS;

use super::super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSip {
    max_calls: Option<Spanned<u64>>,
    invites_per_second_per_source: Option<Spanned<u64>>,
    strangers: Option<Spanned<String>>,
    scanners: Option<Vec<String>>,
    strangers_per_second: Option<Spanned<u64>>,
    tcp_connections: Option<Spanned<u64>>,
    tcp_connections_per_source: Option<Spanned<u64>>,
}

/// What the gateway admits.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sip {
    /// Calls at the same time.
    pub(crate) max_calls: usize,
    /// INVITEs per second from one address.
    pub(crate) invites_per_second: u32,
    /// Are those whom no trunk knows left without an answer?
    ignore_strangers: bool,
    /// Parts of the names of scanners.
    pub(crate) scanners: Vec<String>,
    /// Requests per second from all of them.
    pub(crate) strangers_per_second: u32,
    tcp_connections: usize,
    tcp_connections_per_source: usize,
}

pub(super) fn validate(raw: &RawSip, judge: &mut Judge<'_>) -> Sip {
    let mut number = |raw: Option<&Spanned<u64>>, least: u64, most: u64, usual: u32| {
        let value = judge.within(raw, least, most, u64::from(usual));
        u32::try_from(value).unwrap_or(usual)
    };
    let max_calls = number(raw.max_calls.as_ref(), 1, 100_000, 1000);
    let invites_per_second = number(raw.invites_per_second_per_source.as_ref(), 1, 10_000, 50);
    let strangers_per_second = number(raw.strangers_per_second.as_ref(), 1, 100_000, 200);
    let tcp_connections = number(raw.tcp_connections.as_ref(), 4, 65_536, 512);
    let from_one = number(raw.tcp_connections_per_source.as_ref(), 1, 65_536, 64);
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Sip {
        max_calls: count(max_calls),
        invites_per_second,
        ignore_strangers: ignores(raw.strangers.as_ref(), judge),
        scanners: raw.scanners.clone().unwrap_or_else(|| {
            let shipped = SCANNERS.iter().map(|&name| name.to_owned());
            shipped.collect()
        }),
        strangers_per_second,
        tcp_connections: count(tcp_connections),
        tcp_connections_per_source: count(from_one),
    }
}

fn ignores(raw: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> bool {
    match raw.map(|word| (word, word.value.as_str())) {
        None | Some((_, "refuse")) => false,
        Some((_, "ignore")) => true,
        Some((word, other)) => {
            let what = format!("`{other}` is nothing that can be done with strangers");
            judge.blame(word, what, "write `refuse` or `ignore`".to_owned());
            false
        }
    }
}

impl Sip {
    /// What callers get to hear whom no trunk knows.
    pub(crate) const fn strangers(&self) -> Strangers {
        if self.ignore_strangers {
            Strangers::Ignored
        } else {
            Strangers::Refused
        }
    }

    /// How many SIP connections may be open.
    pub(crate) const fn tcp_caps(&self) -> TcpCaps {
        TcpCaps {
            all: self.tcp_connections,
            per_source: self.tcp_connections_per_source,
        }
    }
}
