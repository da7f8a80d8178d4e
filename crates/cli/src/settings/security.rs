//! `security.yaml`: what the gateway admits, and where plain text is allowed.

use serde::{Deserialize, Serialize};
use trunkline_service::config::{Report, Source, Spanned};

use super::livekit::Livekit;
use super::raw::Judge;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    sip: RawSip,
    transport: RawTransport,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawSip {
    max_calls: Option<Spanned<u64>>,
    invites_per_second_per_source: Option<Spanned<u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTransport {
    allow_plaintext: Vec<String>,
}

/// What `security.yaml` means.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Security {
    /// Calls at the same time.
    pub(crate) max_calls: usize,
    /// INVITEs per second from one address.
    pub(crate) invites_per_second: u32,
    /// Hosts besides loopback that may be spoken to without TLS.
    pub(crate) allow_plaintext: Vec<String>,
}

pub(super) fn validate(source: &Source, raw: Raw, report: &mut Report) -> Option<Security> {
    let mut judge = Judge { source, report };
    let calls = judge.within(raw.sip.max_calls.as_ref(), 1, 100_000, 1000);
    let rate = judge.within(
        raw.sip.invites_per_second_per_source.as_ref(),
        1,
        10_000,
        50,
    );
    Some(Security {
        max_calls: usize::try_from(calls).unwrap_or(1000),
        invites_per_second: u32::try_from(rate).unwrap_or(50),
        allow_plaintext: raw.transport.allow_plaintext,
    })
}

impl Security {
    /// Tokens and audio go in the clear over `ws://` and `http://`; only loopback and hosts named
    /// here may be reached that way.
    pub(super) fn judge_url(&self, livekit: &Livekit, report: &mut Report) {
        let plain = livekit
            .url
            .strip_prefix("ws://")
            .or_else(|| livekit.url.strip_prefix("http://"));
        let Some(rest) = plain else { return };
        let authority = rest.split(['/', '?']).next().unwrap_or(rest);
        let host = host(authority);
        let loopback = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified());
        if !loopback && !self.allow_plaintext.iter().any(|allowed| allowed == host) {
            let remedy = "use wss://, or name the host under transport.allow_plaintext";
            report.file(
                "security.yaml",
                format!("the LiveKit URL is not encrypted, and {host} is not this machine"),
                remedy.to_owned(),
            );
        }
    }
}

/// The host of `host`, `host:port` or `[v6]:port`.
fn host(authority: &str) -> &str {
    if let Some((v6, _)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return v6;
    }
    authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host)
}
