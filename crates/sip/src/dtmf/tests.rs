use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
    Instant::now()
}

/// Everything a sender makes of some keys, frame by frame.
fn packets(digits: &str) -> Vec<EventPacket> {
    let mut sender = Sender::new();
    sender.push(digits);
    let mut timestamp = 1000_u32;
    let mut all = Vec::new();
    while sender.is_active() {
        all.extend(sender.next(timestamp, 160));
        timestamp += 160;
    }
    all
}

fn keys(events: &[KeyEvent]) -> String {
    let down = |event: &KeyEvent| match event {
        KeyEvent::Down(key) => Some(*key),
        KeyEvent::Up(..) => None,
    };
    events.iter().filter_map(down).collect()
}

#[test]
fn what_is_sent_is_heard_once_each() {
    let now = start();
    let mut receiver = Receiver::new();
    let mut heard = Vec::new();
    for packet in packets("1123#") {
        heard.extend(receiver.on_packet(packet.timestamp, &packet.payload, now));
    }
    assert_eq!(keys(&heard), "1123#");
    let ups = heard
        .iter()
        .filter(|e| matches!(e, KeyEvent::Up(_, d) if d.as_millis() == 120));
    assert_eq!(ups.count(), 5);
}

#[test]
fn loss_and_repeats_change_nothing() {
    let now = start();
    for lost in 0..7 {
        let mut receiver = Receiver::new();
        let mut heard = Vec::new();
        for (n, packet) in packets("90").into_iter().enumerate() {
            if n % 7 == lost {
                continue;
            }
            heard.extend(receiver.on_packet(packet.timestamp, &packet.payload, now));
            heard.extend(receiver.on_packet(packet.timestamp, &packet.payload, now));
        }
        assert_eq!(keys(&heard), "90", "every seventh from {lost}");
    }
}

#[test]
fn a_key_without_an_end_goes_up_by_itself() {
    let t0 = start();
    let mut receiver = Receiver::new();
    assert_eq!(
        receiver.on_packet(5, &[3, 10, 1, 0x40], t0),
        [KeyEvent::Down('3')]
    );
    assert_eq!(
        receiver.handle_timeout(t0 + Duration::from_millis(100)),
        None
    );
    let up = receiver.handle_timeout(t0 + Duration::from_millis(200));
    assert_eq!(up, Some(KeyEvent::Up('3', Duration::from_millis(40))));
    assert_eq!(receiver.poll_timeout(), None);
}

#[test]
fn what_is_no_key_is_not_told() {
    let now = start();
    let mut receiver = Receiver::new();
    assert!(receiver.on_packet(5, &[16, 0, 0, 0], now).is_empty());
    assert!(receiver.on_packet(5, &[1, 0], now).is_empty());
}

#[test]
fn letters_and_signs_have_codes() {
    assert_eq!(
        "0*#aD".chars().filter_map(code).collect::<Vec<_>>(),
        [0, 10, 11, 12, 15]
    );
    assert_eq!(code('w'), None);
}

proptest! {
    #[test]
    fn any_packets_are_harmless(
        packets in proptest::collection::vec((any::<u32>(), any::<[u8; 4]>()), 0..100)
    ) {
        let now = start();
        let mut receiver = Receiver::new();
        let (mut down, mut up) = (0, 0);
        for (timestamp, payload) in packets {
            for event in receiver.on_packet(timestamp, &payload, now) {
                match event {
                    KeyEvent::Down(_) => down += 1,
                    KeyEvent::Up(..) => up += 1,
                }
            }
        }
        prop_assert!(down == up || down == up + 1);
    }
}
