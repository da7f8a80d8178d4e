//! Senders that do something odd to their numbers and clocks.

use super::*;

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
