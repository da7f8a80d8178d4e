//! One call to a gateway in this process, into a room of a node in this process, where somebody
//! echoes: what a call needs, and nothing of what answers real callers.
//!
//! A daemon that runs is not called: its agent would answer, and the call would stand among the others,
//! with its recording and its bill. It is asked for OPTIONS instead.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_bridge::sip::{AnswerPolicy, Caller, CallerOptions, OutgoingCall};
use trunkline_client::auth::{LiveKitAuthManager, Role as Bearer, TokenSpec};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, Room, RoomEvent, RoomEvents, RoomOptions};
use trunkline_media::SampleRate;
use trunkline_media::quality::{Coding, Leg};
use trunkline_media::tone::{Sine, strength_dbfs};
use trunkline_ops::doctor::Trial;
use trunkline_service::config::Environment;
use trunkline_service::tasks::{Limits, Tasks};
use trunkline_sip::sdp::{Codec, Encryption};

use crate::failure::{Failure, chain};
use crate::global::Global;
use crate::settings::sip::RoomChoice;
use crate::settings::{self, Home, Settings};
use crate::wiring::{Plan, Role, Roles, Stack, dev_keys};

const ROOM: &str = "doctor";
const CALLER: &str = "+15550100";
const HZ: f64 = 1000.0;
/// The tone in a frame, in dBFS; it is sent at -12.
const HEARD: f64 = -30.0;
/// Tones that are sent, each a fifth of a second, and the pause after each.
const TONES: usize = 5;
const TONE: usize = 10;
const PAUSE: usize = 30;
/// Both legs settle first.
const BEFORE: usize = 50;
const GOODBYE: Duration = Duration::from_secs(3);

/// Plays the call.
///
/// # Errors
/// Where it ended, in words.
pub(super) async fn call(wanted: &Settings, tasks: &Tasks) -> Result<Trial, String> {
    let dir = Scratch::new()?;
    let plan = Plan {
        settings: small(wanted, &dir.0).map_err(|failure| failure.to_string())?,
        keys: dev_keys(),
        dev: true,
        speech: Err("the doctor calls nobody who speaks".to_owned()),
        roles: Roles::from(&[Role::Node, Role::Sip][..]),
    };
    let stack = Box::pin(Stack::start(plan, tasks)).await;
    let stack =
        stack.map_err(|failure| format!("a gateway of our own does not start: {failure}"))?;
    let went = timeout(LONGEST, played(&stack, codec(wanted))).await;
    let limits = Limits {
        drain: GOODBYE,
        hurry: GOODBYE,
    };
    let _cut = stack.drain(tasks, limits, GOODBYE).await;
    stack.store.close().await;
    went.unwrap_or_else(|_| Err("the call did not end".to_owned()))
}

/// A folder that goes with the call.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, String> {
        let name = format!("trunkline-doctor-{:016x}", rand::random::<u64>());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is small, and the system's to clear away.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What ships, on ports of its own, with the ports for sound and the codecs that were set.
fn small(wanted: &Settings, dir: &Path) -> Result<Settings, Failure> {
    let global = Global::default();
    let read = settings::read(&Home::BuiltIn, &global, &Environment::default());
    let mut settings = read.map_err(|report| crate::failure::config(&report))?;
    settings.agent = None;
    settings.livekit.store = dir.join("store.db");
    settings.livekit.recording.enabled = false;
    settings.livekit.node.http.set_port(0);
    settings.livekit.node.rtc_udp.set_port(0);
    let mut setup = settings::sip::demo();
    for rule in &mut setup.rules {
        rule.room = RoomChoice::Direct {
            room: ROOM.to_owned(),
            pin: String::new(),
        };
        rule.agents.clear();
    }
    settings.sip_setup = setup;
    let gateway = &mut settings.gateway;
    gateway.udp.set_port(0);
    gateway.tcp = None;
    gateway.answer = AnswerPolicy::OnRoom;
    gateway.srtp = Encryption::Allow;
    gateway.rtp_ports = wanted.gateway.rtp_ports.clone();
    gateway.codecs = vec![codec(wanted)];
    Ok(settings)
}

/// What the caller speaks: one of G.711, the first of ours where we have one.
fn codec(wanted: &Settings) -> Codec {
    let codecs = wanted.gateway.codecs.iter().copied();
    let mut plain = codecs.filter(|codec| matches!(codec, Codec::Pcmu | Codec::Pcma));
    plain.next().unwrap_or(Codec::Pcmu)
}

async fn played(stack: &Stack, codec: Codec) -> Result<Trial, String> {
    let (room, events) = joined(&stack.url).await?;
    let (tell, heard) = watch::channel(0);
    let echoing = echoes(room, events, tell);
    let target = stack.sip_addr().map(|addr| format!("sip:doctor@{addr}"));
    let target = target.ok_or("the gateway has no address")?;
    let options = CallerOptions {
        codec,
        ..CallerOptions::new(target, CALLER)
    };
    let calling = async {
        let call = Caller::call(options).await.map_err(|error| chain(&error))?;
        Ok::<_, String>(measured(call).await)
    };
    let mut trial = tokio::select! {
        trial = calling => trial?,
        why = echoing => return Err(why),
    };
    trial.heard = *heard.borrow();
    Ok(trial)
}

async fn joined(url: &str) -> Result<(Room, RoomEvents), String> {
    let room = RoomName::parse(ROOM).map_err(|error| error.to_string())?;
    let who = ParticipantIdentity::parse("echo").map_err(|error| error.to_string())?;
    let spec = TokenSpec::new(Bearer::Participant, who).in_room(room);
    let token = LiveKitAuthManager::new(dev_keys()).mint(&spec);
    let token = token.map_err(|error| chain(&error))?;
    let joined = Room::connect(url, token, RoomOptions::default()).await;
    joined.map_err(|error| format!("the room cannot be joined: {}", chain(&error)))
}

/// Says what it hears, as long as somebody is there; ends with why it cannot.
async fn echoes(room: Room, mut events: RoomEvents, tell: watch::Sender<u32>) -> String {
    let track = match room.publish_audio(AudioOptions::default()).await {
        Ok(track) => track,
        Err(error) => return format!("the room takes no sound: {}", chain(&error)),
    };
    let Ok(mut mouth) = PcmWriter::new(track, RATE) else {
        return "there is no voice for the room".to_owned();
    };
    while let Some(event) = events.next().await {
        let RoomEvent::TrackSubscribed(track) = event else {
            continue;
        };
        let Ok(mut ear) = PcmReader::new(track.packets, RATE) else {
            continue;
        };
        while let Some(frame) = ear.next_20ms().await {
            if strength_dbfs(frame, SampleRate::HZ_16000, HZ) > HEARD {
                tell.send_modify(|heard| *heard += 1);
            }
            let said = mouth.write_20ms(frame);
            if said.is_err() {
                return "the room is over".to_owned();
            }
        }
    }
    "the room is over".to_owned()
}

/// Sends tones, and hears when each comes back.
async fn measured(mut call: OutgoingCall) -> Trial {
    let answered = Duration::from_millis(call.answered_ms);
    let mut tone = Sine::new(SampleRate::HZ_8000, HZ, -12.0);
    let mut clock = interval(FRAME);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    // When the tone that has not come back yet was sent.
    let mut under_way: Option<Instant> = None;
    let mut back: Vec<Duration> = Vec::new();
    let mut said = 0;
    while said < BEFORE + TONES * (TONE + PAUSE) {
        tokio::select! {
            biased;
            frame = call.recv() => {
                let Some(frame) = frame else { break };
                let is_tone = strength_dbfs(&frame.samples, SampleRate::HZ_8000, HZ) > HEARD;
                if is_tone && let Some(sent) = under_way.take() {
                    back.push(Instant::from_std(frame.arrival).saturating_duration_since(sent));
                }
            }
            _ = clock.tick() => {
                let at = said.checked_sub(BEFORE).map(|at| at % (TONE + PAUSE));
                let mut samples = vec![0; 160];
                if at.is_some_and(|at| at < TONE) {
                    tone.fill(&mut samples);
                }
                if at == Some(0) {
                    let waits = u32::try_from(call.queued()).unwrap_or(0);
                    under_way = Some(Instant::now() + FRAME * waits);
                }
                call.send(&samples).await;
                said += 1;
            }
        }
    }
    let summary = call.hangup().await;
    trial(answered, back, (summary.received, summary.lost))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of packets")]
fn trial(answered: Duration, mut back: Vec<Duration>, (received, lost): (u64, u64)) -> Trial {
    back.sort_unstable();
    let round_trip = back.get(back.len() / 2).copied();
    let loss = lost as f64 / (received + lost).max(1) as f64;
    let leg = Leg {
        delay: round_trip.unwrap_or_default() / 2,
        loss,
        coding: Coding::CONCEALED,
    };
    Trial {
        answered,
        heard: 0,
        round_trip,
        loss,
        mos: if round_trip.is_some() { leg.mos() } else { 1.0 },
    }
}

const FRAME: Duration = Duration::from_millis(20);
/// At which the echo hears and speaks.
const RATE: u32 = 16_000;
/// Some five seconds, on a machine that is busy.
const LONGEST: Duration = Duration::from_secs(30);
