use proptest::prelude::*;

use super::*;
use crate::opus::{Application, Encoder, Voice};
use crate::{SampleRate, level, tone};

const RATE: SampleRate = SampleRate::HZ_16000;

/// 20 ms packets of a tone.
fn packets(hz: f64, count: usize, frame_ms: u32) -> Vec<Vec<u8>> {
    let application = if frame_ms > 20 {
        Application::LowDelay
    } else {
        Application::Voip
    };
    let voice = Voice {
        application,
        ..Voice::default()
    };
    let mut encoder = Encoder::voice(RATE, voice).unwrap();
    let frame = RATE.samples_in_ms(frame_ms);
    tone::sine(RATE, hz, -10.0, frame * count)
        .chunks(frame)
        .map(|pcm| encoder.encode(pcm).unwrap().to_vec())
        .collect()
}

fn writer() -> DualOpusWriter {
    DualOpusWriter::new(&Options {
        serial: 7,
        ..Options::default()
    })
}

fn place(writer: &mut DualOpusWriter, side: Side, from_ms: u64, step_ms: u64, sound: &[Vec<u8>]) {
    for (index, packet) in (0_u64..).zip(sound) {
        writer
            .push(side, (from_ms + index * step_ms) * 48, packet)
            .unwrap();
    }
}

fn finished(mut writer: DualOpusWriter) -> Vec<u8> {
    writer.finish();
    writer.take()
}

fn between(pcm: &[i16], from_ms: u32, to_ms: u32) -> &[i16] {
    &pcm[RATE.samples_in_ms(from_ms)..RATE.samples_in_ms(to_ms)]
}

#[test]
fn each_side_comes_back_alone_where_it_was_placed() {
    let mut writer = writer();
    place(&mut writer, Side::Left, 0, 20, &packets(400.0, 100, 20));
    place(&mut writer, Side::Right, 3_000, 20, &packets(900.0, 50, 20));
    let file = finished(writer);
    let reader = Reader::new(&file).unwrap();
    let measured = reader.measure();
    assert!(measured.complete);
    assert_eq!(
        (measured.packets, measured.whole_bytes),
        (200, file.len() as u64)
    );
    assert_eq!(
        measured.duration,
        std::time::Duration::from_micros(3_993_500)
    );

    let stereo = reader.decode(RATE).unwrap();
    assert_eq!(stereo.left.len(), stereo.right.len());
    let caller = between(&stereo.left, 200, 1_800);
    assert!(tone::strength_dbfs(caller, RATE, 400.0) > -12.0);
    assert!(
        level::dbov(between(&stereo.right, 0, 2_900)) < -80,
        "leak while the agent is away"
    );
    let after: Vec<i8> = between(&stereo.left, 2_000, 3_900)
        .chunks(1_600)
        .map(level::dbov)
        .collect();
    assert!(
        after[3..].iter().all(|level| *level < -60),
        "silence after the caller: {after:?}"
    );
    let agent = between(&stereo.right, 3_200, 3_900);
    assert!(tone::strength_dbfs(agent, RATE, 900.0) > -12.0);
    assert!(
        tone::strength_dbfs(agent, RATE, 400.0) < -60.0,
        "leak between channels"
    );
}

#[test]
fn sound_starts_where_it_was_placed_to_within_ten_milliseconds() {
    use crate::analyse::{Rules, segments};
    let mut writer = writer();
    place(&mut writer, Side::Left, 500, 20, &packets(400.0, 40, 20));
    place(&mut writer, Side::Right, 2_000, 20, &packets(900.0, 40, 20));
    let stereo = Reader::new(&finished(writer))
        .unwrap()
        .decode(RATE)
        .unwrap();
    let caller = segments(&stereo.left, RATE, &Rules::default());
    let agent = segments(&stereo.right, RATE, &Rules::default());
    let near = |time: std::time::Duration, ms: u64| {
        time.abs_diff(std::time::Duration::from_millis(ms)) <= std::time::Duration::from_millis(10)
    };
    assert!(near(caller[0].start, 500), "{caller:?}");
    assert!(near(agent[0].start, 2_000), "{agent:?}");
}

#[test]
fn packets_of_other_lengths_are_put_on_the_grid() {
    for (ms, count) in [(10_u32, 100), (20, 50), (40, 25), (60, 17)] {
        let mut writer = writer();
        place(
            &mut writer,
            Side::Left,
            0,
            u64::from(ms),
            &packets(400.0, count, ms),
        );
        place(&mut writer, Side::Right, 0, 20, &packets(900.0, 50, 20));
        let stereo = Reader::new(&finished(writer))
            .unwrap()
            .decode(RATE)
            .unwrap();
        let caller = between(&stereo.left, 200, 900);
        let level = tone::strength_dbfs(caller, RATE, 400.0);
        assert!(level > -12.0, "{ms} ms: {level:.1} dBFS");
    }
}

#[test]
fn a_frame_that_cannot_be_cut_is_refused_by_name() {
    let mut encoder = Encoder::voice(SampleRate::HZ_8000, Voice::default()).unwrap();
    let long = encoder.encode(&[500; 480]).unwrap();
    assert_eq!(writer().push(Side::Left, 0, &long), Err(PushError::Unfit));
    assert!(matches!(
        writer().push(Side::Left, 0, &[]),
        Err(PushError::BadPacket(_))
    ));
}

#[test]
fn a_packet_after_its_time_is_late_and_far_ones_are_refused() {
    let mut writer = writer();
    let sound = packets(400.0, 2, 20);
    writer.advance(48_000);
    assert_eq!(
        writer.push(Side::Left, 960, &sound[0]),
        Err(PushError::Late)
    );
    assert_eq!(
        writer.push(Side::Left, u64::MAX / 2, &sound[0]),
        Err(PushError::Far)
    );
    assert_eq!(writer.push(Side::Left, 48_000, &sound[0]), Ok(()));
}

#[test]
fn a_second_never_passes_without_a_page() {
    let mut writer = writer();
    let mut taken = writer.take().len();
    assert!(taken > 0, "headers come first");
    for second in 1..=5_u64 {
        writer.advance(second * 48_000);
        let page = writer.take();
        assert!(!page.is_empty(), "second {second}");
        taken += page.len();
    }
    assert_eq!(writer.played_48k(), 240_000 - 312);
    let large = vec![vec![0xFC; 1_200]; 50];
    place(&mut writer, Side::Left, 5_000, 20, &large);
    place(&mut writer, Side::Right, 5_000, 20, &large);
    writer.advance(288_000);
    let pages = writer.take();
    assert!(Pages::new(&pages).count() >= 2 && pages.len() > 100_000 && taken > 0);
}

use super::page::Pages;

#[test]
fn a_file_cut_anywhere_plays_up_to_its_last_page() {
    let mut writer = writer();
    place(&mut writer, Side::Left, 0, 20, &packets(400.0, 300, 20));
    let file = finished(writer);
    let whole = Reader::new(&file).unwrap().measure();
    for cut in [file.len() - 1, file.len() * 2 / 3, file.len() / 2] {
        let torn = &file[..cut];
        let reader = Reader::new(torn).unwrap();
        let measured = reader.measure();
        assert!(!measured.complete && measured.whole_bytes <= cut as u64);
        assert!(measured.duration <= whole.duration);
        assert!(
            measured.duration.as_secs_f64()
                > whole.duration.as_secs_f64() * cut as f64 / file.len() as f64 - 1.2
        );
        let stereo = reader.decode(RATE).unwrap();
        assert_eq!(stereo.left.len(), RATE.samples_in(measured.duration));
    }
}

#[test]
fn damage_in_the_middle_costs_one_page() {
    let mut writer = writer();
    place(&mut writer, Side::Left, 0, 20, &packets(400.0, 200, 20));
    let mut file = finished(writer);
    let middle = file.len() / 2;
    file[middle] ^= 0xFF;
    let stereo = Reader::new(&file).unwrap().decode(RATE).unwrap();
    assert!(
        (2_900..3_100).contains(&(stereo.left.len() / 16)),
        "{}",
        stereo.left.len() / 16
    );
}

#[test]
fn an_empty_recording_is_a_whole_file() {
    let file = finished(writer());
    let measured = Reader::new(&file).unwrap().measure();
    assert_eq!(
        (measured.duration, measured.complete),
        (std::time::Duration::from_micros(13_500), true)
    );
    assert_eq!(Reader::new(b"RIFF").unwrap_err(), ReadError::NotOpus);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_at_any_time_make_a_readable_file(
        pushes in prop::collection::vec((any::<bool>(), 0_u64..300_000, prop::collection::vec(any::<u8>(), 0..90)), 0..60)
    ) {
        let mut writer = writer();
        for (left, at, bytes) in pushes {
            let side = if left { Side::Left } else { Side::Right };
            let _ = writer.push(side, at, &bytes);
            writer.advance(at / 2);
        }
        let slots = writer.played_48k();
        let file = finished(writer);
        let reader = Reader::new(&file).unwrap();
        let stereo = reader.decode(RATE).unwrap();
        prop_assert!(stereo.left.len() as u64 * 3 >= slots);
        prop_assert_eq!(stereo.left.len(), stereo.right.len());
    }

    #[test]
    fn no_file_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0_usize..300) {
        let mut file = writer().take();
        let at = at.min(file.len());
        file.splice(at.., bytes);
        if let Ok(reader) = Reader::new(&file) {
            let _ = reader.measure();
            let _ = reader.decode(RATE);
        }
    }
}
