//! What a phone may speak, and how it may change its mind.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, RoomEvent, RoomEvents};
use trunkline_media::tone::{Sine, sine, strength_dbfs};
use trunkline_media::{SampleRate, g722, wav};
use trunkline_tests::{peer, root, run};

use super::house::{House, PATIENCE, next};
use super::phone::Phone;

const WIDE: SampleRate = SampleRate::HZ_16000;

/// What the softphone plays, and what the room plays to it: both above the band of G.711.
const FROM_PHONE: f64 = 4_600.0;
const FROM_ROOM: f64 = 5_200.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_speaks_g722_in_its_whole_band_both_ways() {
    softphone("G722/16000/1", 16_000, FROM_PHONE, FROM_ROOM).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_speaks_opus_both_ways() {
    softphone("opus/48000/2", 48_000, FROM_PHONE, FROM_ROOM).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_speaks_the_a_law_both_ways() {
    softphone("PCMA", 8_000, 1_600.0, 2_200.0).await;
}

async fn softphone(codec: &str, rate: u32, from_phone: f64, from_room: f64) {
    let Some(program) = peer("baresip") else {
        return;
    };
    let house = House::open(AnswerPolicy::OnAgent).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    furnish(dir.path(), codec, rate, from_phone);
    let mut command = Command::new(program);
    let dial = format!("/dial {}", house.target("100"));
    command
        .arg("-f")
        .arg(dir.path())
        .args(["-t", "8", "-e", &dial]);
    let phone = tokio::task::spawn_blocking(move || run(&mut command, Duration::from_secs(30)));
    let mut reader = hear(&mut events).await;
    let mut writer = PcmWriter::new(track, 16_000).unwrap();
    let mut sings = Sine::new(WIDE, from_room, -12.0);
    let mut in_room = Vec::new();
    while let Ok(Some(heard)) = timeout(PATIENCE, reader.next_20ms()).await {
        in_room.extend_from_slice(heard);
        let mut frame = [0; 320];
        sings.fill(&mut frame);
        if writer.write_20ms(&frame).is_err() || phone.is_finished() {
            break;
        }
    }
    let output = phone.await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let level = loudest(&in_room, WIDE, from_phone);
    assert!(
        level > -18.0,
        "{codec}: room hears the phone at {level:.1} dBFS\n{told}"
    );
    let heard = dump(dir.path()).unwrap_or_else(|| panic!("{codec}: no recording\n{told}"));
    let hz = SampleRate::new(rate).unwrap();
    let heard = heard.to_mono_at(hz).unwrap();
    let level = loudest(&heard, hz, from_room);
    assert!(
        level > -18.0,
        "{codec}: phone hears the room at {level:.1} dBFS\n{told}"
    );
    house.no_calls_left().await;
    house.close().await;
}

/// The loudest second of one frequency.
fn loudest(pcm: &[i16], rate: SampleRate, hz: f64) -> f64 {
    pcm.chunks_exact(rate.samples_in_ms(1_000))
        .map(|second| strength_dbfs(second, rate, hz))
        .fold(f64::NEG_INFINITY, f64::max)
}

fn furnish(dir: &Path, codec: &str, rate: u32, hz: f64) {
    let hertz = SampleRate::new(rate).unwrap();
    let sound = sine(hertz, hz, -12.0, hertz.samples_in_ms(20_000));
    let file = dir.join("tone.wav");
    fs::write(&file, wav::write(hertz, 1, &sound)).unwrap();
    let template = fs::read_to_string(root().join("peers/baresip/config.template")).unwrap();
    let config = template
        .replace("@DIR@", &dir.display().to_string())
        .replace("@WAV@", &file.display().to_string())
        .replace(
            "srate             8000",
            &format!("srate             {rate}"),
        )
        .replace("srate            8000", &format!("srate            {rate}"));
    fs::write(dir.join("config"), config).unwrap();
    let account = format!("<sip:4711@127.0.0.1>;regint=0;audio_codecs={codec}\n");
    fs::write(dir.join("accounts"), account).unwrap();
}

fn dump(dir: &Path) -> Option<wav::Wav> {
    let mut files = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let file = files.find(|file| file.to_string_lossy().ends_with("-dec.wav"))?;
    wav::read(&fs::read(file).ok()?).ok()
}

async fn hear(events: &mut RoomEvents) -> PcmReader {
    let track = next(events, "the caller's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    });
    PcmReader::new(track.await.packets, 16_000).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_goes_from_narrow_to_wide_band_in_the_middle_of_a_word() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, mut events) = house.participant().await;
    let mut phone = Phone::call(&house, "4711").await;
    let mut reader = hear(&mut events).await;
    let mut coder = g722::Encoder::new();
    let mut sings = Sine::new(WIDE, 1_000.0, -12.0);
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    let mut in_room = Vec::new();
    let mut wide = false;
    for number in 0..150_u16 {
        clock.tick().await;
        if number == 60 {
            let sdp = phone.sdp("").replace("RTP/AVP 0", "RTP/AVP 9");
            assert_eq!(phone.offers("INVITE", &sdp).await, 200);
            assert!(phone.answer.contains("RTP/AVP 9 101"), "{}", phone.answer);
            wide = true;
        }
        let mut frame = [0; 320];
        sings.fill(&mut frame);
        let payload = if wide {
            let mut bytes = Vec::new();
            coder.encode(&frame, &mut bytes);
            bytes
        } else {
            let law = trunkline_media::g711::Law::Mu;
            frame
                .iter()
                .step_by(2)
                .map(|sample| law.encode_sample(*sample))
                .collect()
        };
        let kind = if wide { 9 } else { 0 };
        phone.sound(kind, number, &payload).await;
        in_room.extend_from_slice(reader.next_20ms().await.unwrap());
    }
    // From the first sound to the last no window of 60 ms is silent.
    let windows: Vec<f64> = in_room
        .chunks_exact(WIDE.samples_in_ms(60))
        .map(|window| strength_dbfs(window, WIDE, 1_000.0))
        .collect();
    let first = windows.iter().position(|level| *level > -20.0).unwrap();
    let holes = windows[first..windows.len() - 1]
        .iter()
        .filter(|level| **level < -26.0);
    assert_eq!(holes.count(), 0, "{windows:.0?}");
    phone.hangs_up().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packets_to_the_phone_last_as_it_asked() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    for (ptime, bytes) in [(10, 80), (30, 240), (40, 320), (60, 480)] {
        let phone = Phone::call_with(&house, "4711", &format!("a=ptime:{ptime}\r\n")).await;
        assert!(
            phone.answer.contains(&format!("a=ptime:{ptime}\r\n")),
            "{}",
            phone.answer
        );
        for _ in 0..3 {
            assert_eq!(phone.hears().await.len(), 12 + bytes, "{ptime} ms");
        }
        phone.hangs_up().await;
        house.no_calls_left().await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_without_events_presses_keys_by_their_tones() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, mut events) = house.participant().await;
    let mut phone = Phone::call(&house, "4711").await;
    let sdp = phone.sdp("").replace("RTP/AVP 0 101", "RTP/AVP 0");
    assert_eq!(phone.offers("INVITE", &sdp).await, 200);
    phone.sings("42#", 0).await;
    let mut keys = String::new();
    while keys.len() < 3 {
        keys += &next(&mut events, "a key", |event| match event {
            RoomEvent::Dtmf { digit, .. } => Some(digit),
            _ => None,
        })
        .await;
    }
    assert_eq!(keys, "42#");
    phone.hangs_up().await;
    house.close().await;
}
