//! openssl as a SIP client inside TLS: it is answered where its certificate is good, and where it is
//! not the log says why.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_tests::{Daemon, Setup, peer};

/// A handshake and an answer take moments.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate and its key, in files.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

/// Somebody who signs certificates.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(dir: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = write(
            dir,
            &format!("{name}.pem"),
            "CERTIFICATE",
            issuer.as_ref().der(),
        );
        Self { issuer, file }
    }

    fn signs(&self, dir: &Path, name: &str, until: i32) -> Pair {
        let names = vec!["127.0.0.1".to_owned(), name.to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: write(
                dir,
                &format!("{name}.pem"),
                "CERTIFICATE",
                certificate.der(),
            ),
            key: write(
                dir,
                &format!("{name}.key"),
                "PRIVATE KEY",
                &key.serialize_der(),
            ),
        }
    }
}

fn write(dir: &Path, name: &str, what: &str, der: &[u8]) -> PathBuf {
    let file = dir.join(name);
    let body = STANDARD.encode(der);
    let lines: Vec<&[u8]> = body.as_bytes().chunks(64).collect();
    let body = String::from_utf8(lines.join(&b'\n')).unwrap();
    let pem = format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n");
    std::fs::write(&file, pem).unwrap();
    file
}

/// A gateway with that certificate, and perhaps one that asks clients for theirs.
fn daemon(own: &Pair, clients: Option<&Authority>) -> Daemon {
    let client_ca = clients.map_or_else(String::new, |clients| {
        format!("    client_ca: {}\n", clients.file.display())
    });
    let text = format!(
        "gateway:\n  answer: on_room\n  tls:\n    listen: 127.0.0.1:0\n    certificate: {}\n    key: {}\n\
         {client_ca}trunks:\n  - {{key: local, allowed_addresses: [127.0.0.0/8]}}\n\
         rules:\n  - {{key: calls, trunks: [local], individual: {{room_prefix: call}}}}\n",
        own.certificate.display(),
        own.key.display(),
    );
    Daemon::start(&Setup {
        files: vec![("livekit-sip-correct.yaml", text)],
        without_agent: true,
        ..Setup::default()
    })
}

/// What the gateway says to OPTIONS from a client that shows this, up to the end of the answer or of
/// the connection.
async fn asked(openssl: &Path, daemon: &Daemon, ca: &Path, shows: Option<&Pair>) -> String {
    let address = daemon.addr("sip_tls");
    let mut command = Command::new(openssl);
    command
        .args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-verify_ip",
            "127.0.0.1",
        ])
        .args(["-connect", &address, "-CAfile"])
        .arg(ca);
    if let Some(shows) = shows {
        command.arg("-cert").arg(&shows.certificate);
        command.arg("-key").arg(&shows.key);
    }
    let mut client = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let options = format!(
        "OPTIONS sip:{address};transport=tls SIP/2.0\r\n\
         Via: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bKopenssl;rport\r\nMax-Forwards: 70\r\n\
         From: <sip:openssl@127.0.0.1>;tag=1\r\nTo: <sip:{address}>\r\nCall-ID: openssl\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    let mut mouth = client.stdin.take().unwrap();
    // A client that was refused may be gone already.
    let _refused = mouth.write_all(options.as_bytes()).await;
    let mut ear = client.stdout.take().unwrap();
    let mut said = Vec::new();
    let hearing = async {
        while !said.ends_with(b"\r\n\r\n") {
            if ear.read_buf(&mut said).await.unwrap() == 0 {
                break;
            }
        }
    };
    timeout(PATIENCE, hearing).await.unwrap();
    drop(mouth);
    String::from_utf8(said).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_is_answered_inside_tls() {
    let Some(openssl) = peer("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let ca = Authority::new(dir.path(), "ca");
    let daemon = daemon(&ca.signs(dir.path(), "gateway", 2090), None);
    let answer = asked(&openssl, &daemon, &ca.file, None).await;
    assert!(answer.starts_with("SIP/2.0 200 OK"), "{answer}");
    assert!(answer.contains("Allow: INVITE"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_a_good_certificate_hears_nothing_and_the_log_says_why() {
    let Some(openssl) = peer("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (ca, clients, others) = (
        Authority::new(dir, "ca"),
        Authority::new(dir, "clients"),
        Authority::new(dir, "others"),
    );
    let daemon = daemon(&ca.signs(dir, "gateway", 2090), Some(&clients));
    let trunk = clients.signs(dir, "trunk", 2090);
    let late = clients.signs(dir, "late", 2020);
    let thief = others.signs(dir, "thief", 2090);
    for (shows, why) in [
        (Some(&late), "has expired"),
        (Some(&thief), "nobody of client_ca"),
        (None, "shows no certificate"),
    ] {
        let before = daemon.log().matches(why).count();
        let answer = asked(&openssl, &daemon, &ca.file, shows).await;
        assert_eq!(answer, "", "{why}");
        let log = daemon.log();
        assert_eq!(log.matches(why).count(), before + 1, "{why}:\n{log}");
    }
    let answer = asked(&openssl, &daemon, &ca.file, Some(&trunk)).await;
    assert!(answer.starts_with("SIP/2.0 200 OK"), "{answer}");
}

/// A new certificate, of another CA, comes into force while a call is up, and the call goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_changes_under_a_call() {
    let Some(openssl) = peer("openssl") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (old, new) = (Authority::new(dir, "old"), Authority::new(dir, "new"));
    let daemon = daemon(&old.signs(dir, "gateway", 2090), None);
    let target = format!("sip:100@{}", daemon.addr("sip"));
    let call = Caller::call(CallerOptions::new(target, "4711"));
    let mut call = timeout(PATIENCE, call).await.unwrap().unwrap();
    let answer = asked(&openssl, &daemon, &old.file, None).await;
    assert!(answer.starts_with("SIP/2.0 200 OK"), "{answer}");
    new.signs(dir, "gateway", 2090);
    let known = async { while asked(&openssl, &daemon, &new.file, None).await.is_empty() {} };
    timeout(PATIENCE, known).await.unwrap();
    assert_eq!(asked(&openssl, &daemon, &old.file, None).await, "");
    while timeout(Duration::ZERO, call.recv()).await.is_ok() {}
    for _ in 0..10 {
        let heard = timeout(PATIENCE, call.recv()).await.unwrap();
        assert!(heard.is_some(), "lost: {:?}", call.ended().await);
    }
    assert_eq!(call.hangup().await.cause, "local");
}
