use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};
use trunkline_base::time::UnixTime;

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
    Instant::now()
}

fn header(sequence: u16, timestamp: u32) -> Header {
    Header {
        payload_type: 0,
        marker: false,
        sequence,
        timestamp,
        ssrc: 7,
    }
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_packet_survives_the_wire() {
    let header = Header {
        payload_type: 101,
        marker: true,
        sequence: 9,
        timestamp: 10,
        ssrc: 11,
    };
    let bytes = header.write(b"abc");
    assert_eq!(parse(&bytes), Some((header, b"abc".as_slice())));
}

#[test]
fn sources_extensions_and_padding_are_skipped() {
    let mut data = vec![0x80 | 0x20 | 0x10 | 1, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    data.extend([0, 0, 0, 4, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, b'x', b'y', 0, 2]);
    assert_eq!(parse(&data).unwrap().1, b"xy");
    *data.last_mut().unwrap() = 200;
    assert_eq!(parse(&data), None);
}

#[test]
fn numbers_survive_wraps_and_reordering() {
    let t0 = start();
    let mut reception = Reception::new(8000, t0);
    let first = reception.on_packet(&header(65_534, 0), t0);
    assert_eq!(reception.on_packet(&header(1, 480), t0), first + 3);
    assert_eq!(reception.on_packet(&header(65_535, 160), t0), first + 1);
    let summary = reception.summary();
    assert_eq!(
        (summary.received, summary.expected, summary.lost()),
        (3, 4, 1)
    );
}

#[test]
fn an_even_stream_has_no_jitter_and_an_uneven_one_has() {
    let t0 = start();
    let run = |delay: fn(u32) -> u32| {
        let mut reception = Reception::new(8000, t0);
        for n in 0..200_u32 {
            let when = t0 + MS * (n * 20 + delay(n));
            let packet = header(u16::try_from(n).unwrap(), (n * 160).wrapping_sub(5000));
            reception.on_packet(&packet, when);
        }
        reception.summary().jitter_ms
    };
    assert!(run(|_| 0) < 0.01);
    let shaken = run(|n| (n % 2) * 10);
    assert!((8.0..12.0).contains(&shaken), "{shaken}");
}

#[test]
fn reports_are_read_as_written() {
    let t0 = start();
    let mut reception = Reception::new(8000, t0);
    for n in [0, 1, 3] {
        reception.on_packet(&header(n, u32::from(n) * 160), t0 + MS * u32::from(n) * 20);
    }
    reception.on_sender_report(7, 0x1234_5678, t0);
    let block = reception.report(t0 + MS * 1000).unwrap();
    assert_eq!((block.fraction_lost, block.total_lost), (64, 1));
    assert_eq!((block.last_sr, block.delay_since_sr), (0x1234_5678, 65_536));
    let sender = SenderInfo {
        at: UnixTime(1_700_000_000_500),
        timestamp: 5,
        packets: 6,
        octets: 7,
    };
    let packet = report(99, "gw@host", Some(&sender), Some(&block));
    assert_eq!(packet.len() % 4, 0);
    assert!(is_rtcp(&packet));
    let found = parse_rtcp(&packet);
    assert!(
        matches!(found.first(), Some(Rtcp::SenderReport { ssrc: 99, ntp_middle })
        if ntp_middle & 0xffff == 0x8000)
    );
    assert_eq!(found.get(1), Some(&Rtcp::Block(block)));
    assert_eq!(parse_rtcp(&bye(99, "gw")), [Rtcp::Bye(99)]);
}

/// A PBX moved a call between its parts: the same SSRC, numbers from elsewhere.
#[test]
fn numbers_that_jump_are_another_stream_once_two_packets_say_so() {
    let t0 = start();
    for jump in [
        20_000_u16,
        3001,
        0_u16.wrapping_sub(200),
        0_u16.wrapping_sub(1000),
    ] {
        let mut reception = Reception::new(8000, t0);
        for n in 0..50_u16 {
            reception.on_packet(&header(n, u32::from(n) * 160), t0);
        }
        for n in 50..100_u16 {
            let there = n.wrapping_add(jump);
            reception.on_packet(&header(there, u32::from(n) * 160), t0);
        }
        let summary = reception.summary();
        assert_eq!((summary.received, summary.restarts), (100, 1), "{jump}");
        assert!(summary.lost() <= 1, "{jump}: {summary:?}");
        let highest = reception.report(t0).unwrap().highest;
        assert_eq!(
            highest & 0xffff,
            u32::from(99_u16.wrapping_add(jump)),
            "{jump}"
        );
    }
    // One stray packet is no jump.
    let mut reception = Reception::new(8000, t0);
    for n in [0, 1, 2, 9000, 3, 4, 30_000, 5] {
        reception.on_packet(&header(n, 0), t0);
    }
    assert_eq!(reception.summary().restarts, 0);
    assert_eq!(reception.report(t0).unwrap().highest, 5);
}

proptest! {
    #[test]
    fn no_bytes_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&data);
        let _ = parse_rtcp(&data);
    }

    #[test]
    fn any_stream_is_counted_without_harm(
        packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 0_u32..3), 0..200)
    ) {
        let t0 = start();
        let mut reception = Reception::new(8000, t0);
        for (n, (sequence, timestamp, ssrc)) in packets.into_iter().enumerate() {
            let header = Header { ssrc, ..header(sequence, timestamp) };
            reception.on_packet(&header, t0 + MS * u32::try_from(n).unwrap());
            let _ = reception.report(t0);
        }
        prop_assert!(reception.summary().jitter_ms.is_finite());
    }
}

#[test]
fn a_round_trip_is_what_their_delay_leaves_of_the_time_since_our_report() {
    let at = |millis: u64| UnixTime(1_700_000_000_000 + millis);
    let sent = report(
        1,
        "x",
        Some(&SenderInfo {
            at: at(0),
            timestamp: 0,
            packets: 1,
            octets: 1,
        }),
        None,
    );
    let [Rtcp::SenderReport { ntp_middle, .. }] = parse_rtcp(&sent)[..] else {
        panic!("no report of ours");
    };
    let block = |last_sr, delay_since_sr| ReportBlock {
        ssrc: 1,
        fraction_lost: 0,
        total_lost: 0,
        highest: 0,
        jitter: 0,
        last_sr,
        delay_since_sr,
    };
    let trip = |delay: u32, millis| round_trip(&block(ntp_middle, delay), at(millis));
    let about = trip(65_536, 1_080).unwrap().as_millis();
    assert!((79..=80).contains(&about), "{about}");
    assert_eq!(trip(65_536, 999), Some(Duration::ZERO));
    assert_eq!(trip(65_536, 0), None);
    assert_eq!(trip(0, 60_000), None);
    assert_eq!(round_trip(&block(0, 0), at(10)), None);
}
