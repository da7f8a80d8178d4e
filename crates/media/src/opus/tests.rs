use proptest::prelude::*;

use super::packet::{self, Toc};
use super::*;
use crate::{SampleRate, level, tone};

fn encoder(rate: SampleRate) -> Encoder {
    Encoder::voice(rate, Voice::default()).unwrap()
}

#[test]
fn a_tone_survives_every_rate() {
    for rate in [
        SampleRate::HZ_8000,
        SampleRate::HZ_16000,
        SampleRate::HZ_24000,
        SampleRate::HZ_48000,
    ] {
        let (mut encoder, mut decoder) = (encoder(rate), Decoder::new(rate).unwrap());
        let frame = rate.samples_in_ms(20);
        let mut source = tone::Sine::new(rate, 440.0, -10.0);
        let mut heard = Vec::new();
        for _ in 0..50 {
            let mut pcm = vec![0; frame];
            source.fill(&mut pcm);
            let packet = encoder.encode(&pcm).unwrap();
            assert_eq!(packet::duration_samples_48k(&packet), Some(960));
            assert_eq!(decoder.samples_of(&packet), Some(frame));
            heard.extend_from_slice(decoder.decode(&packet).unwrap());
        }
        let middle = &heard[heard.len() / 4..];
        let level = tone::strength_dbfs(middle, rate, 440.0);
        assert!((level + 10.0).abs() < 2.0, "{rate}: {level:.1} dBFS");
    }
}

#[test]
fn a_wrong_rate_or_length_is_refused_with_its_number() {
    assert_eq!(
        Encoder::voice(SampleRate::HZ_44100, Voice::default()).err(),
        Some(OpusError::Rate(SampleRate::HZ_44100))
    );
    let error = encoder(SampleRate::HZ_8000).encode(&[0; 150]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "150 samples at 8000 Hz are no opus frame"
    );
    assert_eq!(
        Decoder::new(SampleRate::HZ_8000).unwrap().decode(&[]),
        Err(OpusError::BadPacket)
    );
}

#[test]
fn a_lost_packet_is_rebuilt_from_the_next_and_concealed_without_it() {
    let rate = SampleRate::HZ_16000;
    let voice = Voice {
        expected_loss: 20,
        ..Voice::default()
    };
    let mut encoder = Encoder::voice(rate, voice).unwrap();
    let mut source = tone::Sine::new(rate, 300.0, -6.0);
    let packets: Vec<_> = (0..20)
        .map(|_| {
            let mut pcm = vec![0; 320];
            source.fill(&mut pcm);
            encoder.encode(&pcm).unwrap()
        })
        .collect();
    for fec in [true, false] {
        let mut decoder = Decoder::new(rate).unwrap();
        for packet in &packets[..15] {
            decoder.decode(packet).unwrap();
        }
        let rebuilt = if fec {
            decoder.decode_fec(&packets[16], 320).unwrap()
        } else {
            decoder.conceal(320).unwrap()
        };
        assert_eq!(rebuilt.len(), 320);
        assert!(
            level::dbov(rebuilt) > -20,
            "fec {fec}: {} dBov",
            level::dbov(rebuilt)
        );
    }
}

#[test]
fn silence_costs_almost_nothing_with_dtx() {
    let voice = Voice {
        dtx: true,
        ..Voice::default()
    };
    let mut encoder = Encoder::voice(SampleRate::HZ_16000, voice).unwrap();
    let sizes: Vec<_> = (0..60)
        .map(|_| encoder.encode(&[0; 320]).unwrap())
        .collect();
    assert!(
        sizes[40..]
            .iter()
            .filter(|packet| packet::is_dtx(packet))
            .count()
            >= 18
    );
}

#[test]
fn toc_durations_follow_the_table_of_the_rfc() {
    let milliseconds_x10 = |config: u8| Toc(config << 3).frame_48k() * 10 / 48;
    assert_eq!(
        (0..4).map(milliseconds_x10).collect::<Vec<_>>(),
        [100, 200, 400, 600]
    );
    assert_eq!(
        (12..16).map(milliseconds_x10).collect::<Vec<_>>(),
        [100, 200, 100, 200]
    );
    assert_eq!(
        (28..32).map(milliseconds_x10).collect::<Vec<_>>(),
        [25, 50, 100, 200]
    );
}

#[test]
fn our_reading_of_packets_agrees_with_libopus() {
    for ms in [10, 20, 40, 60] {
        let rate = SampleRate::HZ_16000;
        let packet = encoder(rate)
            .encode(&vec![900; rate.samples_in_ms(ms)])
            .unwrap();
        let parsed = packet::parse(&packet).unwrap();
        assert_eq!(
            parsed.frames.len(),
            ::opus::packet::get_nb_frames(&packet).unwrap()
        );
        assert_eq!(packet::duration_samples_48k(&packet), Some(ms * 48));
    }
}

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..6)
}

proptest! {
    #[test]
    fn no_bytes_break_the_parsers(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = packet::parse(&bytes);
        let _ = packet::parse_self_delimited(&bytes);
        let _ = packet::duration_samples_48k(&bytes);
    }

    #[test]
    fn no_bytes_break_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder::new(SampleRate::HZ_8000).unwrap();
        let _ = decoder.decode(&bytes).map(<[i16]>::len);
        let _ = decoder.decode_fec(&bytes, 160).map(<[i16]>::len);
        prop_assert!(decoder.conceal(160).is_ok());
    }

    #[test]
    fn both_framings_give_back_what_was_written(frames in frames(), tail in prop::collection::vec(any::<u8>(), 0..20)) {
        let toc = Toc(8 << 3 | 1 << 3);
        let slices: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
        let mut plain = Vec::new();
        packet::write_many(toc, &slices, false, &mut plain);
        prop_assert_eq!(packet::parse(&plain).unwrap().frames, slices.clone());
        let mut delimited = Vec::new();
        packet::write_many(toc, &slices, true, &mut delimited);
        delimited.extend_from_slice(&tail);
        let (read, rest) = packet::parse_self_delimited(&delimited).unwrap();
        prop_assert_eq!(read.frames, slices.clone());
        prop_assert_eq!(rest, tail.as_slice());

        let mut one = Vec::new();
        packet::write_self_delimited(toc, slices[0], &mut one);
        packet::write_plain(toc, slices[0], &mut one);
        let (first, rest) = packet::parse_self_delimited(&one).unwrap();
        prop_assert_eq!(&first.frames, &vec![slices[0]]);
        prop_assert_eq!(packet::parse(rest).unwrap().frames, vec![slices[0]]);
    }
}
