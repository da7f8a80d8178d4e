//! What strangers and broken phones throw at the port of a call.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};
use tokio::net::UdpSocket;
use tokio::time::{interval, timeout};
use trunkline_bridge::sip::AnswerPolicy;
use trunkline_client::room::RoomEvent;
use trunkline_client::room::audio::PcmReader;

use super::house::{House, PATIENCE, next};
use super::phone::Phone;

/// 400 Hz in mu-law, loud.
fn tone() -> Vec<u8> {
    let is_up = |sample: usize| (sample / 10).is_multiple_of(2);
    let half = |sample| if is_up(sample) { 0x90 } else { 0x10 };
    (0..160).map(half).collect()
}

/// Packets of the storm for each of the phone's own.
const STORM: usize = 40;

/// Bytes that are no packet of voice: too short, lying about what they hold, too long, or RTCP.
fn odd(rng: &mut SmallRng) -> Vec<u8> {
    let mut packet = match rng.random_range(0..8) {
        0 => vec![0x80],
        1 => vec![0x80, 0, 0],
        // Versions of others.
        2 => vec![0x00; 172],
        3 => vec![0xC0; 172],
        // Fifteen contributing sources, an extension and padding that are not there.
        4 => vec![
            0xBF, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0xBE, 0xDE, 0xFF, 0xFF,
        ],
        // A report that is longer than it is, and a goodbye of somebody.
        5 => vec![0x81, 200, 0xFF, 0xFF, 0, 0, 0, 7],
        6 => vec![0x81, 203, 0, 1, 0, 0, 0, 7],
        _ => vec![0x80; 1_472],
    };
    if packet.len() > 16 {
        let tail = packet.split_at_mut(12).1;
        rng.fill_bytes(tail);
    }
    packet
}

/// Each packet of a new source, with numbers and times of its own.
fn stranger(rng: &mut SmallRng) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend([0; 10]);
    packet.extend(tone());
    let numbers = packet.split_at_mut(2).1.split_at_mut(10).0;
    rng.fill_bytes(numbers);
    packet
}

/// 40 packets for each of the phone's: of sources that are new each time, and of no kind at all, from
/// the phone's own address and from another. The room hears the phone all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_sources_and_odd_packets_costs_a_call_nothing() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let (_room, mut events) = house.participant().await;
    let phone = Phone::call(&house, "4711").await;
    let track = next(&mut events, "the caller's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    let mut reader = PcmReader::new(track.packets, 16_000).unwrap();
    let thief = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut rng = SmallRng::seed_from_u64(0x7373_7263);
    let mut pace = interval(Duration::from_millis(20));
    let mut loud = 0;
    for number in 0..150 {
        pace.tick().await;
        phone.sound(0, number, &tone()).await;
        for count in 0..STORM {
            let packet = if count.is_multiple_of(2) {
                stranger(&mut rng)
            } else {
                odd(&mut rng)
            };
            let from = (count % 4 == 3).then_some(&thief);
            phone.throws(from, &packet).await;
        }
        let heard = timeout(PATIENCE, reader.next_20ms()).await.unwrap();
        let is_loud = |sample: &i16| sample.unsigned_abs() > 5_000;
        loud += u32::from(heard.unwrap().iter().any(is_loud));
    }
    assert!(loud > 100, "the phone was heard in {loud} of 150 frames");
    phone.hears().await;
    let mut buffer = [0; 200];
    let stolen = timeout(Duration::from_millis(50), thief.recv(&mut buffer)).await;
    assert!(stolen.is_err(), "the thief hears the call");
    phone.hangs_up().await;
    house.no_calls_left().await;
    house.close().await;
}
