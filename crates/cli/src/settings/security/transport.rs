//! `transport` of `security.yaml`: what travels encrypted, and who is excepted.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use trunkline_base::plain::PlainText;
use trunkline_client::tls::Trust;
use trunkline_client::url::TransportRules;
use trunkline_service::config::Spanned;
use trunkline_service::listen::{
    Caps, CertificateError, CertificateFiles, Certificates, Clocks, Door, Proxies,
};

use super::super::raw::{Judge, filled};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTransport {
    tls: RawTls,
    proxies: Vec<Spanned<String>>,
    allow_plaintext: Vec<Spanned<String>>,
    ca_file: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTls {
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
}

/// What travels encrypted, and who is excepted.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Transport {
    /// The certificate of our own listeners.
    #[serde(serialize_with = "paths")]
    tls: Option<CertificateFiles>,
    /// Reverse proxies in front.
    #[serde(serialize_with = "texts")]
    proxies: Vec<IpNet>,
    /// Hosts besides this machine that speak plain text with us.
    pub(crate) allow_plaintext: Vec<String>,
    /// The CA of a private cluster.
    ca_file: Option<PathBuf>,
    /// What `allow_plaintext` means.
    #[serde(skip)]
    plain: PlainText,
    /// The node inside this process, by whatever address it listens.
    #[serde(skip)]
    own: Option<IpAddr>,
    /// What is in `ca_file`.
    #[serde(skip)]
    trust: Option<Trust>,
}

pub(super) fn validate(raw: &RawTransport, judge: &mut Judge<'_>) -> Transport {
    let ca_file = filled(raw.ca_file.as_ref());
    let mut plain = PlainText::none();
    for host in &raw.allow_plaintext {
        if let Err(error) = plain.allow(&host.value) {
            let what = format!("`{}` {error}", host.value);
            let remedy = "write it like livekit, 10.0.0.9 or 172.17.0.0/16".to_owned();
            judge.blame(host, what, remedy);
        }
    }
    let allowed = raw.allow_plaintext.iter();
    Transport {
        tls: certificate(&raw.tls, judge),
        proxies: networks(&raw.proxies, judge),
        allow_plaintext: allowed.map(|host| host.value.clone()).collect(),
        ca_file: ca_file.map(|path| PathBuf::from(&path.value)),
        plain,
        own: None,
        trust: ca_file.and_then(|path| trust(path, judge)),
    }
}

/// Both files or neither.
fn certificate(raw: &RawTls, judge: &mut Judge<'_>) -> Option<CertificateFiles> {
    match (filled(raw.certificate.as_ref()), filled(raw.key.as_ref())) {
        (Some(certificate), Some(key)) => Some(CertificateFiles {
            certificate: PathBuf::from(&certificate.value),
            key: PathBuf::from(&key.value),
        }),
        (Some(alone), None) | (None, Some(alone)) => {
            let what = "a certificate goes with its key".to_owned();
            let remedy = "name both transport.tls.certificate and transport.tls.key".to_owned();
            judge.blame(alone, what, remedy);
            None
        }
        (None, None) => None,
    }
}

fn networks(raw: &[Spanned<String>], judge: &mut Judge<'_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    for written in raw {
        let ip = written.value.parse::<IpAddr>().map(IpNet::from);
        match ip.or_else(|_| written.value.parse()) {
            Ok(network) => networks.push(network),
            Err(_) => {
                let what = format!("`{}` is no address or network", written.value);
                let remedy = "write it like 10.0.0.5 or 10.0.0.0/24".to_owned();
                judge.blame(written, what, remedy);
            }
        }
    }
    networks
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

impl Transport {
    /// The rules by which every client speaks to servers.
    pub(crate) fn rules(&self) -> Arc<TransportRules> {
        let mut plain = self.plain.clone();
        if let Some(own) = self.own {
            plain.allow_address(own);
        }
        Arc::new(TransportRules {
            plain,
            trust: self.trust.clone(),
        })
    }

    pub(super) fn admit_node(&mut self, ip: IpAddr) {
        self.own = Some(ip);
    }

    /// Where the certificate of our own listeners is.
    pub(crate) fn certificate_files(&self) -> Option<CertificateFiles> {
        self.tls.clone()
    }

    /// The certificate of our own listeners, read.
    pub(crate) fn certificates(&self) -> Result<Option<Certificates>, CertificateError> {
        self.tls.clone().map(Certificates::load).transpose()
    }

    /// Who may come in.
    pub(crate) fn door(&self, caps: Caps, clocks: Clocks, tls: Option<Certificates>) -> Door {
        Door {
            caps,
            clocks,
            tls,
            plain: self.plain.clone(),
            proxies: Proxies::new(self.proxies.iter().copied()),
        }
    }

    /// Whether this address may be listened on, as far as the files say.
    pub(super) fn guards(&self, addr: SocketAddr) -> Result<(), String> {
        let door = self.door(Caps::default(), Clocks::default(), None);
        match door.judge(addr) {
            Err(_) if self.tls.is_some() => Ok(()),
            judged => judged.map_err(|exposed| exposed.to_string()),
        }
    }
}

fn texts<S: serde::Serializer>(networks: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(networks.iter().map(ToString::to_string))
}

fn paths<S: serde::Serializer>(
    files: &Option<CertificateFiles>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let paths = files.as_ref();
    paths
        .map(|files| [&files.certificate, &files.key])
        .serialize(serializer)
}
