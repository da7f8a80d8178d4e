//! Other people's programs place calls and take them: the official Python SDK and baresip.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use livekit_protocol as proto;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use trunkline_bridge::sip::{AnswerPolicy, Referrer};
use trunkline_client::api::table;
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, AudioTrack, MediaReceiver, RoomEvent};
use trunkline_media::SampleRate;
use trunkline_media::tone::{Sine, sine, strength_dbfs};
use trunkline_media::wav;
use trunkline_store::Direction;
use trunkline_tests::{peer, python, root, run};

use super::callee::Callee;
use super::dialling::{has, until_one};
use super::house::{House, ROOM, next};
use super::passed::over;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_sdk_places_a_call_and_is_told_why_another_failed() {
    let Some(python) = python() else { return };
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut callee = Callee::new().await;
    let dial = |callee: &Callee| {
        let mut command = Command::new(&python);
        command
            .arg(root().join("peers/livekit-api-python/dial.py"))
            .args(["--url", &house.node.url().replace("ws://", "http://")])
            .args(["--room", ROOM, "--address", &callee.address()]);
        tokio::task::spawn_blocking(move || {
            let output = run(&mut command, Duration::from_secs(40));
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{told}"))
        })
    };
    let busy = dial(&callee);
    callee.is_called().await;
    callee.says("486 Busy Here", "", "").await;
    callee.expects("ACK").await;
    let told = busy.await.unwrap();
    assert_eq!(told["code"], "resource_exhausted", "{told}");
    assert_eq!(told["sip_status_code"], 486);
    assert_eq!(told["sip_status"], "Busy Here");
    house.no_calls_left().await;
    let answered = dial(&callee);
    callee.picks_up().await;
    let told = answered.await.unwrap();
    assert_eq!(
        (&told["identity"], &told["room"]),
        (&"callee".into(), &ROOM.into())
    );
    assert!(told["call"].as_str().unwrap().starts_with("SCL_"), "{told}");
    callee.hangs_up("").await;
    house.no_calls_left().await;
    house.close().await;
}

/// Below those the system gives out, from which the sockets of tests beside this one come.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 5_000).unwrap();
    let is_free = |port: &u16| UdpSocket::bind(("127.0.0.1", *port)).is_ok();
    (first..30_000).find(is_free).unwrap()
}

/// The softphone sings 440 Hz and the room 1000 Hz.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_is_called_and_both_hear_each_other() {
    let Some(baresip) = peer("baresip") else {
        return;
    };
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let port = free_port();
    let dir = tempfile::tempdir().unwrap();
    configure(dir.path(), port);
    let mut command = Command::new(baresip);
    command.arg("-f").arg(dir.path()).args(["-t", "9"]);
    let softphone = tokio::task::spawn_blocking(move || run(&mut command, Duration::from_secs(40)));
    let order = proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: format!("127.0.0.1:{port}"),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "callee".to_owned(),
        room_name: ROOM.to_owned(),
        wait_until_answered: true,
        ..Default::default()
    };
    let placed = house.api.call(&table::CREATE_SIP_PARTICIPANT, order).await;
    assert_eq!(placed.unwrap().participant_identity, "sip_callee");
    let heard = next(&mut events, "the softphone's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    sings_over(heard.packets, track).await;
    let output = softphone.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let on_phone = dump(dir.path()).unwrap_or_else(|| panic!("no recording:\n{said}"));
    let high = strength_dbfs(&on_phone, SampleRate::HZ_8000, 1000.0);
    assert!(high > -30.0, "softphone hears the room at {high:.1} dBFS");
    house.close().await;
}

/// The softphone calls, and passes its call on to a telephone of ours; then it hangs up by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_passes_its_call_on_and_hears_how_that_went() {
    let Some(baresip) = peer("baresip") else {
        return;
    };
    let mut callee = Callee::new().await;
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.referrers = vec![Referrer {
            direction: Direction::Inbound,
            key: "local".to_owned(),
            over: over(&callee),
        }];
    })
    .await;
    let (_room, _events) = house.participant().await;
    let control = free_control();
    let dir = tempfile::tempdir().unwrap();
    // It is called by nobody.
    configure(dir.path(), 0);
    let config = dir.path().join("config");
    let text = fs::read_to_string(&config).unwrap();
    let commands = format!("module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control}\n");
    fs::write(&config, format!("{text}{commands}")).unwrap();
    let mut command = Command::new(baresip);
    let dial = format!("/dial {}", house.target("100"));
    command
        .arg("-f")
        .arg(dir.path())
        .args(["-t", "20", "-e", &dial]);
    let softphone = tokio::task::spawn_blocking(move || run(&mut command, Duration::from_secs(40)));
    let caller = "sip_callee";
    until_one(&house, caller, "active", has("sip.callStatus", "active")).await;
    let mut commands = TcpStream::connect(("127.0.0.1", control)).await.unwrap();
    let wish = format!(
        r#"{{"command":"transfer","params":"sip:102@{}"}}"#,
        callee.address()
    );
    let wish = format!("{}:{wish},", wish.len());
    commands.write_all(wish.as_bytes()).await.unwrap();
    callee.picks_up().await;
    until_one(&house, caller, "passed on", has("sip.transfer", "done")).await;
    until_one(&house, caller, "its number", has("sip.phoneNumber", "102")).await;
    callee.hangs_up("").await;
    house.no_calls_left().await;
    let quit = r#"{"command":"quit"}"#;
    let quit = format!("{}:{quit},", quit.len());
    commands.write_all(quit.as_bytes()).await.unwrap();
    softphone.await.unwrap();
    house.close().await;
}

fn free_control() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

fn configure(dir: &Path, port: u16) {
    let peers = root().join("peers/baresip");
    let song = dir.join("song.wav");
    let pcm = sine(SampleRate::HZ_8000, 440.0, -12.0, 8000 * 30);
    fs::write(&song, wav::write(SampleRate::HZ_8000, 1, &pcm)).unwrap();
    let template = fs::read_to_string(peers.join("config.template")).unwrap();
    let config = template
        .replace("@DIR@", &dir.display().to_string())
        .replace("@WAV@", &song.display().to_string())
        .replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    // It takes loopback for no network of its own.
    let config = format!("{config}\nnet_interface 127.0.0.1\n");
    fs::write(dir.join("config"), config).unwrap();
    let account = "<sip:callee@127.0.0.1>;regint=0;answermode=auto;audio_codecs=PCMU\n";
    fs::write(dir.join("accounts"), account).unwrap();
}

/// What the softphone heard, in the middle of the call.
fn dump(dir: &Path) -> Option<Vec<i16>> {
    let files = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let heard = files
        .into_iter()
        .find(|file| file.to_string_lossy().ends_with("-dec.wav"))?;
    let pcm = wav::read(&fs::read(heard).ok()?).ok()?.to_mono();
    pcm.get(8000..24_000).map(<[i16]>::to_vec)
}

/// Somebody in the room sings 1000 Hz for three seconds over a softphone that sings 440, and hears it.
pub(crate) async fn sings_over(packets: MediaReceiver, track: AudioTrack) {
    let mut reader = PcmReader::new(packets, 16_000).unwrap();
    let mut writer = PcmWriter::new(track, 16_000).unwrap();
    let mut high = Sine::new(SampleRate::HZ_16000, 1000.0, -12.0);
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    let mut in_room = Vec::new();
    for _ in 0..150 {
        clock.tick().await;
        let mut frame = [0; 320];
        high.fill(&mut frame);
        writer.write_20ms(&frame).unwrap();
        in_room.extend_from_slice(reader.next_20ms().await.unwrap());
    }
    let tail = in_room.split_off(in_room.len() / 2);
    let low = strength_dbfs(&tail, SampleRate::HZ_16000, 440.0);
    assert!(low > -20.0, "room hears the softphone at {low:.1} dBFS");
}
