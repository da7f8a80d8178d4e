use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::rtp::Header;

fn key(suite: Suite, seed: u64) -> MasterKey {
    MasterKey::generate(suite, &mut StdRng::seed_from_u64(seed))
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    let header = Header {
        payload_type: 0,
        marker: false,
        sequence,
        timestamp: 160,
        ssrc,
    };
    header.write(&[0x55; 160]).to_vec()
}

struct Pair {
    sender: Sender,
    receiver: Receiver,
}

impl Pair {
    fn new(suite: Suite) -> Self {
        let key = key(suite, 1);
        Self {
            sender: Sender::new(&key).unwrap(),
            receiver: Receiver::new(&[key]).unwrap(),
        }
    }

    fn seal(&mut self, ssrc: u32, sequence: u16) -> Vec<u8> {
        let mut out = Vec::new();
        self.sender.rtp(&packet(ssrc, sequence), &mut out).unwrap();
        out
    }

    fn open(&mut self, sealed: &[u8]) -> Result<(), Unprotected> {
        self.receiver.rtp(sealed, &mut Vec::new())
    }
}

#[test]
fn numbers_wrap_and_the_count_goes_on() {
    for suite in Suite::ALL {
        let mut pair = Pair::new(suite);
        let mut late = Vec::new();
        for n in 0..200_000_u32 {
            // One in ten thousand is enough, and all around each wrap.
            let near = n % 0x10000;
            if n % 10_000 != 0 && !(0xfff0..=0xffff).contains(&near) && near > 16 {
                continue;
            }
            let sealed = pair.seal(7, u16::try_from(near).unwrap());
            if near == 0xfffe {
                late = sealed;
                continue;
            }
            assert_eq!(pair.open(&sealed), Ok(()), "{suite:?} {n}");
            if near == 1 && n > 1 {
                // It comes after those that follow the wrap, and belongs before it.
                assert_eq!(pair.open(&late), Ok(()), "{suite:?} {n}");
                assert_eq!(pair.open(&late), Err(Unprotected::Replay));
            }
        }
    }
}

#[test]
fn a_packet_is_taken_once_and_an_old_one_never() {
    let mut pair = Pair::new(Suite::Aes128CmSha1_80);
    let sealed: Vec<_> = (0..300).map(|n| pair.seal(7, n)).collect();
    let mut out = vec![1];
    assert_eq!(pair.receiver.rtp(&sealed[299], &mut out), Ok(()));
    assert_eq!(out, packet(7, 299));
    assert_eq!(
        pair.receiver.rtp(&sealed[299], &mut out),
        Err(Unprotected::Replay)
    );
    assert!(out.is_empty(), "nothing is left to read");
    for (n, expected) in [
        (298, Ok(())),
        (172, Ok(())),
        (172, Err(Unprotected::Replay)),
        (171, Err(Unprotected::Replay)),
        (0, Err(Unprotected::Replay)),
    ] {
        assert_eq!(pair.open(&sealed[n]), expected, "{n}");
    }
}

/// Whoever sends noise in a caller's name must not move what is known of him.
#[test]
fn what_is_not_authentic_changes_nothing() {
    let mut pair = Pair::new(Suite::Aes128CmSha1_80);
    let good: Vec<_> = (0..3).map(|n| pair.seal(7, n)).collect();
    assert_eq!(pair.open(&good[0]), Ok(()));
    for sequence in [1, 2, 30_000, 65_535] {
        let mut forged = packet(7, sequence);
        forged.extend([0; 10]);
        assert!(pair.open(&forged).is_err());
    }
    for ssrc in 0..10_000 {
        let mut forged = packet(ssrc, 9);
        forged.extend([0; 10]);
        assert_eq!(pair.open(&forged), Err(Unprotected::Authentication));
    }
    assert_eq!(pair.open(&good[1]), Ok(()));
    assert_eq!(pair.open(&good[2]), Ok(()));
    // And a new source is still welcome.
    let other = pair.seal(8, 0);
    assert_eq!(pair.open(&other), Ok(()));
}

#[test]
fn sources_are_bounded() {
    let mut pair = Pair::new(Suite::Aes128CmSha1_80);
    for ssrc in 0..256 {
        let sealed = pair.seal(ssrc, 0);
        assert_eq!(pair.open(&sealed), Ok(()));
    }
    let sealed = pair.seal(256, 0);
    assert_eq!(pair.open(&sealed), Err(Unprotected::Sources));
    let sealed = pair.seal(255, 1);
    assert_eq!(pair.open(&sealed), Ok(()));
}

#[test]
fn the_key_that_a_packet_names_is_taken() {
    for suite in Suite::ALL {
        let named = |seed, mki: &[u8]| {
            let mut key = key(suite, seed);
            key.mki = Some(Mki(mki.to_vec()));
            key
        };
        let keys = [named(1, &[0, 1]), named(2, &[0, 2])];
        let mut receiver = Receiver::new(&keys).unwrap();
        for (nth, seed) in [(1_u16, 1), (2, 2)] {
            let mut sender = Sender::new(&key(suite, seed)).unwrap();
            let mut out = Vec::new();
            sender.rtp(&packet(7, nth), &mut out).unwrap();
            let at = if suite.is_aead() {
                out.len()
            } else {
                out.len() - suite.rtp_tag()
            };
            out.splice(at..at, nth.to_be_bytes());
            let mut unknown = out.clone();
            unknown[at + 1] = 9;
            let mut plain = Vec::new();
            let refused = receiver.rtp(&unknown, &mut plain);
            assert_eq!(refused, Err(Unprotected::Authentication));
            assert_eq!(receiver.rtp(&out, &mut plain), Ok(()), "{suite:?}");
            assert_eq!(plain, packet(7, nth));
        }
    }
}

#[test]
fn a_key_that_has_served_its_time_encrypts_no_more() {
    let mut short = key(Suite::Aes128CmSha1_80, 1);
    short.lifetime = Some(Lifetime(2));
    let mut sender = Sender::new(&short).unwrap();
    let mut out = Vec::new();
    assert_eq!(sender.rtp(&packet(7, 0), &mut out), Ok(()));
    assert_eq!(sender.rtp(&packet(7, 1), &mut out), Ok(()));
    assert_eq!(
        sender.rtp(&packet(7, 2), &mut out),
        Err(Exhausted::Lifetime)
    );
}

#[test]
fn keys_do_not_print() {
    let key = key(Suite::Aes128CmSha1_80, 1);
    let shown = format!("{key:?}");
    assert!(shown.contains("[redacted]"), "{shown}");
}

/// A process that dies knows no more how often the numbers have run over, unless that was kept.
#[test]
fn both_sides_go_on_after_a_restart_and_no_number_is_used_twice() {
    for suite in Suite::ALL {
        let mut pair = Pair::new(suite);
        for n in 0..70_000_u32 {
            let near = u16::try_from(n % 0x10000).unwrap();
            if n % 10_000 == 0 || !(8..=0xfff8).contains(&near) || n == 69_999 {
                let sealed = pair.seal(7, near);
                assert_eq!(pair.open(&sealed), Ok(()));
            }
        }
        let last = pair.seal(7, 4_464);
        assert_eq!(pair.open(&last), Ok(()));
        // Ours comes back, and goes on beyond what may have been used.
        let mut sender = Sender::new(&key(suite, 1)).unwrap();
        let next = 0x10000 + 4_464 + 2_048_u64;
        sender.go_on(7, next, 64);
        let mut sealed = Vec::new();
        let number = u16::try_from(next % 0x10000).unwrap();
        sender.rtp(&packet(7, number), &mut sealed).unwrap();
        // The other side, which was there all the time, takes it.
        assert_eq!(pair.open(&sealed), Ok(()), "{suite:?}");
        assert_eq!(sender.reports(), 64);
        // And the same the other way round: a receiver that comes back.
        let mut fresh = Receiver::new(&[key(suite, 1)]).unwrap();
        let unknown = fresh.rtp(&sealed, &mut Vec::new());
        assert_eq!(unknown, Err(Unprotected::Authentication));
        let mut back = Receiver::new(&[key(suite, 1)]).unwrap();
        back.go_on(&Heard {
            rtp: vec![(7, 0x10000 + 4_464)],
            rtcp: Vec::new(),
        });
        assert_eq!(back.rtp(&last, &mut Vec::new()), Err(Unprotected::Replay));
        assert_eq!(back.rtp(&sealed, &mut Vec::new()), Ok(()), "{suite:?}");
        assert_eq!(back.heard().rtp, [(7, next)]);
    }
}
