//! `room join`, and the verbs about who is in a room.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Child;
use std::sync::mpsc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::desk::{Desk, LIMIT};

/// Somebody in a room, and what they tell.
struct Guest {
    child: Child,
    told: mpsc::Receiver<Value>,
}

impl Guest {
    fn new(desk: &Desk, args: &[&str]) -> Self {
        let mut child = desk.start(&[&["room", "join", "lobby", "--json"][..], args].concat());
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if tell.send(event).is_err() {
                    return;
                }
            }
        });
        let guest = Self { child, told };
        guest.until("joined", |_| true);
        guest
    }

    /// The next event of a name that fits.
    fn until(&self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.told.recv_timeout(LIMIT) {
                Ok(event) if event["event"] == name && fits(&event) => return event,
                Ok(_) => {}
                Err(_) => panic!("no {name}"),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, signal).unwrap();
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// What they said on standard error, once they ended.
    fn grumbled(&mut self) -> String {
        let mut said = String::new();
        let err = self.child.stderr.as_mut().unwrap();
        err.read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn who_is_in_a_room_is_listed_shown_changed_and_removed() {
    let desk = Desk::new();
    let guest = [
        "--identity",
        "alice",
        "--name",
        "Alice",
        "--attribute",
        "lang=en",
    ];
    let alice = Guest::new(&desk, &guest);
    let table = desk.words(&["room", "participants", "list", "lobby"]);
    assert!(table.starts_with("Identity"), "{table}");
    assert!(table.contains("alice"), "{table}");
    let got = desk.json(&["room", "participants", "get", "--room", "lobby", "alice"]);
    assert_eq!(got["name"], "Alice");
    assert_eq!(got["attributes"]["lang"], "en");
    assert_eq!(got["permission"]["canPublish"], true);

    let update = [
        "room",
        "participants",
        "update",
        "--room",
        "lobby",
        "--identity",
        "alice",
    ];
    let change = [
        "--metadata",
        "new",
        "--permissions",
        "{\"can_publish\":false}",
    ];
    let changed = desk.json(&[&update[..], &change].concat());
    assert_eq!(changed["metadata"], "new");
    assert_eq!(changed["permission"]["canPublish"], Value::Null);
    assert_eq!(
        changed["permission"]["canSubscribe"], true,
        "left out, kept"
    );
    alice.until("participant_changed", |event| event["metadata"] == "new");
    assert_eq!(desk.say(&update).code, Some(64), "nothing to change");

    let remove = [
        "room",
        "participants",
        "remove",
        "-r",
        "lobby",
        "-i",
        "alice",
    ];
    assert_eq!(desk.say(&remove).code, Some(64), "it asks first");
    desk.words(&[&remove[..], &["-y"]].concat());
    let gone = alice.until("disconnected", |_| true);
    assert_eq!(gone["reason"], "participant_removed");
    assert_eq!(alice.end(), Some(0));
    let missing = desk.say(&["room", "participants", "get", "--room", "lobby", "alice"]);
    assert_eq!(missing.code, Some(66), "{}", missing.err);
}

#[test]
fn data_and_keys_reach_the_room_and_the_sender_leaves() {
    let desk = Desk::new();
    let alice = Guest::new(&desk, &["--identity", "alice"]);
    let bob = [
        "room",
        "join",
        "lobby",
        "--identity",
        "bob",
        "--exit-after-publish",
    ];
    let publish = ["--publish-data", "hello", "--publish-dtmf", "1w#"];
    let said = desk.say(&[&bob[..], &publish].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("joined lobby as bob"), "{}", said.out);
    let data = alice.until("data", |_| true);
    assert_eq!(
        (&data["identity"], &data["data"]),
        (&"bob".into(), &"hello".into())
    );
    for digit in ["1", "#"] {
        alice.until("dtmf", |event| event["digit"] == digit);
    }
    alice.until("participant_left", |event| event["identity"] == "bob");

    let send = [
        "room",
        "send-data",
        "--room",
        "lobby",
        "--topic",
        "chat",
        "--identity",
        "alice",
    ];
    desk.words(&[&send[..], &["over here"]].concat());
    let data = alice.until("data", |event| event["topic"] == "chat");
    assert_eq!(data["data"], "over here");
    alice.signal(Signal::SIGINT);
    assert_eq!(alice.end(), Some(0));
}

/// A tone as a WAV file: 8 kHz, mono, 16 bits.
fn wav(seconds: u32) -> Vec<u8> {
    let samples: Vec<u8> = (0..seconds * 8000)
        .flat_map(|n| {
            let phase = f64::from(n) * 440.0 * std::f64::consts::TAU / 8000.0;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "within 16 bits by its factor"
            )]
            let sample = (phase.sin() * 12_000.0) as i16;
            sample.to_le_bytes()
        })
        .collect();
    let length = u32::try_from(samples.len()).unwrap();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8000_u32.to_le_bytes());
    file.extend(16_000_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    file.extend(samples);
    file
}

#[test]
fn a_sound_is_published_heard_muted_and_let_go() {
    let desk = Desk::new();
    let alice = Guest::new(&desk, &["--identity", "alice", "--auto-subscribe"]);
    let file = desk.home.path().join("tone.wav");
    std::fs::write(&file, wav(1)).unwrap();
    let file = file.display().to_string();
    let bob = Guest::new(
        &desk,
        &[
            "--identity",
            "bob",
            "--publish",
            &file,
            "--exit-after-publish",
        ],
    );
    let track = alice.until("track_published", |event| event["identity"] == "bob");
    assert_eq!(track["name"], "tone.wav");
    let sid = track["sid"].as_str().unwrap();
    alice.until("track_subscribed", |event| event["sid"] == sid);
    bob.until("local_track_subscribed", |event| event["sid"] == sid);
    bob.until("published", |event| event["what"] == "tone.wav");
    alice.until("track_unpublished", |event| event["sid"] == sid);
    assert_eq!(bob.end(), Some(0));
}

#[test]
fn a_track_is_muted_and_subscriptions_change() {
    let desk = Desk::new();
    let alice = Guest::new(&desk, &["--identity", "alice", "--auto-subscribe"]);
    let file = desk.home.path().join("tone.wav");
    std::fs::write(&file, wav(60)).unwrap();
    let file = file.display().to_string();
    let _bob = Guest::new(&desk, &["--identity", "bob", "--publish", &file]);
    let track = alice.until("track_published", |event| event["identity"] == "bob");
    let sid = track["sid"].as_str().unwrap();
    let who = ["--room", "lobby", "--identity", "bob"];
    desk.words(&[&["room", "mute-track"][..], &who, &[sid]].concat());
    let muted = alice.until("track_muted", |event| event["sid"] == sid);
    assert_eq!(muted["muted"], true);
    let who = ["--room", "lobby", "--identity", "alice", "--unsubscribe"];
    desk.words(&[&["room", "update-subscriptions"][..], &who, &[sid]].concat());
    alice.until("track_unsubscribed", |event| event["sid"] == sid);
}

#[test]
fn what_cannot_be_published_is_refused_before_joining() {
    let desk = Desk::new();
    let join = ["room", "join", "lobby"];
    let said = desk.say(&[&join[..], &["--publish-dtmf", "12x"]].concat());
    assert_eq!(said.code, Some(64), "{}", said.err);
    assert!(said.err.contains('x'), "{}", said.err);
    let said = desk.say(&[&join[..], &["--publish", "nowhere.wav"]].concat());
    assert_eq!(said.code, Some(66), "{}", said.err);
    let said = desk.say(&[&join[..], &["--curl"]].concat());
    assert_eq!(said.code, Some(64), "{}", said.err);
    assert_eq!(desk.json(&["room", "list"])["rooms"], serde_json::json!([]));
}

#[test]
fn a_guest_without_a_name_gets_one_and_leaves_on_terminate() {
    let desk = Desk::new();
    let mut guest = Guest::new(&desk, &[]);
    let all = desk.json(&["room", "participants", "list", "lobby"]);
    let identity = all["participants"][0]["identity"].as_str().unwrap();
    assert!(identity.starts_with("participant-"), "{identity}");
    guest.signal(Signal::SIGTERM);
    let err = guest.grumbled();
    assert!(err.contains("generated participant identity"), "{err}");
    assert_eq!(guest.end(), Some(0), "{err}");
}
