//! Who gets in over HTTP, how slowly, and how plainly: the daemon's two ports as a stranger meets
//! them.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use reqwest::StatusCode;
use serde_json::Value;
use trunkline_base::id::ParticipantIdentity;
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, VideoGrant, sign};
use trunkline_client::auth::{LiveKitAuthManager, Role, TokenSpec};
use trunkline_tests::{Daemon, Setup, run, trunkline};

/// Longer than any answer takes on a busy machine, shorter than a clock that does not run.
const PATIENCE: Duration = Duration::from_secs(30);

const KEY: &str = "APIdoors";
const SECRET: &str = "a secret that is long enough for a test of doors";
const METRICS: &str = "a key for metrics";

fn key() -> ApiKey {
    ApiKey::new(KEY, SECRET)
}

/// In earnest: not in development mode.
fn in_earnest(files: Vec<(&'static str, String)>) -> Setup {
    Setup {
        files,
        without_agent: true,
        without_dev: true,
        env: vec![
            ("LIVEKIT_API_KEY", KEY.to_owned()),
            ("LIVEKIT_API_SECRET", SECRET.to_owned()),
            ("TRUNKLINE_METRICS_KEY", METRICS.to_owned()),
        ],
        ..Setup::default()
    }
}

fn security(changes: &str) -> (&'static str, String) {
    ("security.yaml", changes.to_owned())
}

fn connect(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that comes until the other end closes; panics when it does not.
fn rest(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    match stream.read_to_end(&mut got) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it stays open"),
        // A reset is an end, too.
        Ok(_) | Err(_) => String::from_utf8_lossy(&got).into_owned(),
    }
}

fn next(stream: &mut TcpStream) -> String {
    let mut got = [0; 4096];
    let length = stream.read(&mut got).unwrap_or(0);
    String::from_utf8_lossy(&got[..length]).into_owned()
}

fn ask(addr: &str, request: &str) -> String {
    let mut stream = connect(addr);
    stream.write_all(request.as_bytes()).unwrap();
    rest(&mut stream)
}

/// Unfinished headers were held for over 75 s, at both ports.
#[test]
fn an_unfinished_request_ends_its_connection_at_both_ports() {
    let clocks = security("http: {head: 1s, body: 1s, idle: 1s}\n");
    let daemon = Daemon::start(&in_earnest(vec![clocks]));
    let upgrade = "GET /rtc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    for port in ["http", "console"] {
        let addr = daemon.addr(port);
        for said in [
            "",
            "GET / HTTP/1.1\r\nX: ",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            upgrade,
        ] {
            let answer = ask(&addr, said);
            assert!(
                !answer.starts_with("HTTP/1.1"),
                "{port}: {said:?} got {answer}"
            );
        }
    }
}

/// Ten mebibytes were read before the token was looked at. Here none is ever sent.
#[test]
fn a_token_is_looked_at_before_a_body() {
    let daemon = Daemon::start(&in_earnest(Vec::new()));
    let now = UnixTime::from_system(std::time::SystemTime::now());
    let joiner = Claims::new("a", now, 60).with_video(VideoGrant::join("lobby"));
    let tokens = [
        String::new(),
        "Authorization: Bearer nonsense\r\n".to_owned(),
        format!(
            "Authorization: Bearer {}\r\n",
            sign(&joiner, &key()).unwrap()
        ),
    ];
    let paths = [
        ("http", "/twirp/livekit.RoomService/ListRooms"),
        ("http", "/twirp/livekit.RoomService/SendData"),
        ("http", "/twirp/livekit.SIP/CreateSIPParticipant"),
        ("console", "/api/events/EV_a/retry"),
    ];
    for (port, path) in paths {
        for token in &tokens {
            let mut stream = connect(&daemon.addr(port));
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\n{token}\
                 Content-Type: application/json\r\nContent-Length: 10485760\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            let answer = next(&mut stream);
            let refused = answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 403");
            assert!(refused, "{path} {token}: {answer}");
        }
    }
}

#[test]
fn one_source_holds_no_more_connections_than_its_share() {
    let caps = security("http: {strangers_per_source: 5}\n");
    let daemon = Daemon::start(&in_earnest(vec![caps]));
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for port in ["http", "console"] {
        let held: Vec<TcpStream> = (0..20)
            .map(|_| {
                let mut stream = connect(&daemon.addr(port));
                // What was turned away is closed by now, or will be.
                let _ = stream.write_all(request.as_bytes());
                stream
            })
            .collect();
        let answered = |mut stream: TcpStream| next(&mut stream).starts_with("HTTP/1.1");
        let served = held.iter().filter(|one| answered(one.try_clone().unwrap()));
        assert_eq!(served.count(), 5, "{port}");
    }
}

struct Asked<'a> {
    path: &'a str,
    token: Option<&'a str>,
    host: &'a str,
    more: &'a [(&'a str, &'a str)],
}

async fn status(daemon: &Daemon, asked: Asked<'_>) -> StatusCode {
    let url = format!("http://{}{}", daemon.addr("console"), asked.path);
    let mut request = reqwest::Client::new().get(url).header("host", asked.host);
    if let Some(token) = asked.token {
        request = request.bearer_auth(token);
    }
    for (name, value) in asked.more {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status()
}

fn admin() -> Secret<String> {
    let identity = ParticipantIdentity::parse("operator").unwrap();
    let spec = TokenSpec::new(Role::Admin, identity);
    let auth = LiveKitAuthManager::new(key().into());
    auth.mint_for(&spec, Duration::from_secs(60)).unwrap()
}

/// Loopback counted as authenticated: behind a proxy on this machine, everybody was.
#[tokio::test(flavor = "multi_thread")]
async fn being_on_this_machine_proves_nothing_to_the_console() {
    let daemon = Daemon::start(&in_earnest(Vec::new()));
    let admin = admin();
    let now = UnixTime::from_system(std::time::SystemTime::now());
    let lister = VideoGrant {
        room_list: true,
        ..VideoGrant::default()
    };
    let lister = sign(&Claims::new("a", now, 60).with_video(lister), &key()).unwrap();
    let own = daemon.addr("console");
    let ask = async |path: &str, token: Option<&str>, host: &str, more: &[(&str, &str)]| {
        let asked = Asked {
            path,
            token,
            host,
            more,
        };
        status(&daemon, asked).await.as_u16()
    };
    let forwarded: &[(&str, &str)] =
        &[("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1")];
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(path, None, &own, &[]).await, 200, "{path}");
    }
    for path in ["/api/calls", "/api/calls/SCL_a", "/api/events", "/metrics"] {
        assert_eq!(ask(path, None, &own, &[]).await, 401, "{path}");
        assert_eq!(ask(path, None, &own, forwarded).await, 401, "{path}");
        assert_eq!(ask(path, Some("nonsense"), &own, &[]).await, 401, "{path}");
        assert_eq!(ask(path, Some(&lister), &own, &[]).await, 403, "{path}");
        let good = ask(path, Some(admin.expose()), &own, &[]).await;
        assert!(matches!(good, 200 | 404), "{path}: {good}");
        // A name that somebody made point here.
        let rebound = ask(path, Some(admin.expose()), "evil.example:7890", &[]).await;
        assert_eq!(rebound, 421, "{path}");
        let page = [("origin", "https://evil.example")];
        let page = ask(path, Some(admin.expose()), &own, &page).await;
        assert_eq!(page, 403, "{path}");
    }
    assert_eq!(ask("/metrics", Some(METRICS), "localhost", &[]).await, 200);
    assert_eq!(ask("/api/calls", Some(METRICS), &own, &[]).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_development_the_console_is_open_to_this_machine_and_not_to_pages_it_looks_at() {
    let daemon = Daemon::start(&Setup {
        without_agent: true,
        ..Setup::default()
    });
    let own = daemon.addr("console");
    for (host, origin, expected) in [
        (own.as_str(), None, 200),
        ("localhost", None, 200),
        ("evil.example", None, 421),
        (own.as_str(), Some(("origin", "https://evil.example")), 403),
    ] {
        let asked = Asked {
            path: "/api/calls",
            token: None,
            host,
            more: origin.as_slice(),
        };
        assert_eq!(status(&daemon, asked).await.as_u16(), expected, "{host}");
    }
}

/// A certificate that signed itself and calls itself a CA's, as `openssl req -x509` makes it, and
/// its key.
fn self_signed(dir: &Path) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pair = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&pair).unwrap();
    let write = |name: &str, what: &str, der: &[u8]| {
        let path = dir.join(name);
        let body = STANDARD.encode(der);
        let pem = format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n");
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    (
        write("cert.pem", "CERTIFICATE", certificate.der()),
        write("key.pem", "PRIVATE KEY", &pair.serialize_der()),
    )
}

/// The node and the console started on 0.0.0.0 without TLS.
#[test]
fn ports_that_others_reach_are_encrypted_and_our_own_client_believes_a_named_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = self_signed(dir.path());
    let everywhere = |mut setup: Setup| {
        setup.env.push(("TRUNKLINE_HTTP", "0.0.0.0:0".to_owned()));
        setup
            .env
            .push(("TRUNKLINE_CONSOLE", "0.0.0.0:0".to_owned()));
        setup
    };
    let mut setup = everywhere(in_earnest(Vec::new()));
    setup
        .env
        .push(("TRUNKLINE_TLS_CERTIFICATE", certificate.clone()));
    setup.env.push(("TRUNKLINE_TLS_KEY", key));
    let daemon = Daemon::start(&setup);
    let port = daemon.addr("http").rsplit_once(':').unwrap().1.to_owned();
    let list = |ca: Option<&str>| {
        let mut command = trunkline();
        command.args([
            "room",
            "list",
            "--json",
            "--api-key",
            KEY,
            "--api-secret",
            SECRET,
        ]);
        command.args(["--url", &format!("wss://localhost:{port}")]);
        if let Some(ca) = ca {
            command.env("TRUNKLINE_CA_FILE", ca);
        }
        run(&mut command, PATIENCE)
    };
    let believed = list(Some(&certificate));
    let said = String::from_utf8_lossy(&believed.stderr).into_owned();
    assert!(believed.status.success(), "{said}\n{}", daemon.log());
    let rooms: Value = serde_json::from_slice(&believed.stdout).unwrap();
    assert!(rooms.to_string().contains("rooms"), "{rooms}");
    let stranger = list(None);
    let said = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(
        !stranger.status.success() && said.contains("ca_file"),
        "{said}"
    );
}

#[test]
fn a_port_that_others_reach_does_not_open_in_plain_text() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = trunkline();
    command.arg("serve");
    command
        .env("LIVEKIT_API_KEY", KEY)
        .env("LIVEKIT_API_SECRET", SECRET);
    command
        .env("TRUNKLINE_HTTP", "0.0.0.0:0")
        .env("TRUNKLINE_STORE", dir.path().join("t.db"));
    let refused = run(&mut command, PATIENCE);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(78), "{said}");
    for word in [
        "node.http",
        "transport.tls",
        "transport.proxies",
        "127.0.0.1",
    ] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
}

#[test]
fn what_is_kept_long_enough_is_pruned_by_the_verb() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(&Setup {
        data: Some(dir.path().to_owned()),
        ..in_earnest(Vec::new())
    });
    let mut command = trunkline();
    command.env("TRUNKLINE_STORE", daemon.data().join("trunkline.db"));
    command.args(["store", "prune", "--dry-run", "--json"]);
    let pruned = run(&mut command, PATIENCE);
    let answer: Value = serde_json::from_slice(&pruned.stdout).unwrap();
    assert_eq!(answer["dry_run"], true);
    assert_eq!(answer["pruned"]["calls"], 0);
    assert_eq!(answer["pruned"]["recordings"], 0);
}
