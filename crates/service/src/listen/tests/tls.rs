//! Certificates that change while connections are up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// A certificate that signed itself, and its key.
struct Pair {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

impl Pair {
    fn new() -> Self {
        Self::until(2090)
    }

    fn until(year: i32) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, key }
    }

    fn write(&self, files: &CertificateFiles) {
        std::fs::write(
            &files.certificate,
            pem("CERTIFICATE", self.certificate.der()),
        )
        .unwrap();
        std::fs::write(&files.key, pem("PRIVATE KEY", &self.key.serialize_der())).unwrap();
    }

    /// A connection of a client that believes this certificate and no other.
    async fn connect(&self, addr: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(addr).await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n")
}

fn files(dir: &tempfile::TempDir) -> CertificateFiles {
    CertificateFiles {
        certificate: dir.path().join("cert.pem"),
        key: dir.path().join("key.pem"),
    }
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut got = [0; 4096];
    let length = stream.read(&mut got).await.unwrap();
    String::from_utf8_lossy(&got[..length]).into_owned()
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_bad_one_for_none() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let (first, second) = (Pair::new(), Pair::new());
    first.write(&files);
    let certificates = Certificates::load(files.clone()).unwrap();
    let world = World::with(Door {
        tls: Some(certificates.clone()),
        ..Door::default()
    })
    .await;
    let mut old = first.connect(world.addr).await.unwrap();
    assert!(ask(&mut old).await.ends_with("hello"));
    assert!(!certificates.reload().unwrap());

    second.write(&files);
    assert!(certificates.reload().unwrap());
    assert!(first.connect(world.addr).await.is_err());
    let mut new = second.connect(world.addr).await.unwrap();
    assert!(ask(&mut new).await.ends_with("hello"));
    // Whoever was there before is still served.
    assert!(ask(&mut old).await.ends_with("hello"));

    // Somebody else's key, one that is over, half a file, and none at all.
    first.write(&files);
    std::fs::write(&files.key, pem("PRIVATE KEY", &second.key.serialize_der())).unwrap();
    let text = certificates.reload().unwrap_err().to_string();
    assert!(text.contains("is not the key of"), "{text}");
    Pair::until(2020).write(&files);
    let text = certificates.reload().unwrap_err().to_string();
    assert!(text.contains("time is over"), "{text}");
    std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
    let text = certificates.reload().unwrap_err().to_string();
    assert!(text.contains("holds no certificate"), "{text}");
    std::fs::remove_file(&files.key).unwrap();
    let text = certificates.reload().unwrap_err().to_string();
    assert!(text.contains("key.pem cannot be read"), "{text}");
    assert!(second.connect(world.addr).await.is_ok());
}

#[tokio::test]
async fn a_port_with_a_certificate_takes_plain_text_from_this_machine_and_handshakes_have_a_clock()
{
    let dir = tempfile::tempdir().unwrap();
    let files = files(&dir);
    let pair = Pair::new();
    pair.write(&files);
    let world = World::with(Door {
        tls: Some(Certificates::load(files).unwrap()),
        ..short()
    })
    .await;
    let plain = world.say(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert!(plain.ends_with("hello"), "{plain}");
    // Silence, and a handshake that never goes on.
    assert_eq!(world.say(b"").await, "");
    assert_eq!(world.say(&[0x16, 3, 1]).await, "");
}

#[test]
fn words_for_those_who_speak_plainly_have_the_length_they_say() {
    for answer in [connection::SPEAK_TLS, connection::NOT_FROM_THERE] {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let length = head.rsplit_once("Content-Length: ").unwrap().1;
        assert_eq!(length.parse(), Ok(body.len()));
    }
}
