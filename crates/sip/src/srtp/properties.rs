use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::rtp::Header;

fn pair(suite: usize, seed: u64) -> (Sender, Receiver) {
    let suite = Suite::ALL[suite % Suite::ALL.len()];
    let key = MasterKey::generate(suite, &mut StdRng::seed_from_u64(seed));
    (Sender::new(&key).unwrap(), Receiver::new(&[key]).unwrap())
}

fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        payload_type: 8,
        marker: true,
        sequence,
        timestamp: 1,
        ssrc: 42,
    };
    header.write(payload).to_vec()
}

proptest! {
    #[test]
    fn what_was_sealed_opens_once(
        suite in 0..6_usize,
        seed: u64,
        start in 0..0x8000_u16,
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..40),
    ) {
        let (mut sender, mut receiver) = pair(suite, seed);
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        for (n, payload) in payloads.iter().enumerate() {
            let plain = packet(start.wrapping_add(u16::try_from(n).unwrap()), payload);
            sender.rtp(&plain, &mut sealed).unwrap();
            prop_assert_eq!(receiver.rtp(&sealed, &mut opened), Ok(()));
            prop_assert_eq!(&opened, &plain);
            prop_assert_eq!(receiver.rtp(&sealed, &mut opened), Err(Unprotected::Replay));
            prop_assert!(opened.is_empty());
        }
    }

    #[test]
    fn a_flipped_bit_never_passes(
        suite in 0..6_usize,
        seed: u64,
        payload in proptest::collection::vec(any::<u8>(), 0..100),
        report in proptest::collection::vec(any::<u8>(), 8..100),
        at: proptest::sample::Index,
        bit in 0..8_u8,
    ) {
        let (mut sender, mut receiver) = pair(suite, seed);
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        sender.rtp(&packet(7, &payload), &mut sealed).unwrap();
        let mut damaged = sealed.clone();
        *at.get_mut(&mut damaged) ^= 1 << bit;
        prop_assert!(receiver.rtp(&damaged, &mut opened).is_err());
        prop_assert!(opened.is_empty());
        prop_assert_eq!(receiver.rtp(&sealed, &mut opened), Ok(()));

        sender.rtcp(&report, &mut sealed).unwrap();
        let mut damaged = sealed.clone();
        *at.get_mut(&mut damaged) ^= 1 << bit;
        prop_assert!(receiver.rtcp(&damaged, &mut opened).is_err());
        prop_assert!(opened.is_empty());
        prop_assert_eq!(receiver.rtcp(&sealed, &mut opened), Ok(()));
        prop_assert_eq!(&opened, &report);
        prop_assert_eq!(receiver.rtcp(&sealed, &mut opened), Err(Unprotected::Replay));
    }

    #[test]
    fn no_bytes_panic_or_pass(
        suite in 0..6_usize,
        data in proptest::collection::vec(any::<u8>(), 0..300),
        first in 0..4_u8,
    ) {
        let (mut sender, mut receiver) = pair(suite, 1);
        let mut out = Vec::new();
        let mut data = data;
        if let Some(byte) = data.first_mut() {
            *byte = 0x80 | first << 4 | (*byte & 0x0f);
        }
        prop_assert!(receiver.rtp(&data, &mut out).is_err());
        prop_assert!(receiver.rtcp(&data, &mut out).is_err());
        let _ = sender.rtp(&data, &mut out);
        let _ = sender.rtcp(&data, &mut out);
    }
}
