//! `security.yaml`: what the gateway admits, who comes in and how, where plain text is allowed,
//! whom to believe, and how long personal data is kept.

mod dialling;
mod http;
mod prefix;
mod retention;
mod sip;
mod tariff;
mod transport;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trunkline_client::url::{ServerUrl, TransportRules};
use trunkline_service::config::{Report, Source};

use super::raw::{Address, Judge};

pub(crate) use dialling::Dialling;
pub(crate) use http::Http;
pub(crate) use retention::Retention;
pub(crate) use sip::Sip;
pub(crate) use tariff::Prices;
pub(crate) use transport::Transport;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    sip: sip::RawSip,
    dialling: dialling::RawDialling,
    tariff: tariff::RawTariff,
    http: http::RawHttp,
    transport: transport::RawTransport,
    retention: retention::RawRetention,
}

/// What `security.yaml` means.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Security {
    /// What the gateway admits.
    pub(crate) sip: Sip,
    /// Which numbers may be dialled.
    pub(crate) dialling: Dialling,
    /// What calls cost.
    pub(crate) tariff: Prices,
    /// Connections to the node and the console.
    pub(crate) http: Http,
    /// What travels encrypted.
    pub(crate) transport: Transport,
    /// How long personal data is kept.
    pub(crate) retention: Retention,
}

/// What the file means, and what still counts in it and should be written otherwise.
pub(super) struct Valid {
    pub(super) security: Security,
    pub(super) notices: Report,
}

pub(super) fn validate(source: &Source, raw: Raw, report: &mut Report) -> Option<Valid> {
    let mut notices = Report::new();
    dialling::notice(source, &raw.dialling, &mut notices);
    let mut judge = Judge { source, report };
    let tariff = tariff::validate(&raw.tariff, &mut judge);
    let security = Security {
        sip: sip::validate(&raw.sip, &mut judge),
        dialling: dialling::validate(&raw.dialling, tariff.tariff(), &mut judge),
        tariff,
        http: http::validate(&raw.http, &mut judge),
        transport: transport::validate(&raw.transport, &mut judge),
        retention: retention::validate(&raw.retention, &mut judge),
    };
    Some(Valid { security, notices })
}

impl Security {
    /// The rules by which every client speaks to servers.
    pub(crate) fn transport_rules(&self) -> Arc<TransportRules> {
        self.transport.rules()
    }

    /// Admits the node inside this process, which is this machine by whatever address it listens.
    pub(super) fn admit_node(&mut self, ip: IpAddr) {
        self.transport.admit_node(ip);
    }

    /// Refuses an address that clients would refuse, with the other problems and not in the middle
    /// of a start.
    pub(super) fn judge_url(&self, named: &str, url: &str, report: &mut Report) {
        if let Err(error) = ServerUrl::parse_under(url, self.transport_rules()) {
            report.file(named, format!("`{url}` is refused: {error}"), None);
        }
    }

    /// Holds another service's address to the same rule. `key` names it to the operator.
    pub(super) fn judge_address(&self, file: &str, key: &str, url: &str, report: &mut Report) {
        if let Err(error) = self.transport_rules().judge(url) {
            let what = format!("{key}: `{url}` is refused: {error}");
            report.file(file, what, None);
        }
    }

    /// The same, for an address whose place is known.
    pub(super) fn judge_receiver(&self, address: &Address, report: &mut Report) {
        if let Err(error) = self.transport_rules().judge(&address.url) {
            let what = format!("`{}` is refused: {error}", address.url);
            report.from(address.origin.clone(), what, None);
        }
    }

    /// Refuses to listen where others would send tokens in plain text.
    pub(super) fn judge_listener(
        &self,
        (file, key): (&str, &str),
        addr: SocketAddr,
        report: &mut Report,
    ) {
        if let Err(exposed) = self.transport.guards(addr) {
            report.file(file, format!("{key}: {exposed}"), None);
        }
    }
}

#[cfg(test)]
mod tests;
