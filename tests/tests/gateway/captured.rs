//! What Wireshark makes of a call.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_tests::{peer, run};

use super::house::{House, PATIENCE};

/// Packets heard before the phone hangs up: two seconds.
const HEARD: usize = 100;

/// A capture of the loopback interface, until it is stopped.
struct Capture {
    process: Child,
    file: PathBuf,
}

impl Capture {
    /// Begins, and waits until packets are taken.
    async fn start(tshark: &Path, dir: &Path) -> Self {
        let file = dir.join("call.pcapng");
        let process = Command::new(tshark)
            .args(["-i", "lo", "-q", "-f", "udp", "-w"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut capture = Self { process, file };
        let begun = async {
            let mut look = tokio::time::interval(Duration::from_millis(50));
            // Something has to be taken before the file is written to.
            let marker = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let itself = marker.local_addr().unwrap();
            while std::fs::metadata(&capture.file).map_or(0, |file| file.len()) < 500 {
                look.tick().await;
                assert!(
                    capture.process.try_wait().unwrap().is_none(),
                    "tshark may not capture here: it has to run as root or with dumpcap's rights"
                );
                marker.send_to(b"marker", itself).await.unwrap();
            }
        };
        timeout(PATIENCE, begun).await.unwrap();
        capture
    }

    /// Ends once the goodbye of a call is in it: packets come in batches.
    async fn stop(mut self, call_id: &str) -> PathBuf {
        let goodbye = format!("Call-ID: {call_id}\r\nCSeq: ");
        let written = async {
            let mut look = tokio::time::interval(Duration::from_millis(50));
            loop {
                look.tick().await;
                let bytes = std::fs::read(&self.file).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                let mut ends = text.match_indices(&goodbye).map(|(at, found)| {
                    let rest = text.get(at + found.len()..).unwrap_or_default();
                    rest.lines().next().unwrap_or_default().ends_with("BYE")
                });
                if ends.any(|is_bye| is_bye) {
                    return;
                }
            }
        };
        timeout(PATIENCE, written).await.unwrap();
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        self.process.wait().unwrap();
        self.file.clone()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _over = self.process.kill();
        let _over = self.process.wait();
    }
}

/// What tshark says of a capture.
fn read(tshark: &Path, file: &Path, port: u16, args: &[&str]) -> String {
    let mut command = Command::new(tshark);
    command.arg("-r").arg(file);
    command
        .args(["-d", &format!("udp.port=={port},sip")])
        .args(args);
    let output = run(&mut command, Duration::from_secs(30));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tshark_finds_a_call_well_formed_and_its_sound_whole() {
    let Some(tshark) = peer("tshark") else {
        return;
    };
    let house = House::open(AnswerPolicy::OnRoom).await;
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::start(&tshark, dir.path()).await;
    let mut call = house.call("100").await;
    for _ in 0..HEARD {
        assert!(timeout(PATIENCE, call.recv()).await.unwrap().is_some());
    }
    let call_id = call.call_id.clone();
    call.hangup().await;
    house.no_calls_left().await;
    let file = capture.stop(&call_id).await;
    let port = house.gateway.addr().port();
    // Other tests beside this one are captured too.
    let ours = format!("sip.Call-ID == \"{call_id}\"");
    let ladder = read(
        &tshark,
        &file,
        port,
        &[
            "-Y",
            &ours,
            "-T",
            "fields",
            "-e",
            "sip.Request-Line",
            "-e",
            "sip.Status-Line",
        ],
    );
    for expected in [
        "INVITE sip:100@",
        "SIP/2.0 100 ",
        "SIP/2.0 200 OK",
        "ACK sip:",
        "BYE sip:",
    ] {
        assert!(ladder.contains(expected), "no {expected}:\n{ladder}");
    }
    let wrong = format!("({ours}) && (_ws.malformed || _ws.expert.severity >= 0x600000)");
    assert_eq!(
        read(&tshark, &file, port, &["-Y", &wrong]),
        "",
        "wireshark complains"
    );
    let sdp = format!("({ours}) && sdp.media.port");
    let ports = read(
        &tshark,
        &file,
        port,
        &["-Y", &sdp, "-T", "fields", "-e", "sdp.media.port"],
    );
    let streams = read(&tshark, &file, port, &["-q", "-z", "rtp,streams"]);
    let mut media: Vec<&str> = ports.split_whitespace().collect();
    media.dedup();
    assert_eq!(media.len(), 2, "{ports}");
    let from = |port: &str| {
        let fits = |line: &&str| line.split_whitespace().nth(3) == Some(port);
        streams
            .lines()
            .find(fits)
            .unwrap_or_else(|| panic!("none from {port}:\n{streams}"))
    };
    for port in media {
        let line = from(port);
        assert!(line.contains("g711U") || line.contains("PCMU"), "{line}");
        assert!(line.contains("0 (0.0%)"), "packets are missing: {line}");
    }
    house.close().await;
}
