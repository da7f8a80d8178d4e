//! How long sound takes through the gateway, by clicks and arrival times.
//!
//! Whether every click arrives is tested; how long it took is printed, for a release build to be
//! judged by.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_client::room::audio::PcmWriter;
use trunkline_client::room::{AudioOptions, RoomEvent};
use trunkline_media::SampleRate;
use trunkline_media::level::peak;
use trunkline_media::opus::Decoder;

use super::house::{House, PATIENCE, next};

/// Frames between clicks.
const EVERY: usize = 25;
const CLICKS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_passes_quickly_in_both_directions() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let mut writer = PcmWriter::new(track, 16_000).unwrap();
    let mut call = house.call("100").await;
    let mut caller = next(&mut events, "the caller's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;

    let mut decoder = Decoder::new(SampleRate::HZ_16000).unwrap();
    let (mut said, mut heard_in_room) = (Vec::new(), Vec::new());
    let (mut written, mut heard_on_phone) = (Vec::new(), Vec::new());
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    for n in 0..EVERY * (CLICKS + 1) {
        clock.tick().await;
        let click = n % EVERY == 10;
        assert!(call.send(&burst(160, click)).await);
        writer.write_20ms(&burst(320, click)).unwrap();
        if click {
            said.push(Instant::now());
            written.push(Instant::now());
        }
        while let Some(packet) = caller.packets.try_recv() {
            let loud = decoder
                .decode(&packet.payload)
                .is_ok_and(|pcm| peak(pcm) > LOUD);
            note(&mut heard_in_room, packet.arrival, loud);
        }
        while let Ok(Some(frame)) = timeout(Duration::ZERO, call.recv()).await {
            note(
                &mut heard_on_phone,
                frame.arrival,
                peak(&frame.samples) > LOUD,
            );
        }
    }
    // What the caller's own clock adds (a frame waits up to 20 ms for its tick) is included.
    tell("phone to room", &said, &heard_in_room);
    tell("room to phone", &written, &heard_on_phone);
    timeout(PATIENCE, call.hangup()).await.unwrap();
    house.close().await;
}

fn burst(samples: usize, click: bool) -> Vec<i16> {
    let tone = |n: usize| {
        if (n / 4).is_multiple_of(2) {
            12_000
        } else {
            -12_000
        }
    };
    (0..samples)
        .map(|n| if click { tone(n) } else { 0 })
        .collect()
}

/// Keeps the first packet of each click.
fn note(heard: &mut Vec<Instant>, at: Instant, loud: bool) {
    let new = heard
        .last()
        .is_none_or(|last| at.saturating_duration_since(*last) > GAP);
    if loud && new {
        heard.push(at);
    }
}

#[expect(clippy::print_stdout, reason = "the figure is what a person looks for")]
fn tell(way: &str, said: &[Instant], heard: &[Instant]) {
    let mut delays: Vec<Duration> = said
        .iter()
        .filter_map(|said| {
            heard
                .iter()
                .find(|heard| *heard > said)
                .map(|heard| *heard - *said)
        })
        .collect();
    delays.sort_unstable();
    assert!(
        delays.len() >= CLICKS - 2,
        "{way}: {} clicks heard",
        delays.len()
    );
    println!(
        "{way}: {:?} median, {:?} to {:?}",
        delays[delays.len() / 2],
        delays[0],
        delays[delays.len() - 1]
    );
}

const LOUD: u16 = 3000;
const GAP: Duration = Duration::from_millis(200);
