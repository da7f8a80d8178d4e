//! SIP inside TLS (RFC 3261 26.2, RFC 5922): who we are to those who connect, and whom we want to
//! find where we connect to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use tracing::{debug, info, warn};
use trunkline_client::tls::{TlsTrouble, Trust, TrustError, explain};
use trunkline_service::listen::{CertificateError, Certificates};
use trunkline_service::metrics::{Counter, count};

use super::super::config::TlsPeer;
use super::super::peer_key::Pin;
use super::unreached::TlsFault;

/// Whom we connect to inside TLS.
pub(crate) struct TlsClients {
    usual: Known,
    peers: Vec<(String, Known)>,
}

/// What is known of somebody.
#[derive(Clone)]
struct Known {
    config: Arc<ClientConfig>,
    pins: Arc<[Pin]>,
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
            let of_peer = Known {
                config: trust.for_stream(SIP_IN_TLS, shown),
                pins: peer.pins.clone().into(),
            };
            known.push((one_spelling(&peer.host), of_peer));
        }
        let clients = Self {
            usual: Known {
                config: system.for_stream(SIP_IN_TLS, own.map(Certificates::for_client)),
                pins: Arc::default(),
            },
            peers: known,
        };
        Ok((clients, followed))
    }

    /// Whom we want to find there: the domain that was dialled, whatever the DNS made of it
    /// (RFC 5922 7), or where none was, somebody with a certificate for the address.
    pub(crate) fn identity(&self, remote: SocketAddr, domain: Option<&str>) -> Identity {
        let address = remote.ip().to_canonical();
        let domain = domain.map_or_else(|| address.to_string(), one_spelling);
        let named = |name: &str| self.peers.iter().find(|(host, _)| host == name);
        let known = named(&domain).or_else(|| named(&address.to_string()));
        let Known { config, pins } = known.map_or(&self.usual, |(_, known)| known).clone();
        let name = ServerName::try_from(domain);
        Identity {
            name: name.unwrap_or_else(|_| ServerName::IpAddress(address.into())),
            config,
            pins,
        }
    }
}

/// A host as it is compared: an address without brackets, a name in small letters without an end.
fn one_spelling(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => bare.trim_end_matches('.').to_ascii_lowercase(),
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
    /// The name that the certificate must have.
    pub(crate) name: ServerName<'static>,
    /// Whom to believe, and our own certificate.
    pub(crate) config: Arc<ClientConfig>,
    /// Keys of which the certificate has to have one, where there are any.
    pub(crate) pins: Arc<[Pin]>,
}

/// Who was found at the other end.
#[derive(Clone)]
pub(crate) struct Verified {
    wanted: Identity,
    certificate: CertificateDer<'static>,
}

impl Verified {
    /// Is it also whom somebody else wants? Believed by the same word, and for that name.
    pub(super) fn is(&self, wanted: &Identity) -> bool {
        let same_word = Arc::ptr_eq(&self.wanted.config, &wanted.config);
        let named = || {
            let read = ParsedCertificate::try_from(&self.certificate);
            read.is_ok_and(|read| verify_server_name(&read, &wanted.name).is_ok())
        };
        same_word && (self.wanted.name == wanted.name || named())
    }

    pub(super) fn name(&self) -> String {
        self.wanted.name.to_str().into_owned()
    }
}

impl Identity {
    /// Our side of the handshake.
    pub(crate) async fn meet<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        remote: SocketAddr,
    ) -> Result<(client::TlsStream<S>, Verified), TlsFault> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let met = connector.connect(self.name.clone(), stream);
        let met = match tokio::time::timeout(HANDSHAKE, met).await {
            Ok(Ok(stream)) => self.check(stream),
            Ok(Err(error)) => Err(explain(&error).map_or(TlsFault::Gone, TlsFault::from)),
            Err(_) => Err(TlsFault::Slow),
        };
        if let Err(fault) = &met {
            count(Counter::SipDropped, 1, &[("reason", "tls_peer")]);
            let name = self.name.to_str();
            if fault.is_final() {
                warn!(%remote, %name, %fault, "no tls with a peer that is not who it should be");
            } else {
                debug!(%remote, %name, %fault, "the tls handshake failed");
            }
        }
        met
    }

    /// Whether the certificate has a key that is expected.
    fn check<S>(
        &self,
        stream: client::TlsStream<S>,
    ) -> Result<(client::TlsStream<S>, Verified), TlsFault> {
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.and_then(<[_]>::first).ok_or(TlsFault::Gone)?;
        let certificate = certificate.clone().into_owned();
        if !self.pins.is_empty() {
            let pin = Pin::of(&certificate).ok_or(TlsFault::Gone)?;
            if !self.pins.contains(&pin) {
                let presented = pin.to_string();
                return Err(TlsFault::Pin { presented });
            }
        }
        let wanted = self.clone();
        let verified = Verified {
            wanted,
            certificate,
        };
        Ok((stream, verified))
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

/// SIP's name in TLS.
const SIP_IN_TLS: &[u8] = b"sip/2";

/// Two round trips, and a phone that computes slowly.
const HANDSHAKE: Duration = Duration::from_secs(10);
