use std::time::{Duration, Instant};

use bytes::Bytes;
use trunkline_base::id::{EgressId, RoomName, TrackSid};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_media::analyse::{Rules, segments};
use trunkline_media::g711::{self, Law};
use trunkline_media::ogg::{Reader, Side, Stereo};
use trunkline_media::opus::{Encoder, Voice};
use trunkline_media::{SampleRate, level, tone};
use trunkline_service::tasks::Tasks;
use trunkline_store::{RecordingStart, Store};

use super::assembly::{Assembly, Counts, Incoming};
use super::mixdown::TrackCodec;
use super::*;

const RATE: SampleRate = SampleRate::HZ_16000;

fn sid(name: &str) -> TrackSid {
    TrackSid::parse(format!("TR_{name}")).unwrap()
}

/// A call in virtual time: packets by arrival, the file at the end.
struct Call {
    start: Instant,
    assembly: Assembly,
    packets: Vec<(u64, TrackSid, Incoming)>,
}

impl Call {
    fn new() -> Self {
        let start = Instant::now();
        Self {
            start,
            assembly: Assembly::new(1, start),
            packets: Vec::new(),
        }
    }

    fn track(&mut self, name: &str, side: Side, codec: TrackCodec) {
        self.assembly.add_track(sid(name), side, codec);
    }

    /// An Opus voice from `from_ms` to `to_ms`, each packet `delay(n)` late.
    fn says(&mut self, name: &str, hz: f64, (from, to): (u64, u64), delay: impl Fn(u64) -> u64) {
        let mut encoder = Encoder::voice(RATE, Voice::default()).unwrap();
        let mut source = tone::Sine::new(RATE, hz, -10.0);
        for (n, at) in (from..to).step_by(20).enumerate() {
            let mut pcm = [0; 320];
            source.fill(&mut pcm);
            let payload = encoder.encode(&pcm).unwrap();
            let timestamp = 4_294_900_000_u32.wrapping_add(u32::try_from(at * 48).unwrap());
            self.send(name, at + delay(n as u64), timestamp, payload);
        }
    }

    fn send(&mut self, name: &str, at: u64, timestamp: u32, payload: Bytes) {
        let arrival = self.start + Duration::from_millis(at);
        let incoming = Incoming {
            timestamp,
            level: None,
            payload,
            arrival,
        };
        self.packets.push((at, sid(name), incoming));
    }

    fn recorded(mut self, until_ms: u64) -> (Stereo, Counts, Vec<u8>) {
        self.packets.sort_by_key(|(at, ..)| *at);
        let mut packets = self.packets.into_iter().peekable();
        let mut file = Vec::new();
        for ms in (0..until_ms).step_by(100) {
            while let Some((_, sid, packet)) = packets.next_if(|(at, ..)| *at <= ms) {
                self.assembly.packet(&sid, &packet);
            }
            file.extend(
                self.assembly
                    .advance(self.start + Duration::from_millis(ms)),
            );
        }
        file.extend(
            self.assembly
                .finish(self.start + Duration::from_millis(until_ms)),
        );
        let stereo = Reader::new(&file).unwrap().decode(RATE).unwrap();
        (stereo, self.assembly.counts(), file)
    }
}

fn between(pcm: &[i16], from_ms: u32, to_ms: u32) -> &[i16] {
    &pcm[RATE.samples_in_ms(from_ms)..RATE.samples_in_ms(to_ms)]
}

fn near(time: Duration, ms: u64, tolerance: u64) -> bool {
    time.abs_diff(Duration::from_millis(ms)) <= Duration::from_millis(tolerance)
}

#[test]
fn two_voices_go_in_untouched_each_on_its_side_and_in_its_time() {
    let mut call = Call::new();
    call.track("caller", Side::Left, TrackCodec::Opus);
    call.track("agent", Side::Right, TrackCodec::Opus);
    call.says("caller", 400.0, (1_000, 3_000), |n| 3 + n * 7 % 23);
    call.says("agent", 900.0, (4_000, 6_000), |n| 3 + n * 5 % 17);
    let (stereo, counts, file) = call.recorded(8_000);
    assert_eq!(
        counts,
        Counts {
            untouched: 200,
            ..Counts::default()
        }
    );
    let caller = segments(&stereo.left, RATE, &Rules::default());
    let agent = segments(&stereo.right, RATE, &Rules::default());
    assert!(
        near(caller[0].start, 1_000, 25) && near(agent[0].start, 4_000, 25),
        "{caller:?} {agent:?}"
    );
    assert!(tone::strength_dbfs(between(&stereo.right, 4_200, 5_800), RATE, 400.0) < -60.0);
    let measured = Reader::new(&file).unwrap().measure();
    assert!(
        measured.complete && near(measured.duration, 8_000, 40),
        "{measured:?}"
    );
}

#[test]
fn two_speakers_on_a_side_are_mixed_and_both_are_heard() {
    let mut call = Call::new();
    for name in ["one", "two"] {
        call.track(name, Side::Left, TrackCodec::Opus);
    }
    call.says("one", 400.0, (500, 4_000), |_| 4);
    call.says("two", 700.0, (1_500, 3_000), |_| 9);
    let (stereo, counts, _) = call.recorded(5_000);
    assert!(counts.mixed > 100 && counts.untouched >= 50, "{counts:?}");
    let both = between(&stereo.left, 1_800, 2_800);
    for hz in [400.0, 700.0] {
        assert!(tone::strength_dbfs(both, RATE, hz) > -14.0, "{hz}");
    }
    assert!(level::dbov(between(&stereo.right, 0, 4_900)) < -80);
}

#[test]
fn a_phone_codec_in_the_room_is_encoded() {
    let mut call = Call::new();
    call.track("phone", Side::Left, TrackCodec::of("audio/PCMA").unwrap());
    let sound = tone::sine(SampleRate::HZ_8000, 500.0, -10.0, 16_000);
    for (n, frame) in (0_u32..).zip(sound.chunks(160)) {
        let mut bytes = Vec::new();
        g711::encode(Law::A, frame, &mut bytes);
        call.send(
            "phone",
            1_000 + u64::from(n) * 20,
            70_000 + n * 160,
            bytes.into(),
        );
    }
    let (stereo, counts, _) = call.recorded(4_000);
    assert_eq!((counts.mixed, counts.untouched), (100, 0));
    assert!(tone::strength_dbfs(between(&stereo.left, 1_200, 2_800), RATE, 500.0) > -12.0);
    let heard = segments(&stereo.left, RATE, &Rules::default());
    assert!(near(heard[0].start, 1_000, 25), "{heard:?}");
}

#[test]
fn what_is_on_disk_is_never_more_than_about_a_second_behind() {
    let mut call = Call::new();
    call.track("caller", Side::Left, TrackCodec::Opus);
    call.says("caller", 400.0, (0, 10_000), |_| 5);
    let start = call.start;
    let mut packets = call.packets.into_iter().peekable();
    let mut file = Vec::new();
    for ms in (0..10_000_u64).step_by(100) {
        while let Some((_, sid, packet)) = packets.next_if(|(at, ..)| *at <= ms) {
            call.assembly.packet(&sid, &packet);
        }
        file.extend(call.assembly.advance(start + Duration::from_millis(ms)));
        let on_disk = Reader::new(&file).unwrap().measure().duration;
        assert!(
            on_disk + Duration::from_millis(1_000) >= Duration::from_millis(ms),
            "{ms}: {on_disk:?}"
        );
    }
}

fn config(dir: &std::path::Path) -> RecorderConfig {
    // Nobody listens on port 1, so joins fail at once.
    RecorderConfig::new(
        "ws://127.0.0.1:1",
        KeyRing::from(ApiKey::new("key", "secret")),
        dir,
    )
}

#[tokio::test]
async fn what_a_killed_process_left_open_is_closed_with_its_length() {
    let dir = tempfile::tempdir().unwrap();
    let mut call = Call::new();
    call.track("caller", Side::Left, TrackCodec::Opus);
    call.says("caller", 400.0, (0, 4_000), |_| 5);
    let (_, _, file) = call.recorded(4_000);
    let path = dir.path().join("torn.ogg");
    std::fs::write(&path, &file[..file.len() - 60]).unwrap();
    let store = Store::open(":memory:").await.unwrap();
    for (id, path) in [
        ("EG_torn", path.clone()),
        ("EG_gone", dir.path().join("gone.ogg")),
    ] {
        let start = RecordingStart {
            egress_id: EgressId::parse(id).unwrap(),
            room: RoomName::parse(format!("room-{id}")).unwrap(),
            path: path.to_str().unwrap().to_owned(),
            channels: 2,
            at: UnixTime(1_000),
        };
        store.recordings().start(&start).await.unwrap();
    }
    let tasks = Tasks::new();
    let recorder = Recorder::start(config(dir.path()), store.clone(), tasks.clone())
        .await
        .unwrap();
    let mut events = recorder.events();
    let (first, second) = (events.recv().await.unwrap(), events.recv().await.unwrap());
    let ends =
        [first, second].map(|info| (info.egress_id, info.status, info.file_results[0].size > 0));
    assert!(ends.contains(&("EG_torn".to_owned(), 3, true)), "{ends:?}");
    assert!(ends.contains(&("EG_gone".to_owned(), 4, false)), "{ends:?}");
    let kept = &store.recordings().of_room("room-EG_torn").await.unwrap()[0];
    assert_eq!(kept.outcome.as_deref(), Some("recovered"));
    assert!(
        (3_300..4_000).contains(&kept.duration_ms.unwrap()),
        "{kept:?}"
    );
    assert_eq!(std::fs::metadata(&path).unwrap().len(), kept.bytes.unwrap());
    assert!(store.recordings().open().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_room_that_cannot_be_joined_is_a_failed_recording_without_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(":memory:").await.unwrap();
    let tasks = Tasks::new();
    let recorder = Recorder::start(config(dir.path()), store.clone(), tasks.clone())
        .await
        .unwrap();
    let mut events = recorder.events();
    let id = recorder
        .record(RoomName::parse("nowhere").unwrap())
        .await
        .unwrap();
    assert_eq!(
        recorder
            .record(RoomName::parse("nowhere").unwrap())
            .await
            .unwrap(),
        id
    );
    assert_eq!(events.recv().await.unwrap().status, 0);
    let end = events.recv().await.unwrap();
    assert_eq!((end.status, end.egress_id.as_str()), (4, id.as_str()));
    assert!(
        end.error.starts_with("room cannot be joined"),
        "{}",
        end.error
    );
    let kept = &store.recordings().of_room("nowhere").await.unwrap()[0];
    assert_eq!(kept.outcome.as_deref(), Some("failed"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_stops_the_start_with_its_remedy() {
    let store = Store::open(":memory:").await.unwrap();
    let refused = config(std::path::Path::new("/proc/recordings"));
    let error = Recorder::start(refused, store, Tasks::new())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/proc/recordings"), "{error}");
    assert!(error.to_string().contains("choose another"), "{error}");
}
