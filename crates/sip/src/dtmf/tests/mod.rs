use super::*;
use crate::rtp::Header;
use std::time::{Duration, Instant};

mod anew;
mod properties;

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

/// A telephone and the wire behind it: packets in the order they arrive, and the keys they make.
struct Phone {
    receiver: Receiver,
    now: Instant,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    heard: Vec<KeyEvent>,
}

/// One packet as it is on the wire.
type Packet = (Header, [u8; 4]);

impl Phone {
    fn new() -> Self {
        Self {
            receiver: Receiver::new(),
            now: start(),
            ssrc: 7,
            sequence: 65_530,
            timestamp: u32::MAX - 5000,
            heard: Vec::new(),
        }
    }

    /// A press of `packets` packets of 20 ms, which then ends three times. Voice goes on between.
    fn press(&mut self, key: char, packets: u16) -> Vec<Packet> {
        let all: Vec<Packet> = (1..=packets + 3)
            .map(|n| {
                let duration = n.min(packets) * 160;
                self.packet(key, duration, n > packets, n == 1)
            })
            .collect();
        self.timestamp = self.timestamp.wrapping_add(u32::from(packets) * 160 + 800);
        all
    }

    fn packet(&mut self, key: char, duration: u16, end: bool, marker: bool) -> Packet {
        let header = Header {
            payload_type: 101,
            marker,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let [high, low] = duration.to_be_bytes();
        let flags = 10 | if end { 0x80 } else { 0 };
        (header, [code(key).unwrap(), flags, high, low])
    }

    fn arrive(&mut self, packets: &[Packet]) {
        for packet in packets {
            self.now += Duration::from_millis(20);
            self.arrives_now(packet);
        }
    }

    fn arrives_now(&mut self, (header, payload): &Packet) {
        self.heard.extend(self.receiver.handle_timeout(self.now));
        let told = self.receiver.on_packet(header, payload, 8000, self.now);
        self.heard.extend(told);
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.heard.extend(self.receiver.handle_timeout(self.now));
    }

    fn keys(&self) -> String {
        keys(&self.heard)
    }

    /// Presses each key, with what a sender or a network does to its packets.
    fn dials(digits: &str, mut odd: impl FnMut(&mut Self, Vec<Packet>)) -> String {
        let mut phone = Self::new();
        for key in digits.chars() {
            let packets = phone.press(key, 8);
            odd(&mut phone, packets);
            phone.wait(60);
        }
        phone.wait(1000);
        let up = |event: &&KeyEvent| matches!(event, KeyEvent::Up(..));
        assert_eq!(phone.heard.iter().filter(up).count() * 2, phone.heard.len());
        phone.keys()
    }
}

#[test]
fn what_is_sent_is_heard_once_each() {
    let mut phone = Phone::new();
    for packet in packets("1123#") {
        let header = Header {
            payload_type: 101,
            marker: packet.marker,
            sequence: phone.sequence,
            timestamp: packet.timestamp,
            ssrc: 7,
        };
        phone.sequence = phone.sequence.wrapping_add(1);
        phone.arrive(&[(header, packet.payload)]);
    }
    assert_eq!(phone.keys(), "1123#");
    let ups = phone
        .heard
        .iter()
        .filter(|e| matches!(e, KeyEvent::Up(_, d) if d.as_millis() == 120));
    assert_eq!(ups.count(), 5);
}

const NUMBER: &str = "427118*#00";

#[test]
fn loss_repeats_and_disorder_change_nothing() {
    for lost in 0..11 {
        let heard = Phone::dials(NUMBER, |phone, packets| {
            for (n, packet) in packets.iter().enumerate() {
                phone.now += Duration::from_millis(20);
                if n != lost {
                    phone.arrives_now(packet);
                    phone.arrives_now(packet);
                }
            }
        });
        assert_eq!(heard, NUMBER, "without packet {lost}");
    }
    let heard = Phone::dials(NUMBER, |phone, mut packets| {
        packets.swap(0, 2);
        packets.swap(7, 9);
        phone.arrive(&packets);
    });
    assert_eq!(heard, NUMBER);
    // The ends come once more after the next key has begun.
    let mut ends = Vec::new();
    let heard = Phone::dials(NUMBER, |phone, packets| {
        phone.arrive(&packets[..2]);
        phone.arrive(&ends);
        phone.arrive(&packets[2..]);
        ends = packets[8..].to_vec();
    });
    assert_eq!(heard, NUMBER);
}

#[test]
fn markers_and_ends_may_be_anywhere_or_nowhere() {
    for marked in [|_: usize| false, |_| true, |n| n >= 8, |n| n % 2 == 1] {
        let heard = Phone::dials(NUMBER, |phone, mut packets| {
            for (n, (header, _)) in packets.iter_mut().enumerate() {
                header.marker = marked(n);
            }
            phone.arrive(&packets);
        });
        assert_eq!(heard, NUMBER);
    }
    for ends in [0, 1, 2] {
        let heard = Phone::dials(NUMBER, |phone, packets| {
            phone.arrive(&packets[..8 + ends]);
            phone.wait(300);
        });
        assert_eq!(heard, NUMBER, "{ends} ends");
    }
    // Without any end the next key ends the one before.
    let heard = Phone::dials("4271", |phone, packets| phone.arrive(&packets[..8]));
    assert_eq!(heard, "4271");
    // A sender that tells only of the end.
    let heard = Phone::dials(NUMBER, |phone, packets| phone.arrive(&packets[8..]));
    assert_eq!(heard, NUMBER);
}

/// Keys were lost behind a transfer: the new sender counted from elsewhere.
#[test]
fn a_new_ssrc_or_other_numbers_lose_no_key() {
    let change: [fn(&mut Phone); 5] = [
        |phone| phone.ssrc += 1,
        |phone| phone.timestamp = phone.timestamp.wrapping_sub(2_000_000),
        |phone| phone.sequence = phone.sequence.wrapping_sub(1000),
        |phone| phone.sequence = phone.sequence.wrapping_add(30_000),
        |phone| {
            phone.ssrc ^= 0xffff;
            phone.sequence = phone.sequence.wrapping_add(30_000);
            phone.timestamp = phone.timestamp.wrapping_sub(2_000_000);
        },
    ];
    for change in change {
        let heard = Phone::dials(NUMBER, |phone, packets| {
            phone.arrive(&packets);
            change(phone);
        });
        assert_eq!(heard, NUMBER);
    }
}

/// A door station uses one timestamp for all keys of a code.
#[test]
fn a_timestamp_used_again_is_another_press() {
    for stands in [true, false] {
        let heard = Phone::dials(NUMBER, |phone, packets| {
            phone.arrive(&packets);
            // Either exactly the same, or the few samples between the keys.
            let step = if stands { 8 * 160 + 800 } else { 8 * 160 };
            phone.timestamp = phone.timestamp.wrapping_sub(step);
        });
        assert_eq!(heard, NUMBER, "{stands}");
    }
    // The same without ends, and only with them.
    for part in [0..8, 8..11] {
        let heard = Phone::dials(NUMBER, |phone, packets| {
            phone.arrive(&packets[part.clone()]);
            phone.wait(300);
            phone.timestamp = phone.timestamp.wrapping_sub(8 * 160 + 800);
        });
        assert_eq!(heard, NUMBER, "{part:?}");
    }
}

/// A call is handed from one server to another while its caller holds a key.
#[test]
fn a_new_ssrc_within_a_press_makes_no_second_one() {
    for moved in [1, 4, 8, 9] {
        for stray in [false, true] {
            let heard = Phone::dials("4271188", |phone, mut packets| {
                let old = packets[moved - 1];
                phone.ssrc ^= 99;
                for (header, _) in &mut packets[moved..] {
                    header.ssrc ^= 99;
                    header.timestamp = header.timestamp.wrapping_sub(700_000);
                }
                if stray {
                    packets.insert(moved + 1, old);
                }
                phone.arrive(&packets);
            });
            assert_eq!(heard, "4271188", "after {moved}, stray {stray}");
        }
    }
}

/// The stream of keys begins anew with each of them, its numbers and its clock too.
#[test]
fn numbers_that_begin_anew_with_each_press_lose_no_other_key() {
    let heard = Phone::dials("4271", |phone, packets| {
        phone.arrive(&packets);
        (phone.sequence, phone.timestamp) = (65_530, u32::MAX - 5000);
    });
    assert_eq!(heard, "4271");
}

#[test]
fn a_timestamp_that_creeps_along_is_one_press() {
    let heard = Phone::dials(NUMBER, |phone, mut packets| {
        for (n, (header, _)) in packets.iter_mut().enumerate() {
            let crept = u32::try_from(n).unwrap() * 160;
            header.timestamp = header.timestamp.wrapping_add(crept);
        }
        phone.arrive(&packets);
        phone.timestamp = phone.timestamp.wrapping_add(480);
    });
    assert_eq!(heard, NUMBER);
}

/// Twenty seconds on one key: longer than one event can say (RFC 4733 2.5.1.3).
#[test]
fn a_very_long_press_is_one_key() {
    for stands in [false, true] {
        let mut phone = Phone::new();
        let (mut duration, mut ticks) = (0_u16, 0);
        while ticks < 160_000 {
            ticks += 160;
            duration = match duration.checked_add(160) {
                Some(longer) => longer,
                None if stands => u16::MAX,
                None => {
                    let full = phone.packet('5', u16::MAX, false, false);
                    phone.arrive(&[full]);
                    phone.timestamp = phone.timestamp.wrapping_add(65_535);
                    160
                }
            };
            let packet = phone.packet('5', duration, false, ticks == 160);
            phone.arrive(&[packet]);
        }
        let end = phone.packet('5', duration, true, false);
        phone.arrive(&[end, end, end]);
        let next = phone.press('6', 8);
        phone.arrive(&next);
        assert_eq!(phone.keys(), "56", "timestamp stands: {stands}");
        let Some(KeyEvent::Up('5', held)) = phone.heard.get(1) else {
            panic!("{:?}", phone.heard);
        };
        assert!(stands || held.as_secs() == 20, "{held:?}");
    }
}

#[test]
fn a_press_that_comes_back_after_a_long_loss_is_no_second_one() {
    let heard = Phone::dials("42", |phone, packets| {
        phone.arrive(&packets[..3]);
        phone.wait(400);
        phone.arrive(&packets[5..]);
    });
    assert_eq!(heard, "42");
}

#[test]
fn durations_that_begin_anew_within_a_press_make_no_second_one() {
    let heard = Phone::dials("42", |phone, mut packets| {
        for (_, payload) in &mut packets[4..] {
            payload[2] = 0;
        }
        phone.arrive(&packets);
    });
    assert_eq!(heard, "42");
}

#[test]
fn several_presses_in_one_packet_are_all_heard() {
    let mut phone = Phone::new();
    let (header, _) = phone.packet('0', 0, true, true);
    let payload = [4, 0x8a, 1, 0x40, 2, 0x8a, 1, 0x40, 7, 10, 0, 0xa0];
    for _ in 0..3 {
        let told = phone.receiver.on_packet(&header, &payload, 8000, phone.now);
        phone.heard.extend(told);
    }
    assert_eq!(phone.keys(), "427");
    // Padding is no key.
    let (header, _) = phone.packet('0', 0, true, true);
    let header = Header {
        timestamp: 77,
        ..header
    };
    let padded = [9, 0x8a, 1, 0x40, 0, 0, 0, 0];
    let told = phone.receiver.on_packet(&header, &padded, 8000, phone.now);
    assert_eq!(keys(&told), "9");
}

#[test]
fn a_press_is_as_long_as_its_own_clock_says() {
    let mut receiver = Receiver::new();
    let (header, _) = Phone::new().packet('3', 0, true, true);
    let told = receiver.on_packet(&header, &[3, 0x8a, 0x12, 0xc0], 48_000, start());
    assert_eq!(
        told.last(),
        Some(&KeyEvent::Up('3', Duration::from_millis(100)))
    );
}

#[test]
fn a_key_without_an_end_goes_up_by_itself() {
    let mut phone = Phone::new();
    let packet = phone.packet('3', 320, false, true);
    phone.arrive(&[packet]);
    phone.wait(100);
    assert_eq!(phone.heard, [KeyEvent::Down('3')]);
    phone.wait(100);
    let up = KeyEvent::Up('3', Duration::from_millis(40));
    assert_eq!(phone.heard, [KeyEvent::Down('3'), up]);
    assert_eq!(phone.receiver.poll_timeout(), None);
}

#[test]
fn what_is_no_key_is_not_told() {
    let mut phone = Phone::new();
    let (header, _) = phone.packet('0', 0, false, false);
    for payload in [[16, 0, 0, 0].as_slice(), &[1, 0], &[], &[32, 0x80, 1, 1]] {
        let told = phone.receiver.on_packet(&header, payload, 8000, phone.now);
        assert!(told.is_empty(), "{payload:?}");
    }
}

#[test]
fn letters_and_signs_have_codes() {
    assert_eq!(
        "0*#aD".chars().filter_map(code).collect::<Vec<_>>(),
        [0, 10, 11, 12, 15]
    );
    assert_eq!(code('w'), None);
}
