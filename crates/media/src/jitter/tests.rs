use std::time::Instant;

use proptest::prelude::*;

use super::*;

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

/// A sender at 20 ms a packet that does something odd to its numbers, and a listener. Each packet's
/// payload is its place in the sender's speech.
struct Odd {
    call: Call,
    sent: u16,
    ssrc: u32,
    seq: u16,
    timestamp: u32,
    step: u32,
    heard: Vec<Playout>,
}

impl Odd {
    fn new() -> Self {
        Self {
            call: Call::new(),
            sent: 0,
            ssrc: 1,
            seq: 65_500,
            timestamp: u32::MAX - 8_000,
            step: 160,
            heard: Vec::new(),
        }
    }

    fn now(&self) -> Instant {
        self.call.at(u64::from(self.sent) * FRAME_MS + 7)
    }

    fn sends(&mut self, count: u16) {
        for _ in 0..count {
            let packet = Packet {
                ssrc: self.ssrc,
                payload: Bytes::copy_from_slice(&self.sent.to_be_bytes()),
                ..packet(self.seq, self.timestamp)
            };
            self.call.buffer.insert(packet, self.now());
            self.sent += 1;
            self.seq = self.seq.wrapping_add(1);
            self.timestamp = self.timestamp.wrapping_add(self.step);
            self.hears();
        }
    }

    fn hears(&mut self) {
        let playout = self.call.pull(u64::from(self.sent) * FRAME_MS);
        self.heard.push(playout);
    }

    /// The longest stretch in which nothing of the speech was played, in frames.
    fn hole(&self) -> usize {
        let first = self.heard.iter().position(is_packet).unwrap();
        let holes = self.heard[first..].split(is_packet).map(<[Playout]>::len);
        holes.max().unwrap()
    }

    fn spoken(&self) -> Vec<u16> {
        let place = |playout: &Playout| match playout {
            Playout::Packet { packet, .. } => packet.payload[..].try_into().ok(),
            _ => None,
        };
        let places = self.heard.iter().filter_map(place);
        places.map(u16::from_be_bytes).collect()
    }
}

fn is_packet(playout: &Playout) -> bool {
    matches!(playout, Playout::Packet { .. })
}

/// A PBX moved a call between its parts and counted from elsewhere: deaf for ten seconds.
#[test]
fn numbers_and_clocks_that_jump_cost_at_most_two_frames() {
    let seqs = [
        -5_i32, -20, -50, -99, -100, -101, -200, -1000, -20_000, 11, 50, 150, 1000, 2999, 5000,
    ];
    let ticks = [
        -1,
        -160,
        -400,
        -1600,
        -12_000,
        -800_000,
        2_400,
        12_000,
        800_000,
        i32::MAX / 2,
    ];
    let mut jumps: Vec<(i32, i32, u32)> = vec![(0, 0, 1), (777, 99_999, 1), (-3, -480, 1)];
    jumps.extend(seqs.map(|seq| (seq, 0, 0)));
    jumps.extend(ticks.map(|ticks| (0, ticks, 0)));
    jumps.extend(
        seqs.map(|seq| (seq, seq * 160, 0))
            .iter()
            .filter(|j| j.0 < 0 || j.0 > 3000),
    );
    for (seq, ticks, ssrc) in jumps {
        let mut odd = Odd::new();
        odd.sends(50);
        odd.seq = odd.seq.wrapping_add_signed(i16::try_from(seq).unwrap());
        odd.timestamp = odd.timestamp.wrapping_add_signed(ticks);
        odd.ssrc += ssrc;
        odd.sends(200);
        let what = format!("jump by {seq}, {ticks}, ssrc {ssrc}");
        assert!(odd.hole() <= 2, "{what}: hole of {}", odd.hole());
        let spoken = odd.spoken();
        assert!(
            spoken.windows(2).all(|two| two[0] < two[1]),
            "{what}: {spoken:?}"
        );
        assert!(spoken.len() >= 245, "{what}: {} of 250", spoken.len());
    }
}

#[test]
fn a_sender_that_jumps_again_and_again_is_followed_each_time() {
    let mut odd = Odd::new();
    for (n, seq) in [-300_i16, 9_000, -50, 12_345, -7, 100]
        .into_iter()
        .enumerate()
    {
        odd.sends(40);
        odd.seq = odd.seq.wrapping_add_signed(seq);
        odd.ssrc += u32::from(n % 2 == 1);
        odd.timestamp = odd.timestamp.wrapping_add_signed(i32::from(seq) * 77);
    }
    odd.sends(40);
    assert!(odd.hole() <= 2, "{}", odd.hole());
    assert!(odd.spoken().len() >= 270);
}

#[test]
fn a_clock_that_stands_still_does_not_stop_the_sound() {
    let mut odd = Odd::new();
    odd.sends(20);
    odd.step = 0;
    odd.sends(200);
    assert_eq!(odd.hole(), 0);
    odd.step = 160;
    odd.sends(100);
    assert_eq!(odd.hole(), 0);
}

#[test]
fn packets_without_sound_are_no_loss_wherever_they_come() {
    // Between the packets of the voice, early, late and twice.
    let mut odd = Odd::new();
    for round in 0..20 {
        odd.sends(5);
        let key = odd.seq;
        odd.seq = odd.seq.wrapping_add(1);
        match round % 3 {
            0 => odd.call.buffer.pass_over(1, key),
            1 => {
                odd.sends(1);
                odd.call.buffer.pass_over(1, key);
            }
            _ => {}
        }
        odd.call.buffer.pass_over(1, key);
        odd.call.buffer.pass_over(1, key);
    }
    odd.sends(50);
    let stats = odd.call.buffer.stats();
    assert_eq!((stats.lost, stats.late, stats.bridged), (0, 0, 0));
    assert_eq!(odd.hole(), 0);
    // In a stream of their own they are nobody's.
    let mut odd = Odd::new();
    odd.sends(20);
    for seq in 0..100 {
        odd.call.buffer.pass_over(77, seq);
        odd.sends(1);
    }
    assert_eq!((odd.hole(), odd.call.buffer.stats().lost), (0, 0));
}

#[test]
fn a_key_in_place_of_the_voice_is_silence_and_the_voice_goes_on_behind_it() {
    for clock_stands in [false, true] {
        let mut odd = Odd::new();
        odd.sends(50);
        let before = odd.heard.len();
        for _ in 0..30 {
            odd.call.buffer.pass_over(1, odd.seq);
            odd.seq = odd.seq.wrapping_add(1);
            odd.sent += 1;
            if !clock_stands {
                odd.timestamp = odd.timestamp.wrapping_add(160);
            }
            odd.hears();
        }
        odd.sends(50);
        let stats = odd.call.buffer.stats();
        assert_eq!((stats.lost, stats.late, stats.bridged), (0, 0, 0));
        let invented = count(&odd.heard[before..], |playout| {
            matches!(playout, Playout::Lost { .. } | Playout::Bridge { .. })
        });
        assert_eq!(invented, 0);
        assert!(odd.hole() <= 33, "{}", odd.hole());
        assert!(odd.spoken().len() >= 98, "all but what still waits");
    }
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_packets_in_any_order_never_panic_and_never_play_backwards(
        inputs in prop::collection::vec((any::<u16>(), any::<u32>(), 0_u64..4_000, 0_u32..2), 0..300)
    ) {
        let mut call = Call::new();
        for (seq, timestamp, at, ssrc) in inputs {
            let arrival = call.at(at);
            let given = Packet { ssrc, ..packet(seq, timestamp) };
            call.buffer.insert(given, arrival);
            call.buffer.pass_over(ssrc, seq.wrapping_mul(7));
            call.pull(at);
            prop_assert!(call.buffer.len() <= 100);
        }
    }

    #[test]
    fn loss_and_jitter_of_any_kind_play_each_packet_at_most_once_in_order(
        delays in prop::collection::vec(prop::option::weighted(0.9, 0_u64..120), 20..200)
    ) {
        let mut call = Call::new();
        let count = delays.len() as u64;
        let heard = call.run(count, |n| delays[usize::try_from(n).unwrap()]);
        let played = packets(&heard);
        let numbers: Vec<u16> = played.iter().map(|seq| seq.wrapping_sub(65_530)).collect();
        prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    }
}
