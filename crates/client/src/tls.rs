//! Whom this process believes, and what a failed handshake means in words.
//!
//! One trust for every client: the machine's CA certificates, or the public roots built in where a
//! machine has none, as slim images have; and the CA of a private cluster where one is named. A
//! server's certificate that signed itself may stand in the CA's place: it is then believed for the
//! names it has and as long as it lasts, whether it says of itself that it is a CA or not.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use trunkline_base::class::{Class, Classified};

/// Whom to believe.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
    /// The machine has no CA certificates of its own.
    is_built_in: bool,
}

/// Why a CA file is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not PEM, or no certificate in it.
    #[error("holds no certificate in PEM")]
    Empty,
    /// A certificate that is not a CA's, or is damaged.
    #[error("holds a certificate that cannot be a CA's")]
    Unusable,
    /// TLS cannot be set up on this machine.
    #[error("tls cannot be set up")]
    Setup,
}

impl Classified for TrustError {
    fn class(&self) -> Class {
        match self {
            Self::Empty | Self::Unusable => Class::Invalid,
            Self::Setup => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        "client.tls.trust"
    }
}

impl Trust {
    /// The machine's CAs.
    ///
    /// # Errors
    /// [`TrustError::Setup`].
    pub fn system() -> Result<Self, TrustError> {
        static SYSTEM: OnceLock<Result<Trust, TrustError>> = OnceLock::new();
        SYSTEM.get_or_init(|| Self::with(&[])).clone()
    }

    /// The machine's CAs and those of a PEM file.
    ///
    /// # Errors
    /// [`TrustError`] when the file holds no usable certificate.
    pub fn with_pem(pem: &[u8]) -> Result<Self, TrustError> {
        Self::with(&certificates(pem)?)
    }

    /// The CAs of a PEM file and nobody else: a private CA, or the very certificate that one peer
    /// shows.
    ///
    /// # Errors
    /// [`TrustError`] when the file holds no usable certificate.
    pub fn only_pem(pem: &[u8]) -> Result<Self, TrustError> {
        Self::of(RootCertStore::empty(), &certificates(pem)?, false)
    }

    fn with(extra: &[CertificateDer<'static>]) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (_, _) = roots.add_parsable_certificates(found.certs);
        let is_built_in = roots.is_empty();
        if is_built_in {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Self::of(roots, extra, is_built_in)
    }

    fn of(
        mut roots: RootCertStore,
        extra: &[CertificateDer<'static>],
        is_built_in: bool,
    ) -> Result<Self, TrustError> {
        for certificate in extra {
            roots
                .add(certificate.clone())
                .map_err(|_| TrustError::Unusable)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|_| TrustError::Setup)?;
        let verifier = Arc::new(Verifier {
            usual,
            named: extra.to_vec(),
        });
        let judge: Arc<dyn ServerCertVerifier> = Arc::clone(&verifier) as _;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| TrustError::Setup)?
            .dangerous()
            .with_custom_certificate_verifier(judge)
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            verifier,
            is_built_in,
        })
    }

    /// What somebody who believes these CAs would say of a certificate, which stands in PEM before
    /// those up to its CA: the names it is for, and what is wrong with it. Its names are judged only
    /// where a host is given.
    ///
    /// # Errors
    /// [`TrustError`] when there is no certificate.
    pub fn judge(
        &self,
        pem: &[u8],
        host: Option<&str>,
    ) -> Result<(Vec<String>, Option<TlsTrouble>), TrustError> {
        let chain = certificates(pem)?;
        let (first, rest) = chain.split_first().ok_or(TrustError::Empty)?;
        let parsed = ParsedCertificate::try_from(first).map_err(|_| TrustError::Unusable)?;
        let nobody = ServerName::try_from("nobody.invalid").map_err(|_| TrustError::Setup)?;
        let names = match verify_server_name(&parsed, &nobody)
            .as_ref()
            .map_err(trouble)
        {
            Err(TlsTrouble::WrongName { presented }) => presented,
            Ok(()) | Err(_) => Vec::new(),
        };
        let wanted = host.and_then(|host| ServerName::try_from(host).ok());
        let name = wanted.as_ref().unwrap_or(&nobody);
        let judged = self
            .verifier
            .verify_server_cert(first, rest, name, &[], UnixTime::now());
        let found = judged.err().and_then(|error| self.explain(&error));
        let found = found
            .filter(|found| wanted.is_some() || !matches!(found, TlsTrouble::WrongName { .. }));
        Ok((names.iter().map(|name| plain(name)).collect(), found))
    }

    /// For another protocol, by its name in TLS (RFC 7301), with a certificate of our own where the
    /// peer asks for one.
    pub fn for_stream(
        &self,
        protocol: &[u8],
        own: Option<Arc<dyn ResolvesClientCert>>,
    ) -> Arc<ClientConfig> {
        let mut config = (*self.config).clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        if let Some(own) = own {
            config.client_auth_cert_resolver = own;
        }
        Arc::new(config)
    }

    /// For HTTP: HTTP/2 where the peer has it.
    pub(crate) fn for_http(&self) -> ClientConfig {
        let mut config = (*self.config).clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    /// For WebSockets, which are HTTP/1.1.
    pub(crate) fn for_websocket(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// What a failed connection says about the certificate, if that was it.
    pub(crate) fn explain(&self, error: &(dyn Error + 'static)) -> Option<TlsTrouble> {
        explain(error).map(|trouble| match trouble {
            TlsTrouble::UnknownIssuer if self.is_built_in => TlsTrouble::NoBundle,
            other => other,
        })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("is_built_in", &self.is_built_in)
            .finish_non_exhaustive()
    }
}

/// A name without what rustls writes around it: `DnsName("a")`, `IpAddress(::1)`.
fn plain(name: &str) -> String {
    let inside = name
        .split_once('(')
        .and_then(|(_, rest)| rest.rsplit_once(')'));
    let inside = inside.map_or(name, |(inside, _)| inside);
    inside.trim_matches('"').to_owned()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let read: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TrustError::Empty)?;
    if read.is_empty() {
        return Err(TrustError::Empty);
    }
    Ok(read)
}

/// The usual judgement, save one: tools that make a certificate that signs itself mark it as a
/// CA's, which a server must not show. Named in the CA file, it is what the operator means.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn is_named(&self, certificate: &CertificateDer<'_>) -> bool {
        self.named.iter().any(|named| named == certificate)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged = self.usual.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match judged {
            // Its time was looked at before this was said of it; its names were not.
            Err(error) if is_ca_as_server(&error) && self.is_named(end_entity) => {
                let certificate = ParsedCertificate::try_from(end_entity)?;
                verify_server_name(&certificate, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

fn is_ca_as_server(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(CertificateError::Other(other))
            if other.to_string().contains("CaUsedAsEndEntity")
    )
}

/// What is wrong with the far end's TLS, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsTrouble {
    /// Its time is over.
    #[error(
        "certificate of the server has expired: renew it there, and check this machine's clock"
    )]
    Expired,
    /// Its time has not come.
    #[error(
        "certificate of the server is not valid yet: check this machine's clock, then the server's"
    )]
    NotYetValid,
    /// Signed by nobody we know.
    #[error(
        "certificate of the server is signed by nobody this machine trusts: have the server send \
         its whole chain, or name its CA's file under transport.ca_file in security.yaml"
    )]
    UnknownIssuer,
    /// The same on a machine without CA certificates.
    #[error(
        "certificate of the server is signed by nobody known, and this machine has no CA bundle: \
         install the package ca-certificates, or name the CA's file under transport.ca_file in \
         security.yaml"
    )]
    NoBundle,
    /// For another name.
    #[error(
        "certificate of the server is for {}, not for the host in the url: write that name in the \
         url, or have the certificate name this host", names(.presented)
    )]
    WrongName {
        /// The names it is for.
        presented: Vec<String>,
    },
    /// Revoked, damaged, or made for something else.
    #[error("certificate of the server is not acceptable ({what}): have a new one issued")]
    Unacceptable {
        /// What TLS says.
        what: String,
    },
    /// The answer was no TLS at all.
    #[error(
        "server does not speak tls on this port: check the port, or write ws:// for a server on \
         this machine"
    )]
    NotTls,
    /// No common ground.
    #[error("tls handshake failed ({what}): the server may only know versions before tls 1.2")]
    Handshake {
        /// What TLS says.
        what: String,
    },
}

fn names(presented: &[String]) -> String {
    match presented {
        [] => "other names".to_owned(),
        names => names.join(", "),
    }
}

/// Finds TLS in a chain of errors. `io::Error` hides what it carries from `source`.
pub fn explain(error: &(dyn Error + 'static)) -> Option<TlsTrouble> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(trouble(tls));
        }
        let carried = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

fn trouble(error: &rustls::Error) -> TlsTrouble {
    use CertificateError as C;
    let certificate = match error {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::InvalidMessage(_) => return TlsTrouble::NotTls,
        other => {
            return TlsTrouble::Handshake {
                what: other.to_string(),
            };
        }
    };
    match certificate {
        C::Expired | C::ExpiredContext { .. } => TlsTrouble::Expired,
        C::NotValidYet | C::NotValidYetContext { .. } => TlsTrouble::NotYetValid,
        // A signature that does not fit is that of another CA by the same name.
        C::UnknownIssuer | C::BadSignature => TlsTrouble::UnknownIssuer,
        C::NotValidForName => TlsTrouble::WrongName {
            presented: Vec::new(),
        },
        C::NotValidForNameContext { presented, .. } => TlsTrouble::WrongName {
            presented: presented.clone(),
        },
        // A certificate that signed itself and says it is a CA's.
        C::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            TlsTrouble::UnknownIssuer
        }
        other => TlsTrouble::Unacceptable {
            what: other.to_string(),
        },
    }
}
