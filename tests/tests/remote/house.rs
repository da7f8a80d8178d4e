//! A node, a gateway that is another process, the keys of both, and an agent of the test's own.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_bridge::sip::{CallError, Caller, CallerOptions, OutgoingCall};
use trunkline_client::jobs::{Job, JobAnswer, JobOffers, Worker, WorkerOptions};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, Room, RoomEvent, RoomEvents, RoomOptions};
use trunkline_media::SampleRate;
use trunkline_media::tone::{Sine, strength_dbfs};
use trunkline_store::Store;
use trunkline_tests::{Daemon, Setup, livekit_yaml, run, trunkline};

/// Nothing here takes this long unless it is broken.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// What the phone that is called waits for.
pub(crate) const PATIENCE: Duration = LIMIT;

/// A frame of 20 ms at 16 kHz.
const FRAME: usize = 320;

pub(crate) struct House {
    dir: TempDir,
    http: String,
    rtc: String,
    node: Option<Daemon>,
    /// The keys as the test knows them.
    pub(crate) ring: KeyRing,
}

impl House {
    /// A node at an address that it keeps when it is restarted.
    pub(crate) fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let first = shown(&keys(&dir.path().join("keys.yaml"), &["add", "--show"]));
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut house = Self {
            http: tcp.local_addr().unwrap().to_string(),
            rtc: udp.local_addr().unwrap().to_string(),
            node: None,
            ring: first.into(),
            dir,
        };
        drop((tcp, udp));
        house.start_node();
        house
    }

    pub(crate) fn start_node(&mut self) {
        self.node = Some(Daemon::start(&Setup {
            without_agent: true,
            without_dev: true,
            files: vec![no_rules()],
            env: vec![
                ("TRUNKLINE_KEYS_FILE", self.key_file().display().to_string()),
                ("TRUNKLINE_HTTP", self.http.clone()),
                ("TRUNKLINE_RTC_UDP", self.rtc.clone()),
            ],
            data: Some(self.dir.path().join("node")),
            ..Setup::default()
        }));
    }

    pub(crate) fn kill_node(&mut self) {
        self.node.take().unwrap().kill();
    }

    pub(crate) fn http(&self) -> &str {
        &self.http
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.http)
    }

    fn key_file(&self) -> PathBuf {
        self.dir.path().join("keys.yaml")
    }

    /// A gateway that goes to this address, with the shipped trunk for phones on this machine.
    pub(crate) fn gateway(&self, url: String) -> Daemon {
        let files = vec![livekit_yaml(&[("server: embedded", "server: remote")])];
        let mut setup = self.setup(files);
        setup.env.push(("LIVEKIT_URL", url));
        Daemon::start(&setup)
    }

    /// A daemon with other files that goes to the node.
    pub(crate) fn setup(&self, files: Vec<(&'static str, String)>) -> Setup {
        Setup {
            without_agent: true,
            without_dev: true,
            files,
            env: vec![
                ("TRUNKLINE_KEYS_FILE", self.key_file().display().to_string()),
                ("LIVEKIT_URL", self.url()),
            ],
            ..Setup::default()
        }
    }

    /// Another key signs from now on, and the one before is accepted no more.
    pub(crate) fn rotate_and_retire(&self) {
        let old = self.ring.active();
        let new = shown(&keys(&self.key_file(), &["rotate", "--show"]));
        let retired = keys(&self.key_file(), &["retire", old.id(), "--force"]);
        assert!(retired.status.success());
        self.ring.replace(&KeyRing::from(new));
    }
}

/// A set-up without trunks and rules.
pub(crate) fn no_rules() -> (&'static str, String) {
    ("livekit-sip-correct.yaml", NO_RULES.to_owned())
}

/// The same, with calls answered as soon as their room is there, so that no agent is needed.
pub(crate) fn no_rules_at_once() -> (&'static str, String) {
    let text = format!("gateway: {{answer: on_room}}\n{NO_RULES}");
    ("livekit-sip-correct.yaml", text)
}

const NO_RULES: &str = "trunks: []\nrules: []\n";

fn keys(file: &Path, args: &[&str]) -> std::process::Output {
    let mut command = trunkline();
    command
        .env("TRUNKLINE_KEYS_FILE", file)
        .args(["keys", "--json"]);
    run(command.args(args), LIMIT)
}

fn shown(output: &std::process::Output) -> ApiKey {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    ApiKey::new(text("key"), text("secret"))
}

pub(crate) async fn call(gateway: &Daemon, number: &str) -> Result<OutgoingCall, CallError> {
    let target = format!("sip:{number}@{}", gateway.addr("sip"));
    let options = CallerOptions::new(target, "4711");
    timeout(LIMIT, Caller::call(options)).await.unwrap()
}

/// An agent that sings, and hears whoever calls.
pub(crate) struct Singer {
    worker: Worker,
    offers: JobOffers,
}

impl Singer {
    pub(crate) async fn start(url: &str, ring: &KeyRing) -> Self {
        let options = WorkerOptions {
            agent_name: "trunkline".to_owned(),
            ..WorkerOptions::default()
        };
        let (worker, offers) = Worker::start(url, ring.clone(), options).unwrap();
        timeout(LIMIT, worker.registered()).await.unwrap().unwrap();
        Self { worker, offers }
    }

    /// Takes the next job: joins its room, and sings 1000 Hz there.
    pub(crate) async fn perform(&mut self) -> Performance {
        let offer = timeout(LIMIT, self.offers.next()).await.unwrap().unwrap();
        let job = offer.accept(JobAnswer::default()).await.unwrap();
        let options = RoomOptions::default();
        let joined = Room::connect(&job.url, job.room_token(), options).await;
        let (room, events) = joined.unwrap();
        let track = room.publish_audio(AudioOptions::default()).await.unwrap();
        let mut voice = PcmWriter::new(track, 16_000).unwrap();
        #[expect(clippy::disallowed_methods, reason = "aborted with the performance")]
        let song = tokio::spawn(async move {
            let mut tone = Sine::new(SampleRate::HZ_16000, 1000.0, -12.0);
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            loop {
                pace.tick().await;
                let mut frame = [0; FRAME];
                tone.fill(&mut frame);
                // While the room is sought again nobody takes it.
                let _dropped = voice.write_20ms(&frame);
            }
        });
        Performance {
            job,
            room,
            events,
            song,
        }
    }

    pub(crate) async fn stop(self) {
        self.worker.close().await;
    }
}

pub(crate) struct Performance {
    pub(crate) job: Job,
    room: Room,
    events: RoomEvents,
    song: JoinHandle<()>,
}

impl Performance {
    /// Waits for a caller's track, also one that comes back, until half a second of 440 Hz is heard
    /// on it.
    pub(crate) async fn hears_the_phone(&mut self) {
        let heard = async {
            loop {
                match self.events.next().await {
                    Some(RoomEvent::TrackSubscribed(track)) => {
                        let mut reader = PcmReader::new(track.packets, 16_000).unwrap();
                        let mut loud = 0;
                        // A track that ends comes back as another.
                        while let Some(frame) = reader.next_20ms().await {
                            let level = strength_dbfs(frame, SampleRate::HZ_16000, 440.0);
                            loud = if level > -30.0 { loud + 1 } else { 0 };
                            if loud >= 25 {
                                return;
                            }
                        }
                    }
                    Some(RoomEvent::Disconnected { reason }) => panic!("sent away: {reason}"),
                    Some(_) => {}
                    None => panic!("the room is over"),
                }
            }
        };
        timeout(LIMIT, heard).await.unwrap();
    }

    pub(crate) async fn leave(self) {
        self.song.abort();
        self.room.leave().await;
        self.job.finish(trunkline_client::jobs::JobOutcome::Success);
    }
}

/// Phone and agent talk until each has heard half a second of the other without a hole: the phone
/// sends 440 Hz, the agent sings 1000. Gives the longest time the phone heard nothing since the RTP
/// time of `last`, and the RTP time it was sung to at last. The gateway's stream never stops, so its
/// time is that of the phone.
pub(crate) async fn talk(
    call: &mut OutgoingCall,
    agent: &mut Performance,
    mut last: Option<u32>,
) -> (Duration, u32) {
    let mut tone = Sine::new(SampleRate::HZ_8000, 440.0, -12.0);
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let (mut longest, mut loud, mut heard_there) = (Duration::ZERO, 0, false);
    let mut there = std::pin::pin!(agent.hears_the_phone());
    let talked = async {
        loop {
            tokio::select! {
                () = &mut there, if !heard_there => {
                    heard_there = true;
                    continue;
                }
                _ = pace.tick() => {}
            }
            let mut frame = [0; 160];
            tone.fill(&mut frame);
            assert!(call.send(&frame).await, "the call is over");
            while let Ok(heard) = timeout(Duration::ZERO, call.recv()).await {
                let heard = heard.expect("the call is up");
                if strength_dbfs(&heard.samples, SampleRate::HZ_8000, 1000.0) < -30.0 {
                    loud = 0;
                    continue;
                }
                let since = last.map_or(0, |last| heard.timestamp.wrapping_sub(last));
                longest = longest.max(Duration::from_millis(u64::from(since / 8)));
                last = Some(heard.timestamp);
                loud += 1;
                if loud >= 25 && heard_there {
                    return heard.timestamp;
                }
            }
        }
    };
    let last = timeout(LIMIT, talked).await.expect("a voice on the phone");
    (longest, last)
}

/// Waits until every recording of a daemon has ended, and gives each one's outcome and length.
pub(crate) async fn recordings(daemon: &Daemon) -> Vec<(String, Duration)> {
    let path = daemon.data().join("trunkline.db");
    let store = Store::open(&path.display().to_string()).await.unwrap();
    let ended = async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let calls = store.calls().list(10).await.unwrap();
            let mut found = Vec::new();
            for call in &calls {
                found.extend(store.recordings().of_room(&call.room).await.unwrap());
            }
            let over = calls.iter().all(|call| call.ended_at.is_some());
            if over && !found.is_empty() && found.iter().all(|one| one.ended_at.is_some()) {
                return found;
            }
        }
    };
    let found = timeout(LIMIT, ended).await.expect("a recording that ends");
    store.close().await;
    let pair = |one: trunkline_store::Recording| {
        let length = Duration::from_millis(one.duration_ms.unwrap_or_default());
        (one.outcome.unwrap_or_default(), length)
    };
    found.into_iter().map(pair).collect()
}
