//! API keys are changed under a running daemon: what the old key signed goes on being accepted for
//! as long as it may, nothing restarts, and whoever is in a room stays there.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use livekit_protocol::CreateAgentDispatchRequest;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, VideoGrant, sign};
use trunkline_client::api::{ApiOptions, LiveKitApiClient};
use trunkline_client::auth::LiveKitAuthManager;
use trunkline_client::jobs::{
    Job, JobAnswer, JobOffers, JobOutcome, Worker, WorkerOptions, WorkerState,
};
use trunkline_client::room::{Room, RoomEvent, RoomEvents, RoomOptions};
use trunkline_tests::{Daemon, Setup, run, trunkline};

const LIMIT: Duration = Duration::from_secs(60);

/// A key file of a test's own, and the daemon that uses it.
struct House {
    _dir: TempDir,
    file: PathBuf,
    daemon: Daemon,
}

impl House {
    /// A daemon with one key, which is returned too.
    fn new() -> (Self, ApiKey) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("keys.yaml");
        let first = shown(&keys(&file, &["add", "--show"]));
        let daemon = Daemon::start(&Setup {
            without_agent: true,
            without_dev: true,
            env: vec![("TRUNKLINE_KEYS_FILE", file.display().to_string())],
            ..Setup::default()
        });
        let house = Self {
            _dir: dir,
            file,
            daemon,
        };
        (house, first)
    }

    fn keys(&self, args: &[&str]) -> Output {
        keys(&self.file, args)
    }

    /// Whether the node accepts what this key signs.
    async fn accepts(&self, key: &ApiKey) -> bool {
        let claims = Claims::new("tester", now(), 60).with_video(VideoGrant {
            room_list: true,
            ..VideoGrant::default()
        });
        let url = format!(
            "http://{}/twirp/livekit.RoomService/ListRooms",
            self.daemon.addr("http")
        );
        let answer = reqwest::Client::new()
            .post(url)
            .bearer_auth(sign(&claims, key).unwrap())
            .json(&json!({}))
            .send()
            .await
            .unwrap();
        match answer.status().as_u16() {
            200 => true,
            401 => false,
            other => panic!("answered {other}"),
        }
    }

    /// Asks until the answer is the one wanted.
    async fn until(&self, key: &ApiKey, accepted: bool) {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..300 {
            look.tick().await;
            if self.accepts(key).await == accepted {
                return;
            }
        }
        panic!("{} stays {}:\n{}", key.id(), !accepted, self.daemon.log());
    }

    /// Waits until the log holds a line this often.
    async fn logged(&self, line: &str, times: usize) {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        for _ in 0..300 {
            look.tick().await;
            if self.daemon.log().matches(line).count() >= times {
                return;
            }
        }
        panic!("never {times} times {line:?}:\n{}", self.daemon.log());
    }
}

fn now() -> UnixTime {
    UnixTime::from_system(SystemTime::now())
}

fn keys(file: &Path, args: &[&str]) -> Output {
    let mut command = trunkline();
    command
        .env("TRUNKLINE_KEYS_FILE", file)
        .args(["keys", "--json"]);
    run(command.args(args), LIMIT)
}

fn answer(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The key of an answer to `--show`.
fn shown(output: &Output) -> ApiKey {
    let answer = answer(output);
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    assert!(text("secret").len() >= 32);
    ApiKey::new(text("key"), text("secret"))
}

async fn join(house: &House, key: &ApiKey, identity: &str) -> (Room, RoomEvents) {
    let claims = Claims::new(identity, now(), 600).with_video(VideoGrant::join("lobby"));
    let token = Secret::new(sign(&claims, key).unwrap());
    Room::connect(&house.daemon.url(), token, RoomOptions::default())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_without_a_restart_or_a_dropped_session() {
    let (house, old) = House::new();
    let pid = house.daemon.pid();
    let (ann, mut heard) = join(&house, &old, "ann").await;

    let new = shown(&house.keys(&["rotate", "--show"]));
    assert_ne!(new.id(), old.id());
    house.until(&new, true).await;
    assert!(
        house.accepts(&old).await,
        "the old key verifies in the overlap"
    );

    let early = house.keys(&["retire", old.id()]);
    assert_eq!(early.status.code(), Some(73));
    let said = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(
        said.contains("until 2") && said.contains("--force"),
        "{said}"
    );
    assert!(house.accepts(&old).await);

    answer(&house.keys(&["retire", old.id(), "--force"]));
    house.until(&old, false).await;
    assert!(house.accepts(&new).await);
    let list = answer(&house.keys(&["list"]));
    assert_eq!(list["keys"][0]["state"], "active");
    assert_eq!(list["keys"][1]["state"], "retired");

    // Who came with the old key is still there and hears who comes with the new one.
    let (_ben, _) = join(&house, &new, "ben").await;
    let arrival = async {
        loop {
            match heard.next().await {
                Some(RoomEvent::ParticipantJoined(who)) if who.identity.as_str() == "ben" => {
                    return;
                }
                Some(RoomEvent::Disconnected { .. } | RoomEvent::Reconnecting) | None => {
                    panic!("ann was dropped")
                }
                Some(_) => {}
            }
        }
    };
    tokio::time::timeout(LIMIT, arrival).await.unwrap();
    ann.leave().await;
    assert_eq!(house.daemon.pid(), pid);
    // The daemon's own parts went over too: the console verifies the node's webhooks.
    let log = house.daemon.log();
    for secret in [old.secret(), new.secret()] {
        assert!(!log.contains(secret.expose()), "a secret is in the log");
    }
}

/// The next job that the worker is given, its room joined.
async fn work(offers: &mut JobOffers) -> (Job, Room, RoomEvents) {
    let given = async {
        let offer = offers.next().await.expect("an offer");
        let job = offer.accept(JobAnswer::default()).await.unwrap();
        let joined = Room::connect(&job.url, job.token.clone(), RoomOptions::default()).await;
        let (room, events) = joined.unwrap();
        (job, room, events)
    };
    tokio::time::timeout(LIMIT, given).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_outlives_the_key_it_registered_with() {
    let (house, old) = House::new();
    let options = WorkerOptions {
        agent_name: "desk".to_owned(),
        ..WorkerOptions::default()
    };
    let (worker, mut offers) =
        Worker::start(&house.daemon.url(), old.clone().into(), options).unwrap();
    let ask = async |room: &str, key: &ApiKey| {
        let api = LiveKitApiClient::new(&house.daemon.url(), key.clone()).unwrap();
        let wish = CreateAgentDispatchRequest {
            agent_name: "desk".to_owned(),
            room: room.to_owned(),
            ..Default::default()
        };
        api.create_dispatch(wish).await.unwrap();
    };
    ask("before", &old).await;
    let (first, before, mut events) = work(&mut offers).await;

    let new = shown(&house.keys(&["rotate", "--show"]));
    house.until(&new, true).await;
    answer(&house.keys(&["retire", old.id(), "--force"]));
    house.until(&old, false).await;

    // On the socket that the old key opened, a job still comes, with a token that is good.
    ask("after", &new).await;
    let (second, after, _) = work(&mut offers).await;
    assert_eq!(second.info.room.as_str(), "after");
    let state = worker.state().borrow().clone();
    assert!(matches!(state, WorkerState::Registered { .. }), "{state:?}");
    while let Ok(event) = tokio::time::timeout(Duration::ZERO, events.next()).await {
        assert!(
            !matches!(
                event,
                None | Some(RoomEvent::Disconnected { .. } | RoomEvent::Reconnecting)
            ),
            "the first job was dropped: {event:?}"
        );
    }
    for (job, room) in [(first, before), (second, after)] {
        room.leave().await;
        job.finish(JobOutcome::Success);
    }
    worker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_key_verifies_and_a_bad_file_changes_nothing() {
    let (house, first) = House::new();
    let pending = shown(&house.keys(&["add", "--show"]));
    house.until(&pending, true).await;
    assert!(house.accepts(&first).await);

    let good = fs::read(&house.file).unwrap();
    fs::write(&house.file, "not-a-map-of-keys\n").unwrap();
    house.logged("API keys not reloaded", 1).await;
    assert!(!house.daemon.log().contains("not-a-map-of-keys"));
    assert!(house.accepts(&first).await && house.accepts(&pending).await);

    fs::write(&house.file, good).unwrap();
    house.logged("API keys reloaded", 2).await;
    let before = house.daemon.log().matches("API keys reloaded").count();
    house.daemon.signal(Signal::SIGHUP);
    house.logged("API keys reloaded", before + 1).await;
    assert!(house.accepts(&pending).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_whose_clock_is_off_is_served_all_the_same() {
    let (house, key) = House::new();
    for seconds in [-7200, -90, 90, 7200] {
        let clock = move || UnixTime(now().millis().saturating_add_signed(seconds * 1000));
        let auth = LiveKitAuthManager::with_clock(key.clone().into(), Arc::new(clock));
        let api = LiveKitApiClient::with(&house.daemon.url(), auth, ApiOptions::default()).unwrap();
        let rooms = api.list_rooms(&[]).await;
        assert!(rooms.is_ok(), "{seconds} s off: {rooms:?}");
    }
}

#[test]
fn a_list_names_keys_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.yaml");
    let first = shown(&keys(&file, &["add", "--show"]));
    let silent = keys(&file, &["add"]);
    assert!(answer(&silent).get("secret").is_none());
    let list = keys(&file, &["list"]);
    let text = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(
        text.contains(first.id()) && !text.contains(first.secret().expose()),
        "{text}"
    );
    assert_eq!(answer(&list)["keys"][1]["state"], "pending");
    let unknown = keys(&file, &["retire", "APInobody"]);
    assert_eq!(unknown.status.code(), Some(66));
}

#[test]
fn keys_in_use_are_taken_into_the_first_key_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.yaml");
    let secret = "a secret for the tests only, long enough";
    let mut command = trunkline();
    command.env("TRUNKLINE_KEYS_FILE", &file).env(
        "LIVEKIT_KEYS",
        format!("APIfirst: {secret}\nAPIother: {secret}\n"),
    );
    let added = run(command.args(["keys", "add", "--id", "APInew"]), LIMIT);
    assert!(added.status.success());
    let text = fs::read_to_string(&file).unwrap();
    let ids: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once(": ").map(|(id, _)| id))
        .filter(|id| !id.starts_with('#'))
        .collect();
    assert_eq!(ids, ["APIfirst", "APIother", "APInew"]);
}
