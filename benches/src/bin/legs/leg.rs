//! One call and whoever else is in its room, driven by one clock.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use trunkline_base::id::{IdError, ParticipantIdentity, RoomName};
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_benches::phone::FRAME;
use trunkline_client::auth::{AuthError, LiveKitAuthManager, Role, TokenSpec};
use trunkline_client::room::{
    AudioOptions, AudioTrack, ConnectError, MediaReceiver, OpusFrame, PublishError, Room,
    RoomEvent, RoomEvents, RoomOptions,
};
use trunkline_media::SampleRate;
use trunkline_media::g711::{self, Law};
use trunkline_media::opus::Decoder;

use super::line::{Line, Refused};
use super::sounds::{EVERY, Sounds, is_click};

/// For the caller's track.
const PATIENCE: Duration = Duration::from_secs(20);
/// RTP's fixed header.
const HEADER: usize = 12;
/// No sound takes longer: what comes later is another click's.
const LONGEST: Duration = Duration::from_millis(400);

/// What everybody does just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// The phone sends silence, as a call on hold or a listener does; the room sends nothing.
    Resting,
    /// Both talk all the time.
    Talking,
    /// Both are silent but for a click now and then.
    Clicking,
    /// The call ends.
    Over,
}

/// A call.
pub(crate) struct Leg {
    line: Line,
    room: Room,
    events: RoomEvents,
    track: AudioTrack,
}

/// What one call saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// Milliseconds from a click's packet to the packet that it is heard in.
    pub(crate) to_room: Vec<f64>,
    pub(crate) to_phone: Vec<f64>,
    pub(crate) frames: usize,
    /// More than 20 ms after the beat of those before.
    pub(crate) late: usize,
}

/// Why a call is not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LegError {
    #[error(transparent)]
    Name(#[from] IdError),
    #[error(transparent)]
    Token(#[from] AuthError),
    #[error(transparent)]
    Room(#[from] ConnectError),
    #[error(transparent)]
    Track(#[from] PublishError),
    #[error(transparent)]
    Line(#[from] Refused),
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        self.to_room.extend(other.to_room);
        self.to_phone.extend(other.to_phone);
        self.frames += other.frames;
        self.late += other.late;
    }
}

impl Leg {
    /// Somebody joins the room of that number, and the number is called.
    pub(crate) async fn open(
        url: String,
        gateway: SocketAddr,
        number: usize,
    ) -> Result<Self, LegError> {
        let auth = LiveKitAuthManager::new(KeyRing::from(ApiKey::new("devkey", "secret")));
        let identity = ParticipantIdentity::parse("peer")?;
        let name = RoomName::parse(format!("leg_{number}"))?;
        let token = auth.mint(&TokenSpec::new(Role::Agent, identity).in_room(name))?;
        let (room, events) = Room::connect(&url, token, RoomOptions::default()).await?;
        let track = room.publish_audio(AudioOptions::default()).await?;
        let line = Line::call(gateway, number, "0").await?;
        Ok(Self {
            line,
            room,
            events,
            track,
        })
    }

    pub(crate) async fn run(mut self, doing: watch::Receiver<Doing>, sounds: Sounds) -> Seen {
        let caller = timeout(PATIENCE, callers_track(&mut self.events)).await;
        let mut ends = Ends {
            seen: Seen::default(),
            caller: caller.ok().flatten(),
            said: 0,
            sequence: 0,
            phone_clicked: None,
            room_clicked: None,
            first: None,
            decoder: Decoder::new(SampleRate::HZ_8000).ok(),
        };
        let mut clock = interval(FRAME);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut buffer = [0; 2048];
        loop {
            tokio::select! {
                biased;
                _ = clock.tick() => {
                    let now = *doing.borrow();
                    if now == Doing::Over {
                        break;
                    }
                    ends.speak(&self, now, &sounds);
                    ends.listen_in_room(now);
                }
                Ok(length) = self.line.rtp.recv(&mut buffer) => {
                    ends.heard(buffer.get(..length).unwrap_or_default(), Instant::now());
                }
                // Nobody else reads what the room tells.
                event = self.events.next() => if event.is_none() { break },
            }
        }
        self.line.hang_up().await;
        self.room.leave().await;
        ends.seen
    }
}

/// The track of the phone, which is the only other one.
async fn callers_track(events: &mut RoomEvents) -> Option<MediaReceiver> {
    loop {
        if let RoomEvent::TrackSubscribed(track) = events.next().await? {
            return Some(track.packets);
        }
    }
}

/// Both ends of a call: what they said and heard.
struct Ends {
    seen: Seen,
    caller: Option<MediaReceiver>,
    /// Frames of the present sound.
    said: usize,
    sequence: u16,
    /// Clicks that were not heard yet.
    phone_clicked: Option<Instant>,
    room_clicked: Option<Instant>,
    /// The packet that sets the beat.
    first: Option<(Instant, u16)>,
    decoder: Option<Decoder>,
}

impl Ends {
    fn speak(&mut self, leg: &Leg, doing: Doing, sounds: &Sounds) {
        const SILENCE: [u8; 160] = [0xff; 160];
        let (phone, room) = match doing {
            Doing::Talking => (Some(&sounds.phone), Some(&sounds.room)),
            Doing::Clicking => (Some(&sounds.phone_clicks), Some(&sounds.room_clicks)),
            Doing::Resting | Doing::Over => (None, None),
        };
        if doing == Doing::Clicking && self.said.is_multiple_of(EVERY) {
            let now = Some(Instant::now());
            (self.phone_clicked, self.room_clicked) = (now, now);
        }
        let phone = phone.and_then(|all| all.get(self.said % all.len()));
        let payload = phone.map_or(&SILENCE[..], |frame| frame);
        let mut packet = [0; HEADER + 160];
        let (head, body) = packet.split_at_mut(HEADER);
        let [high, low] = self.sequence.to_be_bytes();
        let ticks = (u32::from(self.sequence) * 160).to_be_bytes();
        head.copy_from_slice(&[
            0x80, 0, high, low, ticks[0], ticks[1], ticks[2], ticks[3], 0, 0, 0, 7,
        ]);
        for (to, from) in body.iter_mut().zip(payload) {
            *to = *from;
        }
        // A full socket is a lost packet.
        let _ = leg.line.rtp.try_send(&packet);
        self.sequence = self.sequence.wrapping_add(1);
        if let Some((payload, level)) = room.and_then(|all| all.get(self.said % all.len())) {
            leg.track.send(OpusFrame {
                payload: payload.clone(),
                duration_48k: 960,
                level: Some(*level),
            });
        }
        self.said += 1;
    }

    fn listen_in_room(&mut self, doing: Doing) {
        while let Some(packet) = self.caller.as_mut().and_then(MediaReceiver::try_recv) {
            if doing != Doing::Clicking {
                continue;
            }
            let sound = self.decoder.as_mut().map(|d| d.decode(&packet.payload));
            let loud = sound.is_some_and(|sound| sound.is_ok_and(is_click));
            if loud {
                let clicked = self.phone_clicked.take();
                took(clicked, packet.arrival, &mut self.seen.to_room);
            }
        }
    }

    fn heard(&mut self, packet: &[u8], at: Instant) {
        let Some((head, payload)) = packet.split_at_checked(HEADER) else {
            return;
        };
        let sequence = u16::from_be_bytes([head[2], head[3]]);
        self.seen.frames += 1;
        let (start, first) = *self.first.get_or_insert((at, sequence));
        let due = start + FRAME * u32::from(sequence.wrapping_sub(first));
        if at < due {
            self.first = Some((at, sequence));
        }
        self.seen.late += usize::from(at > due + FRAME);
        if self.room_clicked.is_some() {
            let mut pcm = Vec::with_capacity(payload.len());
            g711::decode(Law::Mu, payload, &mut pcm);
            if is_click(&pcm) {
                took(self.room_clicked.take(), at, &mut self.seen.to_phone);
            }
        }
    }
}

fn took(clicked: Option<Instant>, heard: Instant, all: &mut Vec<f64>) {
    let took = clicked.map(|clicked| heard.saturating_duration_since(clicked));
    if let Some(took) = took.filter(|took| *took < LONGEST) {
        all.push(took.as_secs_f64() * 1e3);
    }
}
