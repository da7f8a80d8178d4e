//! What is encrypted: `srtp` and `tls` of the gateway.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use trunkline_bridge::sip::{Pin, TlsListen, TlsOptions, TlsPeer};
use trunkline_service::config::{Spanned, nearest};
use trunkline_service::listen::{CertificateFiles, Certificates};
use trunkline_sip::sdp::Encryption;

use crate::settings::raw::{Judge, filled};

/// `tls` as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    listen: Option<Spanned<String>>,
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    client_ca: Option<Spanned<String>>,
    peers: Vec<RawPeer>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeer {
    host: Spanned<String>,
    #[serde(default)]
    ca: Option<Spanned<String>>,
    #[serde(default)]
    certificate: Option<Spanned<String>>,
    #[serde(default)]
    key: Option<Spanned<String>>,
    #[serde(default)]
    pins: Vec<Spanned<String>>,
}

/// SIP inside TLS.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Tls {
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ca: Option<PathBuf>,
    peers: Vec<Peer>,
}

#[derive(Clone, Debug, Serialize)]
struct Peer {
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PathBuf>,
    #[serde(serialize_with = "pin_texts", skip_serializing_if = "Vec::is_empty")]
    pins: Vec<Pin>,
}

impl Tls {
    /// As the gateway takes it.
    pub(crate) fn options(&self) -> TlsOptions {
        let files = |certificate: &Option<PathBuf>, key: &Option<PathBuf>| {
            let (certificate, key) = certificate.clone().zip(key.clone())?;
            Some(CertificateFiles { certificate, key })
        };
        let shown = self.listen.zip(files(&self.certificate, &self.key));
        TlsOptions {
            listen: shown.map(|(address, certificate)| TlsListen {
                address,
                certificate,
                client_authorities: self.client_ca.clone(),
            }),
            peers: self
                .peers
                .iter()
                .map(|peer| TlsPeer {
                    host: peer.host.clone(),
                    authorities: peer.ca.clone(),
                    certificate: files(&peer.certificate, &peer.key),
                    pins: peer.pins.clone(),
                })
                .collect(),
        }
    }
}

pub(super) fn tls(raw: &Spanned<RawTls>, judge: &mut Judge<'_>) -> Tls {
    let typed = &raw.value;
    let listen = filled(typed.listen.as_ref());
    let pair = (
        filled(typed.certificate.as_ref()),
        filled(typed.key.as_ref()),
    );
    if let (Some(listen), (None, _) | (_, None)) = (listen, pair) {
        let what = "tls has no certificate to show".to_owned();
        let remedy = "name certificate and key, both in PEM".to_owned();
        judge.blame(listen, what, remedy);
    }
    let peers = typed.peers.iter();
    Tls {
        listen: listen.map(|at| judge.addr(Some(at), SocketAddr::from(([127, 0, 0, 1], 5061)))),
        client_ca: path(filled(typed.client_ca.as_ref())),
        peers: peers.map(|peer| read_peer(peer, judge)).collect(),
        certificate: path(pair.0),
        key: path(pair.1),
    }
    .checked(pair.0, judge)
}

impl Tls {
    /// Whether the certificate is of use is known before the start.
    fn checked(self, at: Option<&Spanned<String>>, judge: &mut Judge<'_>) -> Self {
        if let (Some(at), Some(certificate), Some(key)) = (at, &self.certificate, &self.key) {
            usable(at, certificate.clone(), key.clone(), judge);
        }
        self
    }
}

fn read_peer(raw: &RawPeer, judge: &mut Judge<'_>) -> Peer {
    let pair = (filled(raw.certificate.as_ref()), filled(raw.key.as_ref()));
    match pair {
        (Some(at), Some(key)) => {
            usable(at, at.value.clone().into(), key.value.clone().into(), judge);
        }
        (Some(lone), None) | (None, Some(lone)) => {
            let what = "a certificate and its key belong together".to_owned();
            judge.blame(lone, what, "name certificate and key".to_owned());
        }
        (None, None) => {}
    }
    peer_host(&raw.host, judge);
    Peer {
        pins: raw
            .pins
            .iter()
            .filter_map(|pin| read_pin(pin, judge))
            .collect(),
        host: raw.host.value.clone(),
        ca: path(filled(raw.ca.as_ref())),
        certificate: path(pair.0),
        key: path(pair.1),
    }
}

/// A host as trunks name it: a port or a scheme would never be found again.
fn peer_host(raw: &Spanned<String>, judge: &mut Judge<'_>) {
    let is_address = raw.value.parse::<IpAddr>().is_ok();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !is_address && (raw.value.is_empty() || !raw.value.chars().all(fits)) {
        let what = format!("`{}` is no host", raw.value);
        let remedy = "write the name or address that trunks name, without a port, like \
                      sip.example.com"
            .to_owned();
        judge.blame(raw, what, remedy);
    }
}

fn read_pin(raw: &Spanned<String>, judge: &mut Judge<'_>) -> Option<Pin> {
    let pin = raw.value.parse().ok();
    if pin.is_none() {
        let what = format!("`{}` is no pin", raw.value);
        let remedy = "sha256/ and the SHA-256 of its public key in base64: openssl x509 -in \
                      peer.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst \
                      -sha256 -binary | base64"
            .to_owned();
        judge.blame(raw, what, remedy);
    }
    pin
}

fn pin_texts<S: serde::Serializer>(pins: &[Pin], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(pins.iter().map(ToString::to_string))
}

fn usable(at: &Spanned<String>, certificate: PathBuf, key: PathBuf, judge: &mut Judge<'_>) {
    if let Err(error) = Certificates::load(CertificateFiles { certificate, key }) {
        let remedy = "name a certificate with its chain, and its key, both in PEM".to_owned();
        judge.blame(at, format!("tls cannot be used: {error}"), remedy);
    }
}

fn path(raw: Option<&Spanned<String>>) -> Option<PathBuf> {
    raw.map(|raw| PathBuf::from(&raw.value))
}

/// Whether audio is encrypted.
pub(in crate::settings) fn encryption(
    raw: Option<&Spanned<String>>,
    judge: &mut Judge<'_>,
) -> Option<Encryption> {
    let raw = raw?;
    let all = [Encryption::Disable, Encryption::Allow, Encryption::Require];
    let known = all.into_iter().find(|one| one.as_str() == raw.value);
    if known.is_none() {
        let remedy = nearest(&raw.value, &all.map(Encryption::as_str));
        judge.blame(raw, format!("encryption is not `{}`", raw.value), remedy);
    }
    known
}

pub(super) fn encryption_word<S: serde::Serializer>(
    encryption: &Encryption,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(encryption.as_str())
}
