//! Whatever comes, in whatever order.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_packets_are_harmless(
        packets in proptest::collection::vec(
            (0_u32..3, any::<u16>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..13)),
            0..100,
        )
    ) {
        let now = start();
        let mut receiver = Receiver::new();
        let (mut down, mut up) = (0, 0);
        for (ssrc, sequence, timestamp, payload) in packets {
            let header = Header { payload_type: 101, marker: false, sequence, timestamp, ssrc };
            for event in receiver.on_packet(&header, &payload, 8000, now) {
                match event {
                    KeyEvent::Down(_) => down += 1,
                    KeyEvent::Up(..) => up += 1,
                }
            }
        }
        prop_assert!(down == up || down == up + 1);
    }

    /// Any dialling over a network that loses, doubles and swaps: each key once, in order.
    #[test]
    fn any_number_survives_the_network(
        number in "[0-9*#]{1,12}",
        fate in proptest::collection::vec(0_u8..10, 11),
    ) {
        prop_assume!(fate.iter().filter(|fate| **fate == 0).count() < 4);
        let heard = Phone::dials(&number, |phone, packets| {
            for (packet, fate) in packets.iter().zip(&fate) {
                phone.now += Duration::from_millis(20);
                match fate {
                    0 => {}
                    1 | 2 => {
                        phone.arrives_now(packet);
                        phone.arrives_now(packet);
                    }
                    _ => phone.arrives_now(packet),
                }
            }
        });
        prop_assert_eq!(heard, number);
    }
}
