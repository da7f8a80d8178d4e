//! A call's sound, packet by packet, for those who look for what is wrong with it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use trunkline_bridge::sip::{Caller, CallerOptions};
use trunkline_sip::capture::{Captured, pcap};
use trunkline_sip::endpoint::{Flow, Transport};
use trunkline_sip::rtp::Header;
use trunkline_store::SipMessage;
use trunkline_tests::{Daemon, Setup, root};

use super::calls::{Archive, tshark};
use super::desk::{at, said};

/// What tells a packet's kind, and whether Wireshark can make sense of it.
const FIELDS: [&str; 8] = [
    "sip.Call-ID",
    "rtp.ssrc",
    "rtp.p_type",
    "rtpevent.event_id",
    "rtcp.pt",
    "_ws.malformed",
    "udp.checksum.status",
    "srtp.enc_payload",
];

/// A daemon that answers every phone at once, and keeps the sound of calls.
fn daemon() -> Daemon {
    let name = "livekit-sip-correct.yaml";
    let text = std::fs::read_to_string(root().join("config").join(name)).unwrap();
    let changes = [
        ("answer: on_agent", "answer: on_room"),
        ("    agents: [trunkline]", "    agents: []"),
        ("rtp: 0s ", "rtp: 30s "),
    ];
    let text = changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "the file does not say {from}");
        text.replace(from, to)
    });
    Daemon::start(&Setup {
        files: vec![(name, text)],
        without_agent: true,
        ..Setup::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn wireshark_reads_a_calls_sound_beside_its_sip_and_no_key_is_told() {
    let daemon = daemon();
    let target = format!("sip:100@{}", daemon.addr("sip"));
    let call = Caller::call(CallerOptions::new(target, "4711")).await;
    let mut call = call.unwrap();
    for _ in 0..50 {
        assert!(call.send(&[1_000; 160]).await);
    }
    assert!(call.dtmf("5").await);
    for _ in 0..100 {
        call.recv().await.expect("a packet");
    }
    call.hangup().await;
    let verb = |args: &[&str]| {
        let mut command = at(daemon.data(), args);
        command.env("TRUNKLINE_STORE", daemon.data().join("trunkline.db"));
        said(command.current_dir(daemon.data()))
    };
    let list = verb(&["calls", "list", "--json"]).out;
    let list: Value = serde_json::from_str(&list).unwrap();
    let id = list["calls"][0]["call_id"].as_str().unwrap();
    // What went over the wire is written once a second.
    let mut look = tokio::time::interval(Duration::from_millis(100));
    let mut answer = Value::Null;
    for _ in 0..100 {
        look.tick().await;
        let said = verb(&["calls", "pcap", id, "--rtp", "--json"]);
        answer = serde_json::from_str(&said.out).unwrap_or_default();
        if answer["packets"].as_u64() >= Some(200) && answer["messages"].as_u64() >= Some(6) {
            break;
        }
    }
    assert!(answer["packets"].as_u64() >= Some(200), "{answer}");
    let file = daemon.data().join(format!("{id}.pcap"));
    only_its_owners(&file);
    only_its_owners(
        &daemon
            .data()
            .join(format!("trunkline.db.captures/{id}.1.pcap")),
    );
    let Some(rows) = tshark(&file, &FIELDS) else {
        return;
    };
    let column = |at: usize| -> BTreeSet<&str> {
        let cells = rows.iter().map(|row| row[at].as_str());
        cells.filter(|cell| !cell.is_empty()).collect()
    };
    assert_eq!(column(1).len(), 2, "a stream each way: {:?}", column(1));
    assert_eq!(column(2), ["0", "101"].into());
    assert_eq!(column(3), ["255"].into(), "no key");
    assert!(column(5).is_empty(), "{:?}", column(5));
    assert_eq!(column(6), ["1"].into(), "each sum is right");
    for row in &rows {
        let kinds = [&row[0], &row[1], &row[4]];
        let known = kinds.iter().filter(|kind| !kind.is_empty()).count();
        assert_eq!(known, 1, "{row:?}");
    }
}

#[cfg(unix)]
fn only_its_owners(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", file.display());
}

#[cfg(not(unix))]
fn only_its_owners(_file: &Path) {}

const US: &str = "192.0.2.1:10000";
const THEM: &str = "198.51.100.7:4000";

/// Sound as it is kept: decrypted, whatever it was on the wire.
fn sound() -> Vec<u8> {
    let flow = Flow {
        transport: Transport::Udp,
        local: US.parse().unwrap(),
        remote: THEM.parse().unwrap(),
    };
    let packets = (0..20_u16).map(|sequence| {
        let header = Header {
            payload_type: 0,
            marker: false,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc: 7,
        };
        Captured {
            seq: 0,
            at_us: 1_800_000_001_000_000 + u64::from(sequence) * 20_000,
            sent: sequence.is_multiple_of(2),
            flow,
            bytes: header.write(&[0xff; 160]),
        }
    });
    pcap(&packets.collect::<Vec<Captured>>())
}

/// An INVITE or its answer with a description of encrypted sound, its key covered.
fn described(seq: u64, sent: bool, start: &str) -> SipMessage {
    let at: SocketAddr = if sent { US } else { THEM }.parse().unwrap();
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/SAVP 0\r\n\
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
        at.ip(),
        at.port()
    );
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@h>;tag=2\r\nCall-ID: wire\r\nCSeq: 1 INVITE\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    SipMessage {
        call_id: "SCL_1".to_owned(),
        seq,
        at_us: 1_800_000_000_000_000 + seq * 1_000,
        sent,
        transport: "udp".to_owned(),
        local: "192.0.2.1:5060".to_owned(),
        remote: "198.51.100.7:5080".to_owned(),
        bytes: text.into_bytes().into(),
    }
}

/// Its keys are covered, so that a reader that decrypts it with what stands there would hear noise.
#[tokio::test(flavor = "multi_thread")]
async fn wireshark_takes_decrypted_sound_for_what_it_is() {
    let archive = Archive::with(&[("SCL_1", 0, "1")]).await;
    let messages = [
        described(1, false, "INVITE sip:100@h SIP/2.0"),
        described(2, true, "SIP/2.0 200 OK"),
    ];
    archive.keep(&messages).await;
    let none = archive.say(&["calls", "pcap", "SCL_1", "--rtp"]);
    assert_eq!(none.code, Some(66));
    assert!(none.err.contains("gateway.capture.rtp"), "{}", none.err);
    let folder = archive.dir.path().join("trunkline.db.captures");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("SCL_1.1.pcap"), sound()).unwrap();
    let said = archive.say(&["calls", "pcap", "SCL_1", "--rtp", "-o", "all.pcap"]);
    assert!(
        said.out
            .contains("2 messages and 20 packets of sound are in all.pcap"),
        "{}{}",
        said.out,
        said.err
    );
    let Some(rows) = tshark(&archive.dir.path().join("all.pcap"), &FIELDS) else {
        return;
    };
    assert_eq!(rows.len(), 22);
    for row in &rows[2..] {
        assert_eq!(
            (row[1].as_str(), row[2].as_str(), row[7].as_str()),
            ("0x00000007", "0", ""),
            "{row:?}"
        );
    }
    assert!(rows.iter().all(|row| row[5].is_empty()));
}
