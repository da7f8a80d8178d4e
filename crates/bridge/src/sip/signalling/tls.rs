//! SIP inside TLS (RFC 3261 26.2, RFC 5922): who we are to those who connect, and whom we want to
//! find where we connect to.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use tracing::{debug, info, warn};
use trunkline_client::tls::{TlsTrouble, Trust, TrustError, explain};
use trunkline_service::listen::{CertificateError, Certificates};
use trunkline_service::metrics::{Counter, count};

use super::super::config::TlsPeer;

/// Whom we connect to inside TLS.
pub(crate) struct TlsClients {
    usual: Arc<ClientConfig>,
    peers: Vec<(String, Arc<ClientConfig>)>,
}

impl TlsClients {
    /// Believes the machine's CAs, and for each peer what is said of it.
    pub(crate) fn new(
        peers: &[TlsPeer],
        own: Option<&Certificates>,
    ) -> Result<(Self, Vec<Certificates>), TlsError> {
        let system = Trust::system().map_err(TlsError::Trust)?;
        let mut followed = Vec::new();
        let mut known = Vec::new();
        for peer in peers {
            let trust = match &peer.authorities {
                None => system.clone(),
                Some(file) => read_trust(file)?,
            };
            let shown = match &peer.certificate {
                None => own.map(Certificates::for_client),
                Some(files) => {
                    let read = Certificates::load(files.clone()).map_err(TlsError::Certificate)?;
                    followed.push(read.clone());
                    Some(read.for_client())
                }
            };
            known.push((peer.host.to_ascii_lowercase(), trust.for_stream(shown)));
        }
        let clients = Self {
            usual: system.for_stream(own.map(Certificates::for_client)),
            peers: known,
        };
        Ok((clients, followed))
    }

    /// Whom we want to find at an address of which nothing more is known: somebody with a
    /// certificate for it.
    pub(super) fn identity(&self, remote: SocketAddr) -> Identity {
        let address = remote.ip().to_canonical();
        let named = address.to_string();
        let config = self.peers.iter().find(|(host, _)| *host == named);
        Identity {
            name: ServerName::IpAddress(address.into()),
            config: Arc::clone(config.map_or(&self.usual, |(_, config)| config)),
        }
    }
}

fn read_trust(file: &Path) -> Result<Trust, TlsError> {
    let unreadable = |source| TlsError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let pem = std::fs::read(file).map_err(unreadable)?;
    Trust::only_pem(&pem).map_err(TlsError::Trust)
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate or key is of no use.
    #[error(transparent)]
    Certificate(CertificateError),
    /// A file of CAs cannot be read.
    #[error("{} cannot be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of CAs is of no use.
    #[error("the ca of a tls peer {0}")]
    Trust(TrustError),
}

/// Whom we want to find at the other end, and what we show there.
#[derive(Clone)]
pub(crate) struct Identity {
    /// The name that the certificate must have: what the call is for, never what DNS made of it
    /// (RFC 5922 7).
    pub(crate) name: ServerName<'static>,
    /// Whom to believe, and our own certificate.
    pub(crate) config: Arc<ClientConfig>,
}

/// Why nothing is said to whoever is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stranger {
    /// Its certificate is not that of whom we want.
    Certificate,
    /// It did not finish.
    Gone,
}

impl Identity {
    /// Our side of the handshake.
    pub(super) async fn meet<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        remote: SocketAddr,
    ) -> Result<client::TlsStream<S>, Stranger> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let met = connector.connect(self.name.clone(), stream);
        let error = match tokio::time::timeout(HANDSHAKE, met).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => {
                debug!(%remote, "the tls handshake took too long");
                return Err(Stranger::Gone);
            }
        };
        count(Counter::SipDropped, 1, &[("reason", "tls_peer")]);
        let name = self.name.to_str();
        match explain(&error) {
            Some(trouble) => {
                let trouble = words(&trouble);
                warn!(%remote, %name, trouble, "no tls with a peer that is not who it should be");
                Err(Stranger::Certificate)
            }
            None => {
                debug!(%remote, %name, %error, "the tls handshake failed");
                Err(Stranger::Gone)
            }
        }
    }
}

/// Our side of the handshake with somebody who connects. Nothing comes of one that is slow, or of
/// junk.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    acceptor: &TlsAcceptor,
    stream: S,
    remote: SocketAddr,
) -> Option<server::TlsStream<S>> {
    let error = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => error,
        Err(_) => {
            debug!(%remote, "a tls handshake took too long");
            count(Counter::SipDropped, 1, &[("reason", "tls_handshake")]);
            return None;
        }
    };
    if let Some(why) = unwelcome(&error) {
        info!(%remote, why, "no tls with a client whose certificate is not good");
        count(Counter::SipDropped, 1, &[("reason", "tls_client")]);
    } else {
        debug!(%remote, %error, "a tls handshake failed");
        count(Counter::SipDropped, 1, &[("reason", "tls_handshake")]);
    }
    None
}

/// What is wrong with the certificate of who connects, if that is what is wrong.
fn unwelcome(error: &io::Error) -> Option<&'static str> {
    let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    if matches!(inner, rustls::Error::NoCertificatesPresented) {
        return Some("it shows no certificate, and gateway.tls.client_ca asks for one");
    }
    if !matches!(inner, rustls::Error::InvalidCertificate(_)) {
        return None;
    }
    Some(match explain(error)? {
        TlsTrouble::Expired => "its certificate has expired: it has to be renewed there",
        TlsTrouble::NotYetValid => {
            "its certificate is not valid yet: check the clocks of both machines"
        }
        TlsTrouble::UnknownIssuer | TlsTrouble::NoBundle => {
            "nobody of client_ca, under gateway.tls, has signed its certificate"
        }
        TlsTrouble::WrongName { .. }
        | TlsTrouble::NotTls
        | TlsTrouble::Unacceptable { .. }
        | TlsTrouble::Handshake { .. } => "its certificate is none for a client",
    })
}

/// What mends it, where a SIP peer is concerned.
fn words(trouble: &TlsTrouble) -> String {
    match trouble {
        TlsTrouble::Expired => "its certificate has expired: it has to be renewed there".to_owned(),
        TlsTrouble::NotYetValid => {
            "its certificate is not valid yet: check the clocks of both machines".to_owned()
        }
        TlsTrouble::UnknownIssuer | TlsTrouble::NoBundle => {
            "nobody this machine trusts has signed its certificate: name its CA under \
             gateway.tls.peers"
                .to_owned()
        }
        TlsTrouble::WrongName { presented } => {
            format!("its certificate is for {}", presented.join(", "))
        }
        TlsTrouble::NotTls => "it does not speak tls on that port".to_owned(),
        TlsTrouble::Unacceptable { what } | TlsTrouble::Handshake { what } => what.clone(),
    }
}

/// Two round trips, and a phone that computes slowly.
const HANDSHAKE: Duration = Duration::from_secs(10);
