//! Calls as telephony people read them: the ladder, a file for Wireshark, records for a bill.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use trunkline_base::id::{CallId, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_store::{Bill, CallEnd, CallStart, Direction, EndedBy, SipMessage, Store};
use trunkline_tests::{Daemon, Setup, livekit_yaml, peer, root, run};

use super::desk::{LIMIT, Said, at, said};

const AT: u64 = 1_800_000_000_000;

/// A store with calls in it, and a home beside.
pub(crate) struct Archive {
    pub(crate) dir: tempfile::TempDir,
}

impl Archive {
    fn store(&self) -> PathBuf {
        self.dir.path().join("trunkline.db")
    }

    async fn open(&self) -> Store {
        let path = self.store().display().to_string();
        Store::open(&path).await.unwrap()
    }

    pub(crate) fn say(&self, args: &[&str]) -> Said {
        let mut command = at(self.dir.path(), args);
        command.env("TRUNKLINE_STORE", self.store());
        said(command.current_dir(self.dir.path()))
    }

    pub(crate) async fn with(calls: &[(&str, u64, &str)]) -> Self {
        let archive = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let store = archive.open().await;
        for (id, after, caller) in calls {
            let call_id = CallId::parse(*id).unwrap();
            let start = CallStart {
                call_id: call_id.clone(),
                room: Some(RoomName::parse("call-1").unwrap()),
                direction: Direction::Outbound,
                caller: (*caller).into(),
                called: "+4930123456".into(),
                trunk_id: "ST_out".to_owned(),
                rule_id: String::new(),
                at: UnixTime(AT + after),
            };
            store.calls().start(&start).await.unwrap();
            let answered = UnixTime(AT + after + 2_000);
            store.calls().answered(&call_id, answered).await.unwrap();
            let end = CallEnd {
                at: UnixTime(AT + after + 92_500),
                reason: "callee_hung_up".to_owned(),
                q850: Some(16),
                by: Some(EndedBy::Callee),
                bill: Some(Bill {
                    seconds: 91,
                    cost: Some("0.018".to_owned()),
                    currency: Some("EUR".to_owned()),
                }),
                summary: json!({ "media": { "codec": "PCMA", "mos": 4.36, "remote_mos": null } }),
                ..CallEnd::default()
            };
            store.calls().ended(&call_id, &end).await.unwrap();
        }
        store.close().await;
        archive
    }

    pub(crate) async fn keep(&self, messages: &[SipMessage]) {
        let store = self.open().await;
        store.sip_messages().keep(messages).await.unwrap();
        store.close().await;
    }
}

fn message(seq: u64, sent: bool, way: (&str, &str, &str), start: &str) -> SipMessage {
    let (transport, local, remote) = way;
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
         Call-ID: wire\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    );
    SipMessage {
        call_id: "SCL_1".to_owned(),
        seq,
        at_us: AT * 1000 + seq * 20_123,
        sent,
        transport: transport.to_owned(),
        local: local.to_owned(),
        remote: remote.to_owned(),
        bytes: text.into_bytes().into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_as_a_table_and_as_lines_of_json_with_the_same_columns() {
    let archive = Archive::with(&[
        ("SCL_1", 0, "+15550100"),
        ("SCL_2", 3_600_000, "=HYPERLINK(\"http://x\",\"call me\")"),
    ])
    .await;
    let table = archive.say(&["calls", "export"]);
    assert_eq!(table.code, Some(0), "{}", table.err);
    let lines: Vec<&str> = table.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", table.out);
    assert_eq!(
        lines[1],
        "SCL_1,outbound,+15550100,+4930123456,ST_out,,call-1,2027-01-15T08:00:00.000Z,\
         2027-01-15T08:00:02.000Z,2027-01-15T08:01:32.500Z,90.5,91,callee,callee_hung_up,,16,0.018,EUR,\
         PCMA,4.36,,gateway"
    );
    let told = lines[2].split_once("outbound,").unwrap().1;
    assert!(told.starts_with("\"'=HYPERLINK("), "{told}");

    let json = archive.say(&["calls", "export", "--format", "jsonl"]);
    let records: Vec<Value> = json
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let columns: Vec<&String> = records[0].as_object().unwrap().keys().collect();
    let header: Vec<&str> = lines[0].split(',').collect();
    assert_eq!(columns, header);
    assert_eq!(
        (&records[0]["q850"], &records[0]["mos"]),
        (&json!(16), &json!(4.36))
    );
    assert_eq!(records[0]["sip_status"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_cut_out_and_a_file_is_written() {
    let archive = Archive::with(&[("SCL_1", 0, "1"), ("SCL_2", 3_600_000, "2")]).await;
    let ids = |args: &[&str]| {
        let said = archive.say(&[&["calls", "export", "--format", "jsonl"], args].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["call_id"].clone();
        said.out.lines().map(id).collect::<Vec<Value>>()
    };
    assert_eq!(ids(&["--since", "2027-01-15T08:30:00Z"]), ["SCL_2"]);
    assert_eq!(ids(&["--until", "2027-01-15T10:30:00+02:00"]), ["SCL_1"]);
    assert_eq!(ids(&["--since", "2027-01-16"]).len(), 0);
    let wrong = archive.say(&["calls", "export", "--since", "tomorrow"]);
    assert_eq!(wrong.code, Some(64));
    assert!(wrong.err.contains("2026-11-01"), "{}", wrong.err);
    let never = archive.say(&[
        "calls",
        "export",
        "--since",
        "2027-02-01",
        "--until",
        "2027-01-01",
    ]);
    assert_eq!(never.code, Some(64), "{}", never.err);
    let file = archive.say(&["calls", "export", "-o", "calls.csv"]);
    assert!(
        file.err.contains("2 calls are in calls.csv"),
        "{}",
        file.err
    );
    let written = std::fs::read_to_string(archive.dir.path().join("calls.csv")).unwrap();
    assert_eq!(written.lines().count(), 3);
}

/// tshark's word on some fields of every packet.
pub(crate) fn tshark(file: &Path, fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let program = peer("tshark")?;
    let mut command = Command::new(program);
    command.arg("-r").arg(file).args(["-T", "fields"]);
    for layer in ["ip", "udp", "tcp"] {
        command.args(["-o", &format!("{layer}.check_checksum:TRUE")]);
    }
    for field in fields {
        command.args(["-e", field]);
    }
    let output = run(&mut command, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str| line.split('\t').map(str::to_owned).collect();
    Some(text.lines().map(row).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn wireshark_reads_a_calls_packets_their_times_and_their_sums() {
    let archive = Archive::with(&[("SCL_1", 0, "1")]).await;
    let v4 = ("udp", "192.0.2.1:5060", "198.51.100.7:5080");
    let v6 = ("tcp", "[2001:db8::1]:5060", "[2001:db8::7]:40000");
    let tls = ("tls", "192.0.2.1:5061", "198.51.100.7:40001");
    archive
        .keep(&[
            message(1, false, v4, "INVITE sip:100@h SIP/2.0"),
            message(2, true, v4, "SIP/2.0 100 Trying"),
            message(3, false, v6, "INVITE sip:200@h SIP/2.0"),
            message(4, true, v6, "SIP/2.0 200 OK"),
            message(5, true, tls, "BYE sip:300@h SIP/2.0"),
        ])
        .await;
    let said = archive.say(&["calls", "pcap", "SCL_1"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out.contains("5 messages are in SCL_1.pcap"),
        "{}",
        said.out
    );
    let file = archive.dir.path().join("SCL_1.pcap");
    let fields = [
        "frame.time_epoch",
        "ip.src",
        "ipv6.src",
        "sip.Method",
        "sip.Status-Code",
        "sip.Call-ID",
        "ip.checksum.status",
        "udp.checksum.status",
        "tcp.checksum.status",
    ];
    let Some(rows) = tshark(&file, &fields) else {
        return;
    };
    let expected = [
        "1800000000.020123000|198.51.100.7||INVITE||wire|1|1|",
        "1800000000.040246000|192.0.2.1|||100|wire|1|1|",
        "1800000000.060369000||2001:db8::7|INVITE||wire|||1",
        "1800000000.080492000||2001:db8::1||200|wire|||1",
        "1800000000.100615000|192.0.2.1||BYE||wire|1||1",
    ];
    let rows: Vec<String> = rows.iter().map(|row| row.join("|")).collect();
    assert_eq!(rows, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ladder_is_plain_where_nobody_watches_and_a_call_without_one_says_why() {
    let archive = Archive::with(&[("SCL_1", 0, "1"), ("SCL_2", 1, "1")]).await;
    let way = ("udp", "192.0.2.1:5060", "198.51.100.7:5080");
    let ok = message(2, true, way, "SIP/2.0 200 OK");
    let again = SipMessage {
        seq: 3,
        ..ok.clone()
    };
    let first = message(1, false, way, "INVITE sip:100@h SIP/2.0");
    archive.keep(&[first, ok, again]).await;
    let said = archive.say(&["calls", "show", "SCL_1", "--sip"]);
    assert!(said.out.contains("| INVITE 1 ---"), "{}", said.out);
    assert!(
        said.out.contains("200 OK (1 INVITE) |  [2 times]"),
        "{}",
        said.out
    );
    assert!(said.out.is_ascii(), "{}", said.out);
    let document = archive.say(&["calls", "show", "SCL_1", "--sip", "--json"]);
    let document: Value = serde_json::from_str(&document.out).unwrap();
    assert_eq!(document["sip"][1]["status"], 200);
    for verb in [
        &["calls", "show", "SCL_2", "--sip"][..],
        &["calls", "pcap", "SCL_2"],
    ] {
        let said = archive.say(verb);
        assert_eq!(said.code, Some(66));
        assert!(said.err.contains("gateway.capture.sip"), "{}", said.err);
    }
    let shown = archive.say(&["calls", "show", "SCL_1"]).out;
    for part in [
        "by callee",
        "Q.850 16 (normal clearing)",
        "billed 91 s, 0.018 EUR",
        "MOS 4.36",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

/// A daemon that answers every phone at once, as the operator of a line without agents has it, and
/// tells a receiver.
fn daemon(receiver: &str) -> Daemon {
    let name = "livekit-sip-correct.yaml";
    let text = std::fs::read_to_string(root().join("config").join(name)).unwrap();
    let text = text.replace("answer: on_agent", "answer: on_room");
    let text = text.replace("    agents: [trunkline]", "    agents: []");
    let hooks = format!("webhooks: [\"{receiver}\"]");
    Daemon::start(&Setup {
        files: vec![(name, text), livekit_yaml(&[("webhooks: []", &hooks)])],
        without_agent: true,
        ..Setup::default()
    })
}

/// A receiver of webhooks that is somebody else's: what it is told of calls, each signed.
struct Inbox {
    listener: TcpListener,
}

impl Inbox {
    async fn open() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.listener.local_addr().unwrap())
    }

    /// So many events of calls, as they come.
    async fn events(&self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            let (stream, _) = timeout(LIMIT, self.listener.accept())
                .await
                .expect("an event")
                .unwrap();
            let (head, body) = posted(stream).await;
            let event: Value = serde_json::from_slice(&body).unwrap();
            let kind = event["event"].as_str().unwrap().to_owned();
            let token = head
                .lines()
                .find_map(|line| line.strip_prefix("authorization: "))
                .unwrap();
            let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
            let claims = keys.verify(token, UnixTime::from_system(SystemTime::now()));
            assert_eq!(
                claims.unwrap().sha256,
                STANDARD.encode(Sha256::digest(&body)),
                "{kind}"
            );
            if kind.starts_with("call_") {
                events.push(event);
            }
        }
        events
    }
}

/// One request, which is answered, and the connection with it.
async fn posted(mut stream: TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap().trim().parse().unwrap();
            if bytes.len() >= end + 4 + length {
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.unwrap();
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                return (head, bytes.split_off(end + 4));
            }
        }
        let read = timeout(LIMIT, stream.read_buf(&mut bytes)).await.unwrap();
        assert!(read.unwrap() > 0, "half a request");
    }
}

/// What the receivers of webhooks are told of a call, and everything it leaves behind.
#[tokio::test(flavor = "multi_thread")]
async fn receivers_hear_of_a_call_from_its_ring_to_its_end() {
    let inbox = Inbox::open().await;
    let daemon = daemon(&inbox.url());
    let target = format!("sip:100@{}", daemon.addr("sip"));
    let talk = async {
        let call = Caller::call(CallerOptions::new(target, "4711"));
        call.await.unwrap().hangup().await
    };
    let (told, _) = tokio::join!(inbox.events(3), talk);
    let kinds = told.iter().map(|one| one["event"].as_str().unwrap());
    assert!(kinds.eq(["call_started", "call_answered", "call_ended"]));
    for (event, column) in told.iter().zip(["started_at", "answered_at", "ended_at"]) {
        assert!(event["call"][column].is_string(), "{event}");
    }
    let ended = &told[2]["call"];
    assert_eq!(
        (&ended["ended_by"], &ended["q850"], &ended["caller"]),
        (&json!("caller"), &json!(16), &json!("4711"))
    );
    assert_eq!(
        stored(&daemon).await,
        ["call_started", "call_answered", "call_ended"]
    );
    let id = ended["call_id"].as_str().unwrap();
    let verb = |args: &[&str]| {
        let mut command = at(daemon.data(), args);
        said(command.env("TRUNKLINE_STORE", daemon.data().join("trunkline.db")))
    };
    let record = verb(&["calls", "export", "--format", "jsonl"]).out;
    assert_eq!(&serde_json::from_str::<Value>(&record).unwrap(), ended);
    // What went over the wire is written once a second.
    let mut look = tokio::time::interval(Duration::from_millis(50));
    let mut ladder = verb(&["calls", "show", id, "--sip"]);
    for _ in 0..40 {
        if ladder.out.contains("BYE 2 ----") {
            break;
        }
        look.tick().await;
        ladder = verb(&["calls", "show", id, "--sip"]);
    }
    assert!(
        ladder.out.contains("BYE 2 ----"),
        "{}{}",
        ladder.out,
        ladder.err
    );
}

/// The events of calls that the console has taken.
async fn stored(daemon: &Daemon) -> Vec<String> {
    let url = format!("http://{}/api/events?limit=200", daemon.addr("console"));
    let mut look = tokio::time::interval(Duration::from_millis(50));
    let mut kinds = Vec::new();
    for _ in 0..400 {
        look.tick().await;
        let events: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
        let events = events["events"].as_array().unwrap().iter();
        let words = events.map(|event| event["kind"].as_str().unwrap().to_owned());
        kinds = words.filter(|kind| kind.starts_with("call_")).collect();
        if kinds.len() >= 3 {
            break;
        }
    }
    kinds
}
