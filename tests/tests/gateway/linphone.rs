//! linphone, which is a softphone of others with its own SIP, its own media and its own TLS.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, GatewayConfig, TlsListen, TlsOptions};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, RoomEvent};
use trunkline_media::tone::{Sine, sine, strength_dbfs};
use trunkline_media::{SampleRate, wav};
use trunkline_sip::sdp::Encryption;
use trunkline_tests::{peer, root, run};

use super::encrypted::certificate;
use super::house::{House, PATIENCE};

const WIDE: SampleRate = SampleRate::HZ_16000;

/// What the softphone plays, and what the room plays to it.
const FROM_PHONE: f64 = 1_100.0;
const FROM_ROOM: f64 = 1_700.0;

/// How a call is to be made.
#[derive(Clone, Copy)]
struct Way {
    codec: &'static str,
    rate: u32,
    /// Inside TLS, with keys for its sound.
    secret: bool,
    /// Where the gateway listens.
    ip: &'static str,
}

/// A softphone with its files; it is ended with this.
struct Softphone {
    process: Child,
    /// linphonec listens at one place for all of a user's, so there is one at a time.
    _alone: File,
}

impl Softphone {
    fn start(program: &Path, dir: &Path, way: Way) -> Self {
        let alone = File::create(std::env::temp_dir().join("trunkline-linphone.lock")).unwrap();
        alone.lock().unwrap();
        let log = File::create(dir.join("log")).unwrap();
        let process = Command::new(program)
            .args(["--pipe", "-d", "6", "-c"])
            .arg(configure(dir, way))
            .env("HOME", dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut phone = Self {
            process,
            _alone: alone,
        };
        let began = Instant::now();
        while !phone.does("soundcard use files").contains("wav files") {
            assert!(began.elapsed() < PATIENCE, "linphonec does not listen");
            assert!(
                phone.process.try_wait().unwrap().is_none(),
                "linphonec ended"
            );
        }
        phone.does(&format!("play {}", dir.join("song.wav").display()));
        phone.does(&format!("record {}", dir.join("heard.wav").display()));
        phone
    }

    /// What it says to a command.
    fn does(&self, command: &str) -> String {
        let mut shell = Command::new("linphonecsh");
        let output = run(shell.args(["generic", command]), Duration::from_secs(20));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        let _over = self.process.kill();
        let _over = self.process.wait();
    }
}

/// Writes its configuration and its song.
fn configure(dir: &Path, way: Way) -> PathBuf {
    let template = root().join("peers/linphone/linphonerc.template");
    let template = fs::read_to_string(template).unwrap();
    let (encryption, authority) = if way.secret {
        ("srtp", dir.join("gateway.pem").display().to_string())
    } else {
        ("none", String::new())
    };
    let is_v6 = way.ip.contains(':');
    let config = template
        .replace("@CODEC@", way.codec)
        .replace("@RATE@", &way.rate.to_string())
        .replace("@CHANNELS@", if way.codec == "opus" { "2" } else { "1" })
        .replace("@ENCRYPTION@", encryption)
        .replace("@CA@", &authority)
        .replace("@IPV6@", if is_v6 { "1" } else { "0" });
    let rc = dir.join("linphonerc");
    fs::write(&rc, config).unwrap();
    // Where it keeps its book of calls.
    fs::create_dir_all(dir.join(".local/share/linphone")).unwrap();
    let pcm = sine(WIDE, FROM_PHONE, -12.0, WIDE.samples_in_ms(30_000));
    fs::write(dir.join("song.wav"), wav::write(WIDE, 1, &pcm)).unwrap();
    rc
}

/// A gateway that listens where it is called, and whom to call there.
async fn house(dir: &Path, way: Way) -> (House, String) {
    let files = certificate(dir);
    let ip: IpAddr = way.ip.parse().unwrap();
    let tune = |config: &mut GatewayConfig| {
        config.udp = (ip, 0).into();
        config.tcp = Some((ip, 0).into());
        if way.secret {
            config.encryption = Encryption::Require;
            config.tls = TlsOptions {
                listen: Some(TlsListen {
                    address: (ip, 0).into(),
                    certificate: files,
                    client_authorities: None,
                }),
                peers: Vec::new(),
            };
        }
    };
    let house = House::with(AnswerPolicy::OnAgent, tune).await;
    let target = match house.gateway.tls_addr() {
        // It looks for names in certificates, not for addresses.
        Some(tls) => format!("sip:100@localhost:{};transport=tls", tls.port()),
        None => format!("sip:100@{}", house.gateway.addr()),
    };
    (house, target)
}

/// Both hear each other for two seconds.
async fn talks(way: Way) {
    let Some(program) = peer("linphonec") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (house, target) = house(dir.path(), way).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let here = dir.path().to_owned();
    let phone = tokio::task::spawn_blocking(move || {
        let phone = Softphone::start(&program, &here, way);
        phone.does(&format!("call {target}"));
        phone
    });
    let phone = phone.await.unwrap();
    let log = || fs::read_to_string(dir.path().join("log")).unwrap_or_default();
    let caller = async {
        loop {
            let event = events.next().await.unwrap();
            if let RoomEvent::TrackSubscribed(track) = event {
                return track;
            }
        }
    };
    let caller = timeout(PATIENCE, caller).await;
    let caller = caller.unwrap_or_else(|_| panic!("no call:\n{}", log()));
    let mut reader = PcmReader::new(caller.packets, 16_000).unwrap();
    let mut writer = PcmWriter::new(track, 16_000).unwrap();
    let mut sings = Sine::new(WIDE, FROM_ROOM, -12.0);
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    let mut in_room = Vec::new();
    for _ in 0..200 {
        clock.tick().await;
        let mut frame = [0; 320];
        sings.fill(&mut frame);
        writer.write_20ms(&frame).unwrap();
        let heard = timeout(PATIENCE, reader.next_20ms()).await.unwrap();
        in_room.extend_from_slice(heard.unwrap());
    }
    let tail = in_room.split_off(in_room.len() / 2);
    let low = strength_dbfs(&tail, WIDE, FROM_PHONE);
    assert!(
        low > -22.0,
        "room hears linphone at {low:.1} dBFS\n{}",
        log()
    );
    let phone = tokio::task::spawn_blocking(move || {
        phone.does("terminate");
        phone
    });
    let phone = phone.await.unwrap();
    house.no_calls_left().await;
    drop(phone);
    let heard = wav::read(&fs::read(dir.path().join("heard.wav")).unwrap()).unwrap();
    let rate = heard.rate;
    let heard = heard.to_mono();
    let middle = &heard[heard.len() / 2..];
    let high = strength_dbfs(middle, rate, FROM_ROOM);
    assert!(
        high > -22.0,
        "linphone hears the room at {high:.1} dBFS\n{}",
        log()
    );
    house.close().await;
}

const PLAIN: Way = Way {
    codec: "PCMU",
    rate: 8_000,
    secret: false,
    ip: "127.0.0.1",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_and_the_room_hear_each_other() {
    talks(PLAIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_speaks_g722() {
    talks(Way {
        codec: "G722",
        ..PLAIN
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_speaks_opus_over_ipv6() {
    talks(Way {
        codec: "opus",
        rate: 48_000,
        ip: "::1",
        ..PLAIN
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_speaks_under_keys_inside_tls() {
    talks(Way {
        codec: "PCMA",
        secret: true,
        ..PLAIN
    })
    .await;
}
