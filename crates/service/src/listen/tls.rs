//! The certificate that listeners show, taken up anew when its files change. Connections that are
//! up keep what they have; new ones get the new one. A new one that is no good is told and leaves
//! the last good one in force.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    ConfigBuilder, InconsistentKeys, RootCertStore, ServerConfig, SignatureScheme, WantsVerifier,
};
use tokio_rustls::TlsAcceptor;
use trunkline_base::class::{Class, Classified};
use trunkline_base::time::UnixTime;

use super::validity;
use crate::tasks::Stop;

/// Where a certificate and its key are, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and those between it and its CA.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why a certificate is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable {
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No certificate in PEM.
    #[error("{} holds no certificate in PEM", file.display())]
    NoCertificate { file: PathBuf },
    /// No private key in PEM, or one with a password.
    #[error("{} holds no private key in PEM without a password", file.display())]
    NoKey { file: PathBuf },
    /// One belongs to another.
    #[error("{} is not the key of {}", key.display(), certificate.display())]
    Strangers {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// Its time is over.
    #[error("{} holds a certificate whose time is over", file.display())]
    Expired { file: PathBuf },
    /// No certificate of a CA in PEM.
    #[error("{} holds no certificate of a CA in PEM", file.display())]
    NoAuthority { file: PathBuf },
    /// TLS cannot be set up on this machine.
    #[error("tls cannot be set up: {0}")]
    Setup(rustls::Error),
}

impl Classified for CertificateError {
    fn class(&self) -> Class {
        match self {
            Self::Setup(_) => Class::Internal,
            Self::Unreadable { .. }
            | Self::NoCertificate { .. }
            | Self::NoKey { .. }
            | Self::Strangers { .. }
            | Self::Expired { .. }
            | Self::NoAuthority { .. } => Class::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        "service.tls.certificate"
    }
}

/// What is spoken inside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// HTTP/2 or HTTP/1.1, whichever the client has.
    Http,
    /// SIP.
    Sip,
}

/// A certificate in force. Clones show the same one.
#[derive(Clone)]
pub struct Certificates {
    files: CertificateFiles,
    shown: Arc<Shown>,
    http: Arc<ServerConfig>,
    sip: Arc<ServerConfig>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Certificates {
    /// Reads the files. One that has expired is shown all the same, since nothing is better, and
    /// told.
    ///
    /// # Errors
    /// [`CertificateError`] says which file, and what is wrong with it.
    pub fn load(files: CertificateFiles) -> Result<Self, CertificateError> {
        let read = Read::of(&files)?;
        let key = read.certified(&files)?;
        if let Err(error) = in_time(&key, &files) {
            tracing::warn!(%error, "clients will refuse the certificate: have it renewed");
        }
        let shown = Arc::new(Shown {
            key: RwLock::new(Arc::new(key)),
            read: Mutex::new(read),
        });
        let (http, sip) = (config(&shown, HTTP)?, config(&shown, SIP)?);
        Ok(Self {
            files,
            shown,
            http,
            sip,
        })
    }

    /// When the one in force ends, if it says so in the usual way.
    pub fn ends(&self) -> Option<UnixTime> {
        let key = self.shown.current();
        key.cert
            .first()
            .and_then(|first| validity::end(first))
            .map(UnixTime::from_secs)
    }

    /// Accepts connections with the certificate that is in force at each.
    pub fn acceptor(&self, cipher: Cipher) -> TlsAcceptor {
        let config = match cipher {
            Cipher::Http => &self.http,
            Cipher::Sip => &self.sip,
        };
        TlsAcceptor::from(Arc::clone(config))
    }

    /// The same for peers who have to show a certificate of their own, signed by a CA of that file.
    ///
    /// # Errors
    /// [`CertificateError`] when the file holds no CA.
    pub fn acceptor_of_known(
        &self,
        cipher: Cipher,
        authorities: &Path,
    ) -> Result<TlsAcceptor, CertificateError> {
        let none = || CertificateError::NoAuthority {
            file: authorities.to_owned(),
        };
        let pem = file(authorities)?;
        let read = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let mut roots = RootCertStore::empty();
        for certificate in read.map_err(|_| none())? {
            roots.add(certificate).map_err(|_| none())?;
        }
        if roots.is_empty() {
            return Err(none());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().map_err(|_| none())?;
        let shown: Arc<dyn ResolvesServerCert> = Arc::clone(&self.shown) as _;
        let mut config = builder()?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(shown);
        let protocols = match cipher {
            Cipher::Http => HTTP,
            Cipher::Sip => SIP,
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again, and says whether there was something new.
    ///
    /// # Errors
    /// [`CertificateError`] when it is of no use; the last good one stays in force.
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let read = Read::of(&self.files)?;
        let mut last = self
            .shown
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *last == read {
            return Ok(false);
        }
        let certified = read.certified(&self.files);
        let key = certified.and_then(|key| in_time(&key, &self.files).map(|()| key));
        // What was bad is not tried again until it changes once more.
        *last = read;
        drop(last);
        self.shown.show(key?);
        Ok(true)
    }

    /// The same certificate for a client, which shows what is in force at each connection.
    pub fn for_client(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::clone(&self.shown) as _
    }

    /// Takes up changes of the files until the drain.
    pub async fn follow(self, stop: Stop) {
        let mut troubled = false;
        loop {
            tokio::select! {
                () = stop.draining() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            match self.reload() {
                Ok(true) => {
                    troubled = false;
                    tracing::info!(file = %self.files.certificate.display(), "new certificate in force");
                }
                Ok(false) => {}
                Err(error) => {
                    // A file that stays away is told once; one that changed is told each time.
                    let away = matches!(error, CertificateError::Unreadable { .. });
                    if !(away && troubled) {
                        tracing::warn!(%error, "the certificate is kept: the new one is of no use");
                    }
                    troubled = away;
                }
            }
        }
    }
}

/// What the files held.
#[derive(PartialEq, Eq)]
struct Read {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Read {
    fn of(files: &CertificateFiles) -> Result<Self, CertificateError> {
        Ok(Self {
            certificate: file(&files.certificate)?,
            key: file(&files.key)?,
        })
    }

    fn certified(&self, files: &CertificateFiles) -> Result<CertifiedKey, CertificateError> {
        let no_certificate = || CertificateError::NoCertificate {
            file: files.certificate.clone(),
        };
        let no_key = || CertificateError::NoKey {
            file: files.key.clone(),
        };
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| no_certificate())?;
        if chain.is_empty() {
            return Err(no_certificate());
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| no_key())?;
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key);
        let certified = CertifiedKey::new(chain, signing.map_err(|_| no_key())?);
        match certified.keys_match() {
            // A key that cannot tell is tried by the first client.
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(certified)
            }
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(CertificateError::Strangers {
                    certificate: files.certificate.clone(),
                    key: files.key.clone(),
                })
            }
            Err(_) => Err(no_certificate()),
        }
    }
}

fn in_time(key: &CertifiedKey, files: &CertificateFiles) -> Result<(), CertificateError> {
    let end = key.cert.first().and_then(|first| validity::end(first));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    match (end, now) {
        (Some(end), Ok(now)) if end < now.as_secs() => Err(CertificateError::Expired {
            file: files.certificate.clone(),
        }),
        _ => Ok(()),
    }
}

fn file(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Unreadable {
        file: path.to_owned(),
        source,
    })
}

/// The one in force, and what its files held when they were last looked at.
struct Shown {
    key: RwLock<Arc<CertifiedKey>>,
    read: Mutex<Read>,
}

impl Shown {
    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.key.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn show(&self, key: CertifiedKey) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let key = self.current();
        key.key.choose_scheme(schemes).is_some().then_some(key)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn config(shown: &Arc<Shown>, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, CertificateError> {
    let shown: Arc<dyn ResolvesServerCert> = Arc::clone(shown) as _;
    let mut config = builder()?.with_no_client_auth().with_cert_resolver(shown);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

fn builder() -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, CertificateError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(CertificateError::Setup)
}

const HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];

/// As IANA has it.
const SIP: &[&[u8]] = &[b"sip/2"];
/// A certificate is renewed weeks before its end; whoever tries one out waits no longer than this.
const LOOK: Duration = Duration::from_secs(2);
