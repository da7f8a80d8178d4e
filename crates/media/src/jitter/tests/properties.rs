//! Whatever comes, in whatever order.

use proptest::prelude::*;

use super::*;

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
