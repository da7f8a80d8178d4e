//! `security.yaml`: what the gateway admits, where plain text is allowed, and whom to believe.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_client::tls::Trust;
use trunkline_client::url::{ServerUrl, TransportRules};
use trunkline_service::config::{Report, Source, Spanned};

use super::livekit::Livekit;
use super::raw::{Judge, filled};

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
    allow_plaintext: Vec<Spanned<String>>,
    ca_file: Option<Spanned<String>>,
}

/// What `security.yaml` means.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Security {
    /// Calls at the same time.
    pub(crate) max_calls: usize,
    /// INVITEs per second from one address.
    pub(crate) invites_per_second: u32,
    /// Hosts besides this machine that may be spoken to without TLS.
    pub(crate) allow_plaintext: Vec<String>,
    /// The CA of a private cluster.
    pub(crate) ca_file: Option<PathBuf>,
    /// What is in it.
    #[serde(skip)]
    trust: Option<Trust>,
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
    let allow_plaintext = hosts(&raw.transport.allow_plaintext, &mut judge);
    let ca_file = filled(raw.transport.ca_file.as_ref());
    let trust = ca_file.and_then(|path| trust(path, &mut judge));
    Some(Security {
        max_calls: usize::try_from(calls).unwrap_or(1000),
        invites_per_second: u32::try_from(rate).unwrap_or(50),
        allow_plaintext,
        ca_file: ca_file.map(|path| PathBuf::from(&path.value)),
        trust,
    })
}

/// Names of hosts, not addresses of servers.
fn hosts(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<String> {
    for host in raw {
        let is_address = host.value.contains("://") || host.value.contains('/');
        if is_address || host.value.is_empty() || host.value.contains('*') {
            let what = format!("`{}` is not the name of one host", host.value);
            judge.blame(host, what, "write it like livekit or 10.0.0.9".to_owned());
        }
    }
    raw.iter().map(|host| host.value.clone()).collect()
}

fn trust(path: &Spanned<String>, judge: &mut Judge<'_>) -> Option<Trust> {
    let read = std::fs::read(Path::new(&path.value)).map_err(|error| error.to_string());
    let trust = read.and_then(|pem| Trust::with_pem(&pem).map_err(|error| error.to_string()));
    match trust {
        Ok(trust) => Some(trust),
        Err(error) => {
            let what = format!("`{}` is no CA file: {error}", path.value);
            judge.blame(path, what, "name a file of certificates in PEM".to_owned());
            None
        }
    }
}

impl Security {
    /// The rules by which every client speaks to servers.
    pub(crate) fn transport_rules(&self) -> Arc<TransportRules> {
        Arc::new(TransportRules {
            plain_text_hosts: self.allow_plaintext.clone(),
            trust: self.trust.clone(),
        })
    }

    /// Admits the node inside this process, which is this machine by whatever address it listens.
    pub(super) fn admit_node(&mut self, ip: IpAddr) {
        self.allow_plaintext.push(ip.to_string());
    }

    /// Refuses an address that clients would refuse, with the other problems and not in the middle
    /// of a start.
    pub(super) fn judge_url(&self, livekit: &Livekit, report: &mut Report) {
        if let Err(error) = ServerUrl::parse_under(&livekit.url, self.transport_rules()) {
            report.file(
                "security.yaml",
                format!("the LiveKit URL is refused: {error}"),
                None,
            );
        }
    }
}
