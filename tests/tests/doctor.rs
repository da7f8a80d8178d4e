//! `trunkline doctor`: each kind of fault is brought about, and has to be named with what mends it.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use trunkline_tests::{Daemon, Setup, livekit_yaml, root, run, trunkline};

const LIMIT: Duration = Duration::from_secs(90);
const SIP: &str = "livekit-sip-correct.yaml";

/// Somebody who has a set-up looked at.
struct Clinic {
    dir: TempDir,
    env: Vec<(&'static str, String)>,
}

impl Clinic {
    /// The shipped files, without an agent, some of them replaced.
    fn open(files: &[(&str, String)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(root().join("config")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            if name != "agent.yaml" {
                std::fs::copy(&path, dir.path().join(name)).unwrap();
            }
        }
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let store = dir.path().join("data/trunkline.db").display().to_string();
        let recordings = dir.path().join("data/recordings").display().to_string();
        let mut env = vec![
            ("TRUNKLINE_STORE", store),
            ("TRUNKLINE_RECORDINGS", recordings),
        ];
        for name in ["TRUNKLINE_HTTP", "TRUNKLINE_CONSOLE", "TRUNKLINE_SIP_UDP"] {
            env.push((name, free().to_string()));
        }
        env.push(("TRUNKLINE_SIP_TCP", env[4].1.clone()));
        Self { dir, env }
    }

    /// Sets a variable.
    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.to_string()));
        self
    }

    /// The doctor's exit code and findings.
    fn looks(&self, args: &[&str]) -> (i32, Findings) {
        let mut command = trunkline();
        command
            .args(["doctor", "--json", "--config"])
            .arg(self.dir.path())
            .args(args);
        for (name, value) in &self.env {
            command.env(name, value);
        }
        let output = run(&mut command, LIMIT);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let document: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
        let findings = document["findings"].as_array().unwrap().clone();
        (output.status.code().unwrap(), Findings(findings))
    }
}

struct Findings(Vec<Value>);

impl Findings {
    /// What one check found, about one thing where it looks at several: verdict, and all it says.
    fn of(&self, check: &str, about: &str) -> (String, String) {
        let fits = |one: &&Value| {
            one["check"] == check && one["about"].as_str().unwrap_or_default().contains(about)
        };
        let found = self.0.iter().find(fits);
        let found = found.unwrap_or_else(|| panic!("no {check} about {about} in {:#?}", self.0));
        (
            found["verdict"].as_str().unwrap().to_owned(),
            found.to_string(),
        )
    }

    fn fails(&self, check: &str, about: &str, words: &[&str]) {
        let (verdict, said) = self.of(check, about);
        assert_eq!(verdict, "fail", "{said}");
        for word in words {
            assert!(said.contains(word), "`{word}` is not in {said}");
        }
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn remote() -> (&'static str, String) {
    livekit_yaml(&[("server: embedded", "server: remote")])
}

/// Nothing runs, and everything could: a call is placed all the same.
#[test]
fn a_set_up_as_it_ships_is_well_and_a_call_through_it_is_heard() {
    let clinic = Clinic::open(&[]);
    let (exit, found) = clinic.looks(&["--dev"]);
    let said: Vec<String> = found.0.iter().map(ToString::to_string).collect();
    let said = said.join("\n");
    assert_ne!(exit, 2, "{said}");
    for (check, verdict) in [
        ("config", "pass"),
        ("livekit", "skip"),
        ("address", "pass"),
        ("sip_ports", "pass"),
        ("rtp_ports", "pass"),
        ("tls", "skip"),
        ("dns", "skip"),
        ("registration", "skip"),
        ("codecs", "pass"),
        ("models", "skip"),
    ] {
        assert_eq!(found.of(check, "").0, verdict, "{said}");
    }
    let (_, call) = found.of("call", "");
    assert!(
        call.contains("MOS") && call.contains("from mouth to ear"),
        "{call}"
    );
}

#[test]
fn files_that_cannot_be_read_are_a_failure_like_any_other() {
    let clinic = Clinic::open(&[(SIP, "gateway: {codecs: [PCMX]}\n".to_owned())]);
    let (exit, found) = clinic.looks(&["--dev"]);
    assert_eq!(exit, 2);
    found.fails("config", "", &[SIP, "PCMX", "config check"]);
}

/// `sip validate` called it a problem, and the doctor found nothing wrong.
#[test]
fn trunks_that_collide_are_a_failure_of_the_files() {
    let sip = "trunks:\n  - {key: one, numbers: ['+15550100'], allowed_addresses: [192.0.2.1]}\n  \
               - {key: two, numbers: ['+15550100'], allowed_addresses: [192.0.2.2]}\n";
    let clinic = Clinic::open(&[(SIP, sip.to_owned())]);
    let (exit, found) = clinic.looks(&["--dev", "config"]);
    assert_eq!(exit, 2);
    found.fails("config", "", &["`one` and `two`", "+15550100"]);
}

/// A daemon of the same files holds the ports, and has nothing registered that should be.
#[test]
fn a_daemon_that_runs_is_found_and_its_registrations_are_asked_for() {
    let dead = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sip = format!(
        "trunks:\n  - key: main\n    numbers: ['+15550100']\n    register: {{registrar: 'sip:{}', username: u, password: a-long-secret}}\n",
        dead.local_addr().unwrap()
    );
    let daemon = Daemon::start(&Setup {
        without_agent: true,
        files: vec![(SIP, sip.clone())],
        ..Setup::default()
    });
    let clinic = Clinic::open(&[(SIP, sip)])
        .with("TRUNKLINE_HTTP", daemon.addr("http"))
        .with("TRUNKLINE_CONSOLE", daemon.addr("console"))
        .with("TRUNKLINE_SIP_UDP", daemon.addr("sip"))
        .with("TRUNKLINE_SIP_TCP", daemon.addr("sip_tcp"));
    let (exit, found) = clinic.looks(&["--dev", "livekit", "clock", "sip_ports", "registration"]);
    assert_eq!(exit, 2);
    assert_eq!(found.of("livekit", "").0, "pass");
    let (verdict, said) = found.of("clock", "");
    assert!(verdict == "pass" && said.contains("--ntp"), "{said}");
    for transport in ["udp", "tcp"] {
        let (verdict, said) = found.of("sip_ports", transport);
        assert!(verdict == "pass" && said.contains("trunkline"), "{said}");
    }
    found.fails("registration", "main", &["not registered", "password"]);
}

#[test]
fn a_wrong_key_is_told_with_where_keys_are_set() {
    let daemon = Daemon::start(&Setup {
        without_agent: true,
        ..Setup::default()
    });
    let clinic = Clinic::open(&[remote()])
        .with("LIVEKIT_URL", daemon.url())
        .with("LIVEKIT_API_KEY", "devkey")
        .with("LIVEKIT_API_SECRET", "another secret than the server's own");
    let (exit, found) = clinic.looks(&["livekit", "clock"]);
    assert_eq!(exit, 2);
    found.fails("livekit", "", &["LIVEKIT_API_SECRET"]);
    assert_eq!(found.of("clock", "").0, "pass");
}

/// A server whose clock is ten minutes ahead.
#[test]
fn a_clock_that_is_off_is_told_by_how_much() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let date = http_date(SystemTime::now() + Duration::from_secs(600));
            let answer = format!(
                "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let clinic = Clinic::open(&[remote()])
        .with("LIVEKIT_URL", url)
        .with("LIVEKIT_API_KEY", "devkey")
        .with("LIVEKIT_API_SECRET", "a secret that is long enough for it");
    let (exit, found) = clinic.looks(&["clock"]);
    assert_eq!(exit, 2);
    found.fails("clock", "", &["s ahead of this machine's", "ntp"]);
}

/// The node shares this machine's clock, which somebody outside knows to be slow.
#[test]
fn a_clock_that_is_off_by_ntp_is_told_where_the_node_shares_it() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ntp = server.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut asked = [0; 48];
        while let Ok((_, from)) = server.recv_from(&mut asked) {
            let at = SystemTime::now() + Duration::from_secs(600);
            let unix = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let mut told = [0; 48];
            (told[0], told[1]) = (0x24, 2);
            told[24..32].copy_from_slice(&asked[40..]);
            told[40..44].copy_from_slice(
                &(u32::try_from(unix.as_secs()).unwrap() + SINCE_1900).to_be_bytes(),
            );
            let _ = server.send_to(&told, from);
        }
    });
    let clinic = Clinic::open(&[]);
    let (exit, found) = clinic.looks(&["--dev", "clock", "--ntp", &ntp]);
    assert_eq!(exit, 2);
    found.fails("clock", &ntp, &["s ahead of this machine's", "ntp"]);
}

/// From 1900, where NTP begins, to 1970.
const SINCE_1900: u32 = 2_208_988_800;

fn http_date(at: SystemTime) -> String {
    httpdate::fmt_http_date(at)
}

const G729: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                    m=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n";

/// A SIP server that answers OPTIONS with what it can hear, behind a router that writes its own address
/// into Via or not.
fn provider(meddles: bool, sdp: &'static str) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let mut answer = "SIP/2.0 200 OK\r\nServer: stand-in\r\n".to_owned();
            let kept = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
            for line in text
                .lines()
                .filter(|line| kept.iter().any(|name| line.starts_with(name)))
            {
                answer.push_str(&format!("{line}\r\n"));
            }
            if meddles {
                answer = answer.replace(&from.to_string(), "203.0.113.9:5060");
            }
            if !sdp.is_empty() {
                answer.push_str("Content-Type: application/sdp\r\n");
            }
            answer.push_str(&format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len()));
            let _ = socket.send_to(answer.as_bytes(), from);
        }
    });
    addr
}

#[test]
fn providers_that_are_dead_or_nowhere_and_routers_that_meddle_are_told_apart() {
    let (clean, behind) = (provider(false, ""), provider(true, ""));
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let closed = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let trunk = |key: &str, address: String| {
        format!("  - {{key: {key}, address: '{address}', numbers: ['+15550100']}}\n")
    };
    let mut sip = "trunks: []\noutbound:\n".to_owned();
    sip.push_str(&trunk("well", clean.to_string()));
    sip.push_str(&trunk("meddled", behind.to_string()));
    sip.push_str(&trunk("silent", silent.local_addr().unwrap().to_string()));
    sip.push_str(&trunk("closed", closed.to_string()));
    sip.push_str(&trunk("nowhere", "nowhere.invalid".to_owned()));
    sip.push_str(&trunk("odd", provider(false, G729).to_string()));
    let clinic = Clinic::open(&[(SIP, sip)]);
    let (exit, found) = clinic.looks(&["--dev", "dns", "provider", "alg", "codecs", "address"]);
    assert_eq!(exit, 2);
    for check in ["provider", "alg"] {
        let (verdict, said) = found.of(check, "well");
        assert_eq!(verdict, "pass", "{said}");
    }
    found.fails("provider", "silent", &["no answer", "firewall"]);
    found.fails("provider", "closed", &["nobody listens there"]);
    found.fails("dns", "nowhere", &["nowhere.invalid"]);
    found.fails("alg", "meddled", &["203.0.113.9:5060", "SIP ALG"]);
    found.fails("codecs", "odd", &["G.729", "licence", "PCMA"]);
    // Calls go out, and phones would be told an address of their own machine.
    found.fails("address", "", &["127.0.0.1", "TRUNKLINE_SIP_UDP"]);
}

#[test]
fn ports_of_others_and_addresses_that_are_not_here_are_told() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let clinic = Clinic::open(&[])
        .with("TRUNKLINE_SIP_UDP", addr)
        .with("TRUNKLINE_SIP_TCP", "192.0.2.1:5060");
    let (exit, found) = clinic.looks(&["--dev", "sip_ports"]);
    assert_eq!(exit, 2);
    found.fails(
        "sip_ports",
        "udp",
        &["another program", &format!("sport = :{}", addr.port())],
    );
    found.fails("sip_ports", "tcp", &["does not have that address"]);
}

/// A STUN server at two addresses of this machine; behind a filter nothing of the second comes through.
fn stun(is_filtered: bool) -> SocketAddr {
    let first = UdpSocket::bind("127.0.0.1:0").unwrap();
    let second = UdpSocket::bind("127.0.0.2:0").unwrap();
    let addr = first.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 100];
        while let Ok((length, from)) = first.recv_from(&mut buffer) {
            let SocketAddr::V4(seen) = from else { continue };
            let mut answer = vec![1, 1, 0, 24];
            answer.extend(&buffer[4..20]);
            let cookie = [0x21, 0x12, 0xa4, 0x42];
            let masked = |bytes: &[u8]| -> Vec<u8> {
                bytes
                    .iter()
                    .zip(cookie)
                    .map(|(byte, mask)| byte ^ mask)
                    .collect()
            };
            answer.extend([0, 0x20, 0, 8, 0, 1]);
            answer.extend(masked(&seen.port().to_be_bytes()));
            answer.extend(masked(&seen.ip().octets()));
            answer.extend([0x80, 0x2c, 0, 8, 0, 1, 0x0d, 0x96, 127, 0, 0, 2]);
            let asks_the_second = length > 20;
            if !asks_the_second {
                first.send_to(&answer, from).unwrap();
            } else if !is_filtered {
                second.send_to(&answer, from).unwrap();
            }
        }
    });
    addr
}

#[test]
fn what_strangers_send_to_the_ports_for_sound_comes_in_or_is_told() {
    let clinic = Clinic::open(&[]);
    let outside = |server: SocketAddr| {
        let stun = server.to_string();
        let (exit, found) = clinic.looks(&["--dev", "rtp_ports", "--stun", &stun]);
        (exit, found.of("rtp_ports", &stun).1)
    };
    let (exit, open) = outside(stun(false));
    assert!(
        exit == 0 && open.contains("take what strangers send"),
        "{open}"
    );
    let (exit, shut) = outside(stun(true));
    assert!(
        exit == 2 && shut.contains("forward udp 10000-20000"),
        "{shut}"
    );
}

/// The gateway asks where it is seen, and nobody answers it.
#[test]
fn a_gateway_that_asks_in_vain_where_it_is_seen_is_told() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = silent.local_addr().unwrap();
    let sip = format!("gateway:\n  stun: '{server}'\ntrunks: []\n");
    let clinic = Clinic::open(&[(SIP, sip)]);
    let (exit, found) = clinic.looks(&["--dev", "address"]);
    assert_eq!(exit, 2);
    found.fails(
        "address",
        "",
        &[&server.to_string(), "no answer", "gateway.stun"],
    );
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {what}-----\n{text}\n-----END {what}-----\n")
}

#[test]
fn a_certificate_that_is_over_is_told_before_phones_tell_it() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["sip.example.com".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let clinic = Clinic::open(&[]);
    let at = |name: &str| clinic.dir.path().join(name);
    std::fs::write(at("cert.pem"), pem("CERTIFICATE", certificate.der())).unwrap();
    std::fs::write(at("key.pem"), pem("PRIVATE KEY", &key.serialize_der())).unwrap();
    let sip = format!(
        "gateway:\n  tls: {{listen: '{}', certificate: '{}', key: '{}'}}\ntrunks: []\n",
        free(),
        at("cert.pem").display(),
        at("key.pem").display()
    );
    std::fs::write(at(SIP), sip).unwrap();
    let (exit, found) = clinic.looks(&["--dev", "tls"]);
    assert_eq!(exit, 2);
    found.fails(
        "tls",
        "gateway.tls",
        &["over since", "sip.example.com", "renewed"],
    );
}
