use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::SampleRate;
use crate::g711::Law;
use crate::opus::{Encoder, Voice as Tuning};
use crate::{g711, level, tone};

#[expect(
    clippy::disallowed_methods,
    reason = "any instant serves as the origin of virtual time"
)]
fn origin() -> Instant {
    Instant::now()
}

/// Sends 20 ms packets of `sound`, losing those that `lost` names, and listens in frames of `listen_ms`.
fn talk(
    codec: Codec,
    rate: SampleRate,
    packets: &[Bytes],
    lost: &[usize],
    listen_ms: u64,
) -> Vec<(Heard, Vec<i16>)> {
    let mut stream = Stream::new(codec, rate).unwrap();
    let ticks = if codec == Codec::Opus { 960 } else { 160 };
    let start = origin();
    let mut heard = Vec::new();
    for ms in 0..packets.len() as u64 * 20 + 40 {
        let now = start + Duration::from_millis(ms);
        let number = usize::try_from(ms / 20).unwrap();
        let sent = packets
            .get(number)
            .filter(|_| ms % 20 == 0 && !lost.contains(&number));
        if let Some(payload) = sent {
            let seq = u16::try_from(number).unwrap();
            stream.insert((7, seq, u32::from(seq) * ticks), payload.clone(), now);
        }
        if ms % listen_ms == 3 {
            let mut out = vec![0; rate.samples_in_ms(u32::try_from(listen_ms).unwrap())];
            let kind = stream.frame(now, &mut out);
            heard.push((kind, out));
        }
    }
    heard
}

fn phone(sound: &[i16]) -> Vec<Bytes> {
    sound
        .chunks(160)
        .map(|frame| {
            let mut bytes = Vec::new();
            g711::encode(Law::A, frame, &mut bytes);
            Bytes::from(bytes)
        })
        .collect()
}

fn joined(heard: &[(Heard, Vec<i16>)]) -> Vec<i16> {
    heard
        .iter()
        .flat_map(|(_, pcm)| pcm.iter().copied())
        .collect()
}

/// How many frames were invented.
fn concealed(heard: &[(Heard, Vec<i16>)]) -> usize {
    heard
        .iter()
        .filter(|(kind, _)| *kind == Heard::Concealed)
        .count()
}

#[test]
fn a_phone_tone_comes_out_at_any_rate_and_pace() {
    let packets = phone(&tone::sine(SampleRate::HZ_8000, 600.0, -12.0, 16_000));
    for rate in [
        SampleRate::HZ_8000,
        SampleRate::HZ_16000,
        SampleRate::HZ_48000,
    ] {
        for pace in [10, 20] {
            let heard = talk(Codec::G711(Law::A), rate, &packets, &[], pace);
            let pcm = joined(&heard);
            let middle = &pcm[pcm.len() / 4..pcm.len() * 3 / 4];
            let level = tone::strength_dbfs(middle, rate, 600.0);
            assert!(
                (level + 12.0).abs() < 0.5,
                "{rate} every {pace} ms: {level:.1}"
            );
            assert_eq!(heard[20].0, Heard::Sound);
        }
    }
}

#[test]
fn lost_phone_packets_leave_no_hole() {
    let packets = phone(&tone::sine(SampleRate::HZ_8000, 250.0, -12.0, 16_000));
    let lost: Vec<usize> = (10..100).step_by(7).collect();
    let heard = talk(
        Codec::G711(Law::A),
        SampleRate::HZ_8000,
        &packets,
        &lost,
        20,
    );
    assert_eq!(concealed(&heard[..100]), lost.len());
    assert!(heard[5..95].iter().all(|(_, pcm)| level::dbov(pcm) > -18));
}

#[test]
fn opus_is_rebuilt_through_its_redundancy() {
    let rate = SampleRate::HZ_16000;
    let tuning = Tuning {
        expected_loss: 20,
        ..Tuning::default()
    };
    let mut encoder = Encoder::voice(rate, tuning).unwrap();
    let packets: Vec<Bytes> = tone::sine(rate, 250.0, -12.0, 16_000)
        .chunks(320)
        .map(|frame| encoder.encode(frame).unwrap())
        .collect();
    let heard = talk(Codec::Opus, rate, &packets, &[20, 30, 40], 20);
    assert_eq!(concealed(&heard[..50]), 3);
    let levels: Vec<i8> = heard[10..45]
        .iter()
        .map(|(_, pcm)| level::dbov(pcm))
        .collect();
    assert!(levels.iter().all(|level| *level > -27), "{levels:?}");
}

#[test]
fn rubbish_is_counted_and_the_stream_goes_on() {
    let mut stream = Stream::new(Codec::Opus, SampleRate::HZ_48000).unwrap();
    let now = origin();
    assert_eq!(stream.insert((1, 0, 0), Bytes::new(), now), None);
    assert_eq!(
        stream.insert((1, 1, 0), Bytes::from_static(&[3, 0]), now),
        None
    );
    assert_eq!(stream.bad_packets(), 2);
    let mut out = [1; 960];
    assert_eq!(stream.frame(now, &mut out), Heard::Idle);
    assert_eq!(out, [0; 960]);
}

#[test]
fn wide_band_lines_lose_packets_and_keep_their_upper_band() {
    let rate = SampleRate::HZ_16000;
    let mut encoder = crate::g722::Encoder::new();
    let packets: Vec<Bytes> = tone::sine(rate, 5_000.0, -12.0, 32_000)
        .chunks(320)
        .map(|frame| {
            let mut bytes = Vec::new();
            encoder.encode(frame, &mut bytes);
            Bytes::from(bytes)
        })
        .collect();
    let heard = talk(Codec::G722, rate, &packets, &[30, 50, 70], 20);
    assert_eq!(concealed(&heard[..100]), 3);
    let pcm = joined(&heard[80..95]);
    assert!((tone::strength_dbfs(&pcm, rate, 5_000.0) + 12.0).abs() < 2.0);
}

#[test]
fn a_phone_that_falls_silent_leaves_the_noise_it_described_and_no_loss() {
    let mut stream = Stream::new(Codec::G711(Law::Mu), SampleRate::HZ_8000).unwrap();
    let start = origin();
    let packets = phone(&tone::sine(SampleRate::HZ_8000, 600.0, -12.0, 1_600));
    let mut frames = Vec::new();
    for ms in 0..2_000_u64 {
        let now = start + Duration::from_millis(ms);
        let number = u16::try_from(ms / 20).unwrap();
        match packets.get(usize::from(number)).filter(|_| ms % 20 == 0) {
            Some(payload) => {
                stream.insert((7, number, u32::from(number) * 160), payload.clone(), now);
            }
            None if ms == 200 => stream.comfort(7, number, &[60, 1, 2]),
            None => {}
        }
        if ms % 20 == 5 {
            let mut out = [0; 160];
            frames.push((stream.frame(now, &mut out), level::dbov(&out)));
        }
    }
    let quiet = &frames[20..];
    assert!(quiet.iter().all(|(kind, _)| *kind <= Heard::Silence));
    assert!(quiet.iter().all(|(_, level)| (-63..=-57).contains(level)));
    assert_eq!((stream.stats().lost, stream.stats().bridged), (0, 0));
}
