//! Calls out over TLS: whoever is at the other end has to be the domain that was dialled.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use livekit_protocol as proto;
use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, TlsListen, TlsOptions, TlsPeer};
use trunkline_client::room::{AudioOptions, RoomEvent};
use trunkline_media::SampleRate;
use trunkline_media::tone::strength_dbfs;
use trunkline_media::wav;
use trunkline_service::listen::CertificateFiles;
use trunkline_tests::{peer, run};

use super::authority::{Authority, in_one_file};
use super::dialling::{dial, recorded};
use super::dns::{Dns, PROVIDER};
use super::encrypted::{configure, dump};
use super::house::{House, PATIENCE, ROOM, next};
use super::peers::sings_over;

/// openssl, which takes one connection after another and writes down what it hears.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(files: &CertificateFiles, more: &[&str]) -> Option<Self> {
        let program = peer("openssl")?;
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let process = Command::new(program)
            .args([
                "s_server",
                "-quiet",
                "-alpn",
                "sip/2",
                "-accept",
                &format!("127.0.0.1:{port}"),
            ])
            .arg("-cert")
            .arg(&files.certificate)
            .arg("-key")
            .arg(&files.key)
            .args(more)
            // It ends with its input.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Some(Self { process, port })
    }

    /// The first line of what was said to it.
    async fn hears(&mut self) -> String {
        let heard = self.process.stdout.take().unwrap();
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(heard).read_line(&mut line).unwrap();
            line
        });
        timeout(PATIENCE, reading).await.unwrap().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// A house whose gateway believes this CA about the provider.
async fn house(dns: &Dns, authority: &Authority, shown: Option<CertificateFiles>) -> House {
    let address = dns.address;
    let believed = authority.file();
    House::with(AnswerPolicy::OnRoom, |config| {
        config.dns = vec![address];
        config.tls = TlsOptions {
            listen: None,
            peers: vec![TlsPeer {
                host: PROVIDER.to_owned(),
                authorities: Some(believed),
                certificate: shown,
                pins: Vec::new(),
            }],
        };
    })
    .await
}

fn order(identity: &str) -> proto::CreateSipParticipantRequest {
    proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: PROVIDER.to_owned(),
            transport: i32::from(proto::SipTransport::Tls),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "callee".to_owned(),
        room_name: ROOM.to_owned(),
        participant_identity: identity.to_owned(),
        wait_until_answered: true,
        ..Default::default()
    }
}

/// How a call ended in the journal, the latest one.
async fn ended(house: &House) -> String {
    let calls = house.store.calls().list(1).await.unwrap();
    let call = recorded(house, &calls[0].call_id).await;
    call.end_reason.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_the_domain_that_was_dialled_hears_nothing_and_why_is_told() {
    let (ours, other) = (Authority::new(), Authority::new());
    for (files, words, word) in [
        // The name of the server that the DNS names is not the domain's.
        (
            ours.certificate(&["s1.provider.test"], 2090),
            "its certificate is for",
            "tls_wrong_name",
        ),
        (
            ours.certificate(&[PROVIDER], 2020),
            "its certificate has expired",
            "tls_expired",
        ),
        (
            other.certificate(&[PROVIDER], 2090),
            "nobody this machine trusts has signed its certificate",
            "tls_unknown_issuer",
        ),
    ] {
        let Some(server) = Server::start(&files, &[]) else {
            return;
        };
        let dns = Dns::of("_sips._tcp", &[server.port]).await;
        let house = house(&dns, &ours, None).await;
        let error = dial(&house, order(word)).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(error.contains("no tls with provider.test"), "{error}");
        house.no_calls_left().await;
        assert_eq!(ended(&house).await, word);
        house.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_our_certificate_gets_it_and_says_so_where_there_is_none() {
    let ours = Authority::new();
    let files = ours.certificate(&[PROVIDER], 2090);
    let ca = ours.file();
    let wants = [
        "-Verify",
        "1",
        "-verify_return_error",
        "-CAfile",
        ca.to_str().unwrap(),
    ];
    let Some(server) = Server::start(&files, &wants) else {
        return;
    };
    let dns = Dns::of("_sips._tcp", &[server.port]).await;
    let bare = house(&dns, &ours, None).await;
    let error = dial(&bare, order("bare")).await.unwrap_err().to_string();
    assert!(
        error.contains("it does not take our certificate, or wants one"),
        "{error}"
    );
    bare.no_calls_left().await;
    assert_eq!(ended(&bare).await, "tls_our_certificate");
    bare.close().await;
    drop(server);

    let mut server = Server::start(&files, &wants).unwrap();
    let dns = Dns::of("_sips._tcp", &[server.port]).await;
    let shown = ours.certificate(&["gateway.example"], 2090);
    let known = house(&dns, &ours, Some(shown)).await;
    let (_, said) = tokio::join!(
        async {
            // Nobody answers; the call ends with its server.
            let _ended = dial(&known, order("known")).await;
        },
        async {
            let said = server.hears().await;
            drop(server);
            said
        }
    );
    assert_eq!(
        said.trim_end(),
        "INVITE sip:callee@provider.test;transport=tls SIP/2.0"
    );
    known.no_calls_left().await;
    known.close().await;
}

/// The first server's certificate had run out; the second one's had not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_a_bad_certificate_is_passed_over() {
    let ours = Authority::new();
    let late = ours.certificate(&[PROVIDER], 2020);
    let good = ours.certificate(&[PROVIDER], 2090);
    let (Some(first), Some(mut second)) = (Server::start(&late, &[]), Server::start(&good, &[]))
    else {
        return;
    };
    let dns = Dns::of("_sips._tcp", &[first.port, second.port]).await;
    let house = house(&dns, &ours, None).await;
    let (_, said) = tokio::join!(
        async {
            let _ended = dial(&house, order("passed")).await;
        },
        async {
            let said = second.hears().await;
            drop(second);
            said
        }
    );
    assert!(
        said.starts_with("INVITE sip:callee@provider.test"),
        "{said}"
    );
    house.no_calls_left().await;
    house.close().await;
}

/// The softphone sings 440 Hz and the room 1000 Hz, and no byte of either goes out in plain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_is_called_over_tls_by_its_domain_and_both_hear_each_other_under_keys() {
    let Some(baresip) = peer("baresip") else {
        return;
    };
    let ours = Authority::new();
    let files = ours.certificate(&[PROVIDER], 2090);
    let dir = tempfile::tempdir().unwrap();
    in_one_file(&files, &dir.path().join("both.pem"));
    // Whom it believes itself, which it wants to read though it connects to nobody.
    fs::copy(ours.file(), dir.path().join("gateway.pem")).unwrap();
    // It takes TLS one port further on.
    let port = (24_000 + u16::try_from(std::process::id() % 4_000).unwrap()..)
        .step_by(2)
        .find(|port| {
            let both = [*port, *port + 1];
            both.iter()
                .all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        })
        .unwrap();
    configure(
        dir.path(),
        "<sip:callee@127.0.0.1;transport=tls>;regint=0;answermode=auto;audio_codecs=PCMU;\
         mediaenc=srtp-mand",
    );
    let config = fs::read_to_string(dir.path().join("config")).unwrap();
    let config = config.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    let shown = format!("sip_certificate {}/both.pem\n", dir.path().display());
    fs::write(dir.path().join("config"), shown + &config).unwrap();
    let mut command = Command::new(baresip);
    command.arg("-f").arg(dir.path()).args(["-t", "9"]);
    let phone = tokio::task::spawn_blocking(move || run(&mut command, Duration::from_secs(40)));
    let is_up = async {
        while TcpStream::connect(("127.0.0.1", port + 1)).is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, is_up).await.unwrap();
    let dns = Dns::of("_sips._tcp", &[port + 1]).await;
    // It hangs up over a connection of its own.
    let (address, tls) = (dns.address, listens(&ours));
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.dns = vec![address];
        config.tls = tls;
    })
    .await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let mut order = order("callee");
    order.media = Some(proto::SipMediaConfig {
        encryption: Some(i32::from(proto::SipMediaEncryption::SipMediaEncryptRequire)),
        ..Default::default()
    });
    dial(&house, order).await.unwrap();
    let heard = next(&mut events, "the softphone's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    sings_over(heard.packets, track).await;
    let output = phone.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let file = dump(dir.path()).unwrap_or_else(|| panic!("no recording:\n{said}"));
    let heard = wav::read(&fs::read(file).unwrap()).unwrap().to_mono();
    let high = strength_dbfs(&heard[8000..24_000], SampleRate::HZ_8000, 1000.0);
    assert!(high > -30.0, "softphone hears the room at {high:.1} dBFS");
    house.no_calls_left().await;
    house.close().await;
}

/// For a registrar that calls back inside TLS.
pub(crate) fn listens(authority: &Authority) -> TlsOptions {
    TlsOptions {
        listen: Some(TlsListen {
            address: "127.0.0.1:0".parse().unwrap(),
            certificate: authority.certificate(&["127.0.0.1"], 2090),
            client_authorities: None,
        }),
        peers: vec![TlsPeer {
            host: PROVIDER.to_owned(),
            authorities: Some(authority.file()),
            certificate: None,
            pins: Vec::new(),
        }],
    }
}
