//! linphone, which is a softphone of others with its own SIP, its own media and its own TLS.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, GatewayConfig, TlsListen, TlsOptions};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, RoomEvent};
use trunkline_media::SampleRate;
use trunkline_media::tone::{Sine, strength_dbfs};
use trunkline_sip::sdp::Encryption;

use super::encrypted::certificate;
use super::house::{House, PATIENCE};
use super::softphone::{PLAIN, Softphone, Way};

const WIDE: SampleRate = SampleRate::HZ_16000;

/// What the room plays to the softphone.
const FROM_ROOM: f64 = 1_700.0;

/// A gateway that listens where it is called, and whom to call there.
async fn house(dir: &Path, way: Way, secret: bool) -> (House, String) {
    let files = certificate(dir);
    let ip: IpAddr = way.ip.parse().unwrap();
    let tune = |config: &mut GatewayConfig| {
        config.udp = (ip, 0).into();
        config.tcp = Some((ip, 0).into());
        if secret {
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

/// Both hear each other for two seconds; inside TLS with keys for the sound, or not.
async fn talks(way: Way, secret: bool) {
    let dir = tempfile::tempdir().unwrap();
    let (house, target) = house(dir.path(), way, secret).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let authority = dir.path().join("gateway.pem");
    let authority = secret.then_some(authority.as_path());
    let Some(mut phone) = Softphone::start(way, authority).await else {
        return;
    };
    phone.does(&format!("call {target}")).await;
    let caller = async {
        loop {
            let event = events.next().await.unwrap();
            if let RoomEvent::TrackSubscribed(track) = event {
                return track;
            }
        }
    };
    let caller = timeout(PATIENCE, caller).await;
    let caller = caller.unwrap_or_else(|_| panic!("no call:\n{}", phone.log()));
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
    let low = strength_dbfs(&tail, WIDE, way.sings);
    assert!(
        low > -22.0,
        "room hears linphone at {low:.1} dBFS\n{}",
        phone.log()
    );
    phone.does("terminate").await;
    house.no_calls_left().await;
    phone.ends(1).await;
    let (heard, rate) = phone.heard();
    let middle = &heard[heard.len() / 2..];
    let high = strength_dbfs(middle, rate, FROM_ROOM);
    assert!(
        high > -22.0,
        "linphone hears the room at {high:.1} dBFS\n{}",
        phone.log()
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_and_the_room_hear_each_other() {
    talks(PLAIN, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_speaks_g722() {
    let way = Way {
        codec: "G722",
        ..PLAIN
    };
    talks(way, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_speaks_opus_over_ipv6() {
    let way = Way {
        codec: "opus",
        rate: 48_000,
        ip: "::1",
        ..PLAIN
    };
    talks(way, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn linphone_speaks_under_keys_inside_tls() {
    let way = Way {
        codec: "PCMA",
        ..PLAIN
    };
    talks(way, true).await;
}
