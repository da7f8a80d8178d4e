//! Softphones of others, over TLS and with encrypted audio.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use trunkline_bridge::sip::{AnswerPolicy, TlsListen, TlsOptions};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, AudioTrack, RemoteTrack, RoomEvent};
use trunkline_media::SampleRate;
use trunkline_media::tone::{Sine, strength_dbfs};
use trunkline_media::wav;
use trunkline_service::listen::CertificateFiles;
use trunkline_sip::sdp::Encryption;
use trunkline_tests::{peer, root, run};

use super::house::{House, found, next};

/// A gateway that takes TLS, and only encrypted audio.
async fn house(dir: &Path) -> House {
    let files = certificate(dir);
    House::with(AnswerPolicy::OnAgent, |config| {
        config.encryption = Encryption::Require;
        config.tls = TlsOptions {
            listen: Some(TlsListen {
                address: "127.0.0.1:0".parse().unwrap(),
                certificate: files,
                client_authorities: None,
            }),
            peers: Vec::new(),
        };
    })
    .await
}

/// One that signed itself, for this machine.
pub(crate) fn certificate(dir: &Path) -> CertificateFiles {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let pair = rcgen::generate_simple_self_signed(names).unwrap();
    let write = |name: &str, what: &str, der: &[u8]| {
        let body = STANDARD.encode(der);
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(text).collect();
        let pem = format!(
            "-----BEGIN {what}-----\n{}\n-----END {what}-----\n",
            lines.join("\n")
        );
        let file = dir.join(name);
        fs::write(&file, pem).unwrap();
        file
    };
    CertificateFiles {
        certificate: write("gateway.pem", "CERTIFICATE", pair.cert.der()),
        key: write(
            "gateway.key",
            "PRIVATE KEY",
            &pair.signing_key.serialize_der(),
        ),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The configuration of a baresip that has 440 Hz for a microphone.
pub(crate) fn configure(dir: &Path, account: &str) {
    let peers = root().join("peers/baresip");
    let template = fs::read_to_string(peers.join("config.template")).unwrap();
    let voice = dir.join("voice.wav");
    let mut pcm = vec![0; 8000 * 20];
    Sine::new(SampleRate::HZ_8000, 440.0, -12.0).fill(&mut pcm);
    fs::write(&voice, wav::write(SampleRate::HZ_8000, 1, &pcm)).unwrap();
    let config = template
        .replace("@DIR@", &dir.display().to_string())
        .replace("@WAV@", &voice.display().to_string());
    let more = format!(
        "module srtp.so\nsip_cafile {0}/gateway.pem\nnet_interface 127.0.0.1\n",
        dir.display()
    );
    fs::write(dir.join("config"), format!("{more}{config}")).unwrap();
    fs::write(dir.join("accounts"), format!("{account}\n")).unwrap();
}

/// What the softphone heard.
pub(crate) fn dump(dir: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    files
        .into_iter()
        .find(|file| file.to_string_lossy().ends_with("-dec.wav"))
}

/// Somebody in the room who sings 1000 Hz for as long as the caller is there.
async fn sing(track: AudioTrack) {
    let mut writer = PcmWriter::new(track, 16_000).unwrap();
    let mut high = Sine::new(SampleRate::HZ_16000, 1000.0, -12.0);
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    loop {
        clock.tick().await;
        let mut frame = [0; 320];
        high.fill(&mut frame);
        if writer.write_20ms(&frame).is_err() {
            return;
        }
    }
}

/// Two seconds of the caller, from the second on.
async fn heard_in_room(track: RemoteTrack) -> f64 {
    let mut reader = PcmReader::new(track.packets, 16_000).unwrap();
    let mut pcm = Vec::new();
    for frame in 0..150 {
        let Some(heard) = reader.next_20ms().await else {
            break;
        };
        if frame >= 50 {
            pcm.extend_from_slice(heard);
        }
    }
    strength_dbfs(&pcm, SampleRate::HZ_16000, 440.0)
}

/// What the call's last row says, which is written when the call has said goodbye.
async fn media_of_the_call(house: &House) -> Value {
    found(&house.store, async |store| {
        let calls = store.calls().list(1).await.unwrap();
        calls.into_iter().find_map(|call| call.summary)
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "the singer of this test")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_calls_over_tls_and_both_sides_hear_each_other_under_keys() {
    let Some(baresip) = peer("baresip") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let house = house(dir.path()).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    configure(
        dir.path(),
        "<sip:4711@127.0.0.1;transport=tls>;regint=0;audio_codecs=PCMU;mediaenc=srtp-mand",
    );
    let port = house.gateway.tls_addr().unwrap().port();
    let dial = format!("/dial sip:100@127.0.0.1:{port}");
    let mut command = Command::new(baresip);
    command
        .arg("-f")
        .arg(dir.path())
        .args(["-t", "8", "-e", &dial]);
    let singing = tokio::spawn(sing(track));
    let phone = tokio::task::spawn_blocking(move || run(&mut command, Duration::from_secs(40)));
    let caller = next(&mut events, "the caller's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    let heard = heard_in_room(caller).await;
    assert!(heard > -20.0, "room hears the phone at {heard:.1} dBFS");
    let output = phone.await.unwrap();
    singing.abort();
    let said = String::from_utf8_lossy(&output.stdout);
    let file = dump(dir.path()).unwrap_or_else(|| panic!("no recording:\n{said}"));
    let heard = wav::read(&fs::read(file).unwrap()).unwrap();
    let heard = heard.to_mono();
    let strength = strength_dbfs(&heard[heard.len() / 2..], SampleRate::HZ_8000, 1000.0);
    assert!(
        strength > -20.0,
        "phone hears the room at {strength:.1} dBFS:\n{said}"
    );
    house.no_calls_left().await;
    let row = media_of_the_call(&house).await.to_string();
    assert!(row.contains("AES_CM_128_HMAC_SHA1_80"), "{row}");
    house.close().await;
}
