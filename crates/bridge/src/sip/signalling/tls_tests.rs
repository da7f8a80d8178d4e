use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use trunkline_client::tls::Trust;
use trunkline_service::listen::{CertificateFiles, Certificates, Cipher};

use super::super::peer_key::Pin;
use super::tls::{Identity, greet};
use super::unreached::TlsFault;

/// A CA, and what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let dir = tempfile::tempdir().unwrap();
        write(
            &dir.path().join("ca.pem"),
            "CERTIFICATE",
            issuer.as_ref().der(),
        );
        Self { issuer, dir }
    }

    fn certificate(&self, name: &str, until: i32) -> Certificates {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = CertificateFiles {
            certificate: self.dir.path().join(format!("{name}-{until}.pem")),
            key: self.dir.path().join(format!("{name}-{until}.key")),
        };
        write(&files.certificate, "CERTIFICATE", certificate.der());
        write(&files.key, "PRIVATE KEY", &key.serialize_der());
        Certificates::load(files).unwrap()
    }

    /// Who believes this CA and wants that name.
    fn wants(&self, name: &str, own: Option<&Certificates>) -> Identity {
        let pem = std::fs::read(self.dir.path().join("ca.pem")).unwrap();
        let trust = Trust::only_pem(&pem).unwrap();
        Identity {
            name: ServerName::try_from(name.to_owned()).unwrap(),
            config: trust.for_stream(b"sip/2", own.map(Certificates::for_client)),
            pins: Arc::default(),
        }
    }
}

fn write(file: &Path, what: &str, der: &[u8]) {
    let body = STANDARD.encode(der);
    let pem = format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n");
    std::fs::write(file, pem).unwrap();
}

/// What comes of one who wants somebody, and somebody.
async fn meet(wants: Identity, is: tokio_rustls::TlsAcceptor) -> (Result<(), TlsFault>, bool) {
    let (ours, theirs) = duplex(64 * 1024);
    let remote = ([192, 0, 2, 1], 5061).into();
    let server = async {
        let mut stream = greet(&is, theirs, remote).await?;
        // With TLS 1.3 a client that shows nothing learns of it afterwards.
        stream.write_all(b"here").await.ok()?;
        Some(())
    };
    let client = async {
        let (mut stream, _) = wants.meet(ours, remote).await?;
        let mut word = [0; 4];
        let read = stream.read_exact(&mut word).await;
        read.map(drop).map_err(|_: io::Error| TlsFault::Gone)
    };
    let (client, server) = tokio::join!(client, server);
    (client, server.is_some())
}

#[tokio::test]
async fn who_we_connect_to_has_to_be_who_we_want() {
    let (ours, other) = (Authority::new(), Authority::new());
    let good = ours.certificate("sip.example.com", 2090);
    let is = |certificate: &Certificates| certificate.acceptor(Cipher::Sip);
    let wants = |authority: &Authority, name| authority.wants(name, None);
    let met = meet(wants(&ours, "sip.example.com"), is(&good)).await;
    assert_eq!(met, (Ok(()), true));
    let late = ours.certificate("sip.example.com", 2020);
    let other_name = |fault: &TlsFault| match fault {
        TlsFault::WrongName { presented } => {
            presented.iter().any(|n| n.contains("sip.example.com"))
        }
        _ => false,
    };
    for (wants, is, fits) in [
        (
            wants(&ours, "sip.example.net"),
            is(&good),
            &other_name as &dyn Fn(&TlsFault) -> bool,
        ),
        (wants(&ours, "192.0.2.1"), is(&good), &other_name),
        (wants(&other, "sip.example.com"), is(&good), &|fault| {
            *fault == TlsFault::UnknownIssuer
        }),
        (wants(&ours, "sip.example.com"), is(&late), &|fault| {
            *fault == TlsFault::Expired
        }),
    ] {
        let (met, _) = meet(wants, is).await;
        let fault = met.unwrap_err();
        assert!(fits(&fault), "{fault}");
        assert!(fault.is_final());
    }
}

/// A CA that somebody broke into signs for every name; the key is still another one.
#[tokio::test]
async fn a_pinned_peer_has_its_key_and_no_other() {
    let ours = Authority::new();
    let good = ours.certificate("sip.example.com", 2090);
    let forged = ours.certificate("sip.example.com", 2089);
    let met = meet(
        ours.wants("sip.example.com", None),
        good.acceptor(Cipher::Sip),
    )
    .await;
    assert!(met.0.is_ok());
    let wrong = Pin::of(ours.issuer.as_ref().der()).unwrap();
    let pinned = |pin: Pin| Identity {
        pins: vec![wrong, pin].into(),
        ..ours.wants("sip.example.com", None)
    };
    let TlsFault::Pin { presented } = meet(pinned(wrong), good.acceptor(Cipher::Sip))
        .await
        .0
        .unwrap_err()
    else {
        panic!("taken");
    };
    // What is told can be written down as it is.
    let pin: Pin = presented.parse().unwrap();
    let is = good.acceptor(Cipher::Sip);
    assert_eq!(meet(pinned(pin), is).await.0, Ok(()));
    let met = meet(pinned(pin), forged.acceptor(Cipher::Sip)).await.0;
    assert!(matches!(met, Err(TlsFault::Pin { .. })), "{met:?}");
}

/// A certificate for two names serves both over one connection, and one for another name none.
#[tokio::test]
async fn a_connection_is_shared_by_the_names_its_certificate_has() {
    let ours = Authority::new();
    let wants = ours.wants("sip.example.com", None);
    let good = ours.certificate("sip.example.com", 2090);
    let (here, there) = duplex(64 * 1024);
    let remote = ([192, 0, 2, 1], 5061).into();
    let acceptor = good.acceptor(Cipher::Sip);
    let (met, served) = tokio::join!(wants.meet(here, remote), greet(&acceptor, there, remote));
    let (stream, verified) = met.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"sip/2"[..]));
    assert!(served.is_some());
    let same_word = |name: &str| Identity {
        name: ServerName::try_from(name.to_owned()).unwrap(),
        ..wants.clone()
    };
    assert!(verified.is(&wants) && verified.is(&same_word("sip.example.com")));
    assert!(!verified.is(&same_word("sip.example.net")));
    // Believed by another CA it is somebody else.
    assert!(!verified.is(&ours.wants("sip.example.net", None)));
}

#[tokio::test]
async fn who_connects_shows_a_certificate_where_one_is_asked_for() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = ours.certificate("sip.example.com", 2090);
    let ca = ours.dir.path().join("ca.pem");
    let asks = server.acceptor_of_known(Cipher::Sip, &ca).unwrap();
    let trunk = ours.certificate("trunk.example.com", 2090);
    let thief = other.certificate("trunk.example.com", 2090);
    for (shown, is_let_in) in [(Some(&trunk), true), (Some(&thief), false), (None, false)] {
        let wants = ours.wants("sip.example.com", shown);
        let (client, served) = meet(wants, asks.clone()).await;
        assert_eq!((client.is_ok(), served), (is_let_in, is_let_in));
    }
}

#[tokio::test(start_paused = true)]
async fn junk_and_silence_at_the_tls_port_are_closed() {
    let ours = Authority::new();
    let is = ours
        .certificate("sip.example.com", 2090)
        .acceptor(Cipher::Sip);
    let remote = ([192, 0, 2, 1], 5061).into();
    for said in [
        &b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TLS h\r\nl: 0\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0",
        b"",
    ] {
        let (mut theirs, here) = duplex(4096);
        theirs.write_all(said).await.unwrap();
        let began = tokio::time::Instant::now();
        assert!(greet(&is, here, remote).await.is_none());
        let patience = if said.is_empty() { 10 } else { 0 };
        assert_eq!(began.elapsed(), Duration::from_secs(patience));
    }
}
