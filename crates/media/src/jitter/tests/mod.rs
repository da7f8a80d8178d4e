use std::time::Instant;

use super::*;

mod odd;
mod properties;

const FRAME_MS: u64 = 20;

fn packet(seq: u16, timestamp: u32) -> Packet {
    Packet {
        ssrc: 1,
        seq,
        timestamp,
        duration: 160,
        payload: Bytes::copy_from_slice(&seq.to_be_bytes()),
    }
}

/// A sender at 20 ms a packet, a link that delays each packet as told, and a listener every 20 ms.
struct Call {
    start: Instant,
    buffer: JitterBuffer,
}

impl Call {
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin of virtual time"
    )]
    fn new() -> Self {
        Self {
            start: Instant::now(),
            buffer: JitterBuffer::new(Config::new(8_000)),
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn insert(&mut self, number: u64, arrival_ms: u64) -> Inserted {
        let at = self.at(arrival_ms);
        let seq = u16::try_from((65_530 + number) % 65_536).unwrap();
        let timestamp = u32::try_from((4_294_967_000 + number * 160) % (1 << 32)).unwrap();
        self.buffer.insert(packet(seq, timestamp), at)
    }

    fn pull(&mut self, ms: u64) -> Playout {
        let at = self.at(ms);
        self.buffer.pull(at)
    }

    /// Runs `count` packets through `delay_ms` (None loses one) and returns each pull's answer.
    fn run(&mut self, count: u64, delay_ms: impl Fn(u64) -> Option<u64>) -> Vec<Playout> {
        let mut arrivals: Vec<(u64, u64)> = (0..count)
            .filter_map(|n| Some((n * FRAME_MS + delay_ms(n)?, n)))
            .collect();
        arrivals.sort_unstable();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut heard = Vec::new();
        for ms in 0..(count + 20) * FRAME_MS {
            while let Some((at, number)) = arrivals.next_if(|(at, _)| *at <= ms) {
                self.insert(number, at);
            }
            if ms % FRAME_MS == 5 {
                heard.push(self.pull(ms));
            }
        }
        heard
    }
}

fn packets(heard: &[Playout]) -> Vec<u16> {
    heard
        .iter()
        .filter_map(|playout| match playout {
            Playout::Packet { packet, .. } => Some(packet.seq),
            _ => None,
        })
        .collect()
}

fn count(heard: &[Playout], wanted: impl Fn(&Playout) -> bool) -> usize {
    heard.iter().filter(|playout| wanted(playout)).count()
}

#[test]
fn a_clean_link_plays_everything_in_order_across_the_wrap_within_forty_milliseconds() {
    let mut call = Call::new();
    let heard = call.run(100, |_| Some(7));
    let expected: Vec<u16> = (0..100).map(|n| 65_530_u16.wrapping_add(n)).collect();
    assert_eq!(packets(&heard), expected);
    let stats = call.buffer.stats();
    assert_eq!(
        (stats.played, stats.lost, stats.late, stats.resets),
        (100, 0, 0, 0)
    );
    assert_eq!(stats.target, Duration::from_millis(20));
    assert!(
        stats.delay <= Duration::from_millis(40),
        "{:?}",
        stats.delay
    );
}

#[test]
fn a_lost_packet_is_announced_once_with_the_next_ones_payload() {
    let mut call = Call::new();
    let heard = call.run(50, |n| (n != 20).then_some(10));
    let lost: Vec<_> = heard
        .iter()
        .filter(|playout| matches!(playout, Playout::Lost { .. }))
        .collect();
    let next = 65_530_u16.wrapping_add(21).to_be_bytes();
    let expected = Playout::Lost {
        duration: 160,
        fec: Some(Bytes::copy_from_slice(&next)),
    };
    assert_eq!(lost, [&expected]);
    assert_eq!(call.buffer.stats().lost, 1);
    assert_eq!(packets(&heard).len(), 49);
}

#[test]
fn reordering_within_the_delay_is_invisible() {
    let mut call = Call::new();
    let heard = call.run(60, |n| Some(if n % 5 == 0 { 29 } else { 5 }));
    assert_eq!(packets(&heard).len(), 60);
    assert_eq!(call.buffer.stats().lost, 0);
    assert!(call.buffer.stats().reordered >= 10);
}

#[test]
fn jitter_grows_the_delay_fast_and_quiet_shrinks_it_slowly() {
    let mut call = Call::new();
    let noisy = |n: u64| {
        Some(if (50..150).contains(&n) {
            5 + (n * 37) % 90
        } else {
            5
        })
    };
    call.run(150, noisy);
    let grown = call.buffer.stats();
    assert!(
        grown.target >= Duration::from_millis(70),
        "{:?}",
        grown.target
    );
    let mut call = Call::new();
    let heard = call.run(1_500, noisy);
    let settled = call.buffer.stats();
    assert!(
        settled.target <= Duration::from_millis(25),
        "{:?}",
        settled.target
    );
    assert!(settled.lost <= 15, "{settled:?}");
    let hurried = count(&heard, |playout| {
        matches!(playout, Playout::Packet { hurry: true, .. })
    });
    assert!(
        hurried > 10,
        "the consumer was asked {hurried} times to catch up"
    );
}

#[test]
fn duplicates_and_latecomers_are_counted_and_not_played() {
    let mut call = Call::new();
    for number in 0..10 {
        call.insert(number, number * 20);
        if number >= 2 {
            call.pull(number * 20 + 5);
        }
    }
    assert_eq!(call.insert(9, 185), Inserted::Duplicate);
    assert_eq!(call.insert(3, 185), Inserted::Duplicate);
    let mut call = Call::new();
    for number in [0, 1, 2, 4, 5, 6, 7, 8] {
        call.insert(number, number * 20);
        call.pull(number * 20 + 15);
    }
    assert_eq!(call.insert(3, 170), Inserted::Late);
    let stats = call.buffer.stats();
    assert_eq!((stats.late, stats.lost, stats.duplicate), (1, 1, 0));
}

#[test]
fn a_pause_with_a_running_clock_is_silence_and_not_loss() {
    let mut call = Call::new();
    let mut heard = Vec::new();
    for ms in 0..3_000_u64 {
        // Sequence numbers go on, timestamps jump by a second: that is discontinuous transmission.
        if ms.is_multiple_of(20) {
            let n = ms / 20;
            let spoken = if n < 20 {
                Some(n)
            } else {
                (n >= 70).then(|| n - 50)
            };
            if let Some(seq) = spoken {
                let at = call.at(ms);
                let seq = u16::try_from(seq).unwrap();
                let timestamp = u32::try_from(n * 160).unwrap();
                call.buffer.insert(packet(seq, timestamp), at);
            }
        }
        if ms % 20 == 5 {
            heard.push(call.pull(ms));
        }
    }
    let stats = call.buffer.stats();
    assert_eq!((stats.lost, stats.dropped, stats.resets), (0, 0, 0));
    assert!(
        stats.delay <= Duration::from_millis(45),
        "{:?}",
        stats.delay
    );
    assert!(count(&heard, |playout| *playout == Playout::Empty) > 10);
}

#[test]
fn a_new_source_is_followed_at_its_second_packet_and_a_stray_one_is_not() {
    let mut call = Call::new();
    call.run(10, |_| Some(5));
    let at = call.at(300);
    let other = |seq| Packet {
        ssrc: 9,
        ..packet(seq, u32::from(seq) * 160)
    };
    assert_eq!(call.buffer.insert(other(5_000), at), Inserted::Suspect);
    assert_eq!(call.insert(15, 305), Inserted::Queued);
    assert_eq!(call.buffer.insert(other(100), at), Inserted::Suspect);
    assert_eq!(
        call.buffer
            .insert(other(101), call.start + Duration::from_millis(320)),
        Inserted::Reset
    );
    assert_eq!(call.buffer.stats().resets, 1);
    // What came before the new source is played before it.
    let heard: Vec<Playout> = [330, 350, 370].map(|ms| call.pull(ms)).into();
    assert_eq!(packets(&heard), [65_530_u16.wrapping_add(15), 100, 101]);
}

#[test]
fn after_a_stall_old_sound_is_dropped_instead_of_played_late() {
    let mut call = Call::new();
    // Two seconds of packets arrive at once.
    let heard = call.run(600, |n| {
        Some(if (50..130).contains(&n) {
            (130 - n) * 20 + 5
        } else {
            5
        })
    });
    let stats = call.buffer.stats();
    assert!(stats.dropped >= 60, "{stats:?}");
    assert!(stats.target <= Duration::from_millis(40), "{stats:?}");
    assert!(packets(&heard).len() >= 510);
}

#[test]
fn the_queue_is_bounded() {
    let mut call = Call::new();
    for number in 0..1_000 {
        call.insert(number, number);
    }
    assert!(call.buffer.len() <= 100);
}

#[test]
fn a_clock_two_hundred_parts_per_million_off_stays_in_step_for_an_hour() {
    let mut call = Call::new();
    let mut worst = Duration::ZERO;
    let (mut next, mut shortened) = (0_u64, 0_u64);
    for frame in 0..180_000_u64 {
        let listener_us = frame * 20_000 + 5_000 - shortened * 5_000;
        while next * 19_996 + 5_000 <= listener_us {
            let at = call.start + Duration::from_micros(next * 19_996 + 5_000);
            let seq = u16::try_from(next % 65_536).unwrap();
            call.buffer
                .insert(packet(seq, u32::try_from(next * 160).unwrap()), at);
            next += 1;
        }
        let now = call.start + Duration::from_micros(listener_us);
        if matches!(call.buffer.pull(now), Playout::Packet { hurry: true, .. }) {
            shortened += 1;
        }
        worst = worst.max(call.buffer.stats().delay);
    }
    assert!(worst <= Duration::from_millis(70), "{worst:?}");
    assert_eq!(call.buffer.stats().lost + call.buffer.stats().dropped, 0);
}
