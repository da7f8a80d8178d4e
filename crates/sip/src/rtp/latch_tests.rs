//! Phones, NATs and thieves.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);
const THIEF: SocketAddr = at([203, 0, 113, 66], 6666);

const fn at(ip: [u8; 4], port: u16) -> SocketAddr {
    let [a, b, c, d] = ip;
    SocketAddr::new(
        std::net::IpAddr::V4(std::net::Ipv4Addr::new(a, b, c, d)),
        port,
    )
}

/// The phone's public side.
const fn phone(port: u16) -> SocketAddr {
    at([192, 0, 2, 1], port)
}

/// What a phone behind a NAT writes into its SDP.
const PRIVATE: SocketAddr = at([10, 0, 0, 5], 4000);

/// One who sends a packet every 20 ms.
#[derive(Clone, Copy)]
struct Sender {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
}

impl Sender {
    const fn new(from: SocketAddr, ssrc: u32, sequence: u16) -> Self {
        Self {
            from,
            ssrc,
            sequence,
        }
    }

    fn send(&mut self, latch: &mut Latch, now: Instant) -> Latched {
        let header = Header {
            payload_type: 0,
            marker: false,
            sequence: self.sequence,
            timestamp: 0,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        latch.on_packet(self.from, &header, true, now)
    }
}

/// A call from `192.0.2.1` whose SDP names `signalled`, answered at once.
struct Call {
    latch: Latch,
    signalled: SocketAddr,
    now: Instant,
}

impl Call {
    #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
    fn from(signalled: SocketAddr) -> Self {
        let now = Instant::now();
        let mut latch = Latch::new(Some(phone(0).ip()));
        latch.agree(Some(signalled), true, now);
        latch.open(now);
        Self {
            latch,
            signalled,
            now,
        }
    }

    /// Everybody sends for so many packets; says how many of each were taken.
    fn sends<const N: usize>(&mut self, senders: [&mut Sender; N], packets: u32) -> [u32; N] {
        let mut senders = senders;
        let mut taken = [0; N];
        for _ in 0..packets {
            self.now += MS * 20;
            for (sender, taken) in senders.iter_mut().zip(&mut taken) {
                let judged = sender.send(&mut self.latch, self.now);
                *taken += u32::from(judged != Latched::Ignore);
            }
        }
        taken
    }

    fn offers(&mut self, signalled: Option<SocketAddr>, expected: bool) {
        self.latch.agree(signalled, expected, self.now);
    }

    fn goes_to(&self, address: SocketAddr) -> bool {
        self.latch.target() == Some(address)
    }
}

#[test]
fn the_phone_its_sdp_names_is_heard_from_its_first_packet() {
    let mut call = Call::from(phone(4000));
    assert!(call.goes_to(phone(4000)));
    let mut sender = Sender::new(phone(4000), 7, 9);
    assert_eq!(call.sends([&mut sender], 100), [100]);
    assert_eq!(call.latch.moves(), 0);
}

#[test]
fn a_phone_behind_a_nat_is_found_after_five_packets() {
    let mut call = Call::from(PRIVATE);
    let mut sender = Sender::new(phone(5000), 7, 9);
    assert_eq!(call.sends([&mut sender], 100), [96]);
    assert!(call.goes_to(phone(5000)));
    assert_eq!(call.latch.moves(), 0);
}

#[test]
fn nobody_takes_a_call_over_while_the_phone_sends() {
    for signalled in [phone(4000), PRIVATE] {
        let mut call = Call::from(signalled);
        let mut owner = Sender::new(phone(4000), 7, 100);
        call.sends([&mut owner], 10);
        // Strangers of every kind: far, near, with the SSRC, with SSRC and the wrong numbers.
        let mut far = Sender::new(THIEF, 8, 0);
        let mut near = Sender::new(phone(4002), 9, 0);
        let mut knows_ssrc = Sender::new(THIEF, 7, 30_000);
        let mut knows_all = Sender::new(at([203, 0, 113, 67], 1), 7, 111);
        for _ in 0..20 {
            // Each offer used to open the door for five seconds.
            call.offers(Some(signalled), true);
            let taken = call.sends(
                [
                    &mut far,
                    &mut near,
                    &mut knows_ssrc,
                    &mut knows_all,
                    &mut owner,
                ],
                100,
            );
            assert_eq!(taken, [0, 0, 0, 0, 100]);
            assert!(call.goes_to(phone(4000)));
        }
        assert_eq!(call.latch.moves(), 0);
    }
}

#[test]
fn a_thief_who_is_there_before_the_phone_goes_when_it_comes() {
    let mut call = Call::from(phone(4000));
    let mut thief = Sender::new(THIEF, 8, 0);
    call.sends([&mut thief], 300);
    let mut owner = Sender::new(phone(4000), 7, 100);
    assert_eq!(call.sends([&mut owner, &mut thief], 300), [300, 0]);
    assert!(call.goes_to(phone(4000)));
}

#[test]
fn before_the_answer_nobody_but_the_named_address_is_heard() {
    let mut call = Call::from(PRIVATE);
    call.latch = Latch::new(Some(phone(0).ip()));
    call.offers(Some(PRIVATE), true);
    let (mut thief, mut near) = (Sender::new(THIEF, 8, 0), Sender::new(phone(9), 9, 0));
    assert_eq!(call.sends([&mut thief, &mut near], 300), [0, 0]);
    call.latch.open(call.now);
    let mut owner = Sender::new(phone(5000), 7, 100);
    // The stranger's head start is worth nothing: the signalling's own host comes first.
    assert_eq!(call.sends([&mut thief, &mut owner], 300), [0, 296]);
}

#[test]
fn a_caller_whose_voice_comes_from_elsewhere_is_heard_after_two_seconds() {
    let mut call = Call::from(PRIVATE);
    let mut media_host = Sender::new(at([198, 51, 100, 9], 7000), 7, 0);
    let [taken] = call.sends([&mut media_host], 200);
    assert_eq!(taken, 101);
    assert!(call.goes_to(media_host.from));
}

#[test]
fn a_phone_whose_nat_maps_it_anew_is_found_again_after_two_seconds_of_silence() {
    for signalled in [phone(4000), PRIVATE] {
        for lost in [0, 3, 40] {
            let mut call = Call::from(signalled);
            let mut owner = Sender::new(phone(4000), 7, 65_500);
            call.sends([&mut owner], 100);
            owner.from = phone(6000);
            owner.sequence = owner.sequence.wrapping_add(lost);
            let [taken] = call.sends([&mut owner], 200);
            assert_eq!(taken, 101, "{lost} lost");
            assert!(call.goes_to(phone(6000)));
            assert_eq!(call.latch.moves(), 1);
        }
    }
}

#[test]
fn a_phone_that_was_silent_itself_goes_on_with_the_next_number() {
    let mut call = Call::from(PRIVATE);
    let mut owner = Sender::new(phone(4000), 7, 10);
    call.sends([&mut owner], 100);
    call.now += MS * 60_000;
    owner.from = at([198, 51, 100, 77], 6000);
    assert_eq!(call.sends([&mut owner], 10), [9]);
}

#[test]
fn silence_opens_the_door_to_nobody_who_does_not_go_on_where_the_phone_stopped() {
    let mut call = Call::from(PRIVATE);
    let mut owner = Sender::new(phone(4000), 7, 1000);
    call.sends([&mut owner], 100);
    let mut strangers = [
        Sender::new(THIEF, 8, 1100),
        Sender::new(phone(4002), 8, 1100),
        Sender::new(THIEF, 7, 500),
        Sender::new(THIEF, 7, 40_000),
        // Guessed too far ahead for how long the phone has been silent.
        Sender::new(THIEF, 7, 1100 + 900),
    ];
    for stranger in &mut strangers {
        call.sends([&mut owner], 1);
        assert_eq!(call.sends([stranger], 100), [0]);
    }
    assert!(call.goes_to(phone(4000)));
    // The phone, back at its old address, is heard at once.
    assert_eq!(call.sends([&mut owner], 10), [10]);
}

#[test]
fn many_strangers_do_not_keep_a_rebound_phone_out() {
    let mut call = Call::from(PRIVATE);
    let mut owner = Sender::new(phone(4000), 7, 1000);
    call.sends([&mut owner], 100);
    owner.from = phone(6000);
    for n in 0..200_u16 {
        for port in 0..20 {
            Sender::new(at([203, 0, 113, 5], 7000 + port), 8, n).send(&mut call.latch, call.now);
        }
        call.sends([&mut owner], 1);
    }
    assert!(call.goes_to(phone(6000)));
}

#[test]
fn an_offer_moves_the_call_and_its_new_address_has_precedence() {
    let mut call = Call::from(phone(4000));
    let mut owner = Sender::new(phone(4000), 7, 1000);
    call.sends([&mut owner], 100);
    call.offers(Some(phone(9000)), true);
    assert!(call.goes_to(phone(9000)));
    let mut thief = Sender::new(THIEF, 8, 0);
    let mut moved = Sender::new(phone(9000), 99, 5);
    call.sends([&mut thief], 200);
    assert_eq!(
        call.sends([&mut moved, &mut thief, &mut owner], 100),
        [100, 0, 0]
    );
    assert!(call.goes_to(phone(9000)));
}

#[test]
fn a_phone_that_stays_where_it_is_whatever_its_offer_says_is_heard_without_a_gap() {
    let mut call = Call::from(PRIVATE);
    let mut owner = Sender::new(phone(4000), 7, 1000);
    call.sends([&mut owner], 100);
    call.offers(Some(at([10, 0, 0, 5], 4444)), true);
    let mut thief = Sender::new(phone(4002), 8, 0);
    assert_eq!(call.sends([&mut owner, &mut thief], 100), [100, 0]);
    assert!(call.goes_to(phone(4000)));
}

#[test]
fn a_phone_behind_a_nat_moves_with_its_offer() {
    let mut call = Call::from(PRIVATE);
    let mut owner = Sender::new(phone(4000), 7, 1000);
    call.sends([&mut owner], 100);
    call.offers(Some(at([10, 0, 0, 5], 4444)), true);
    let mut moved = Sender::new(phone(5555), 99, 1);
    call.sends([&mut moved], 100);
    assert!(call.goes_to(phone(5555)));
}

/// Hold, a NAT that forgets meanwhile, and a resume from a new mapping with a new SSRC.
#[test]
fn nobody_moves_in_during_hold_and_the_phone_is_found_afterwards() {
    let mut call = Call::from(PRIVATE);
    let mut owner = Sender::new(phone(4000), 7, 1000);
    call.sends([&mut owner], 100);
    call.offers(None, false);
    let mut thief = Sender::new(phone(4002), 8, 0);
    assert_eq!(call.sends([&mut thief], 500), [0]);
    call.offers(Some(PRIVATE), true);
    let mut resumed = Sender::new(phone(7777), 70, 5);
    assert_eq!(call.sends([&mut resumed], 100), [96]);
    assert!(call.goes_to(phone(7777)));
}

#[test]
fn a_stream_of_keys_does_not_hide_the_voice_from_its_rebound_phone() {
    let mut call = Call::from(PRIVATE);
    let mut owner = Sender::new(phone(4000), 7, 1000);
    call.sends([&mut owner], 100);
    let key = Header {
        payload_type: 101,
        marker: true,
        sequence: 5,
        timestamp: 0,
        ssrc: 1234,
    };
    let judged = call.latch.on_packet(phone(4000), &key, false, call.now);
    assert_eq!(judged, Latched::Accept);
    owner.from = phone(6000);
    call.sends([&mut owner], 200);
    assert!(call.goes_to(phone(6000)));
}

#[test]
fn reports_come_from_the_phone_and_go_where_they_come_from() {
    let mut call = Call::from(PRIVATE);
    let named = Some(at([10, 0, 0, 5], 4001));
    assert_eq!(call.latch.rtcp_target(named), named);
    let mut owner = Sender::new(phone(4000), 7, 1000);
    call.sends([&mut owner], 10);
    assert_eq!(call.latch.rtcp_target(named), Some(phone(4001)));
    let mut hears = |from, ssrc| call.latch.on_rtcp(from, ssrc, named, call.now);
    assert!(!hears(THIEF, 7), "another host");
    assert!(!hears(phone(9), 8), "another voice");
    assert!(hears(phone(5011), 7), "mapped to any port");
    assert!(
        hears(at([10, 0, 0, 5], 4001), 8),
        "the address its SDP names"
    );
    assert_eq!(call.latch.rtcp_target(named), Some(phone(5011)));
    owner.from = phone(6000);
    call.sends([&mut owner], 200);
    assert_eq!(call.latch.rtcp_target(named), Some(phone(6001)));
    assert_eq!(call.signalled, PRIVATE);
}

proptest! {
    /// Whatever strangers send, whenever, and however often offers come: a phone that sends keeps
    /// its call.
    #[test]
    fn a_phone_that_sends_keeps_its_call(
        behind_nat in any::<bool>(),
        noise in prop::collection::vec((0_u8..4, 0_u16..4, 0_u32..3, any::<u16>(), 0_u8..20), 0..400),
    ) {
        let signalled = if behind_nat { PRIVATE } else { phone(4000) };
        let mut call = Call::from(signalled);
        let mut owner = Sender::new(phone(4000), 1, 0);
        call.sends([&mut owner], 10);
        for (host, port, ssrc, sequence, offer) in noise {
            prop_assert_eq!(call.sends([&mut owner], 1), [1]);
            let from = if host == 0 { phone(4001 + port) } else { at([203, 0, 113, host], port) };
            let judged = Sender::new(from, ssrc, sequence).send(&mut call.latch, call.now);
            prop_assert_eq!(judged, Latched::Ignore);
            match offer {
                0 => call.offers(Some(signalled), true),
                1 => call.offers(None, false),
                _ => {}
            }
            prop_assert!(call.goes_to(phone(4000)));
        }
    }
}
