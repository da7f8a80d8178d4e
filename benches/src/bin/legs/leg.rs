//! One call and whoever else is in its room, driven by one clock.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use trunkline_benches::phone::FRAME;
use trunkline_client::room::{MediaReceiver, OpusFrame};
use trunkline_media::SampleRate;
use trunkline_media::g711::{self, Law};
use trunkline_media::opus::Decoder;

use super::line::{Line, Refused};
use super::peer::{Peer, PeerError};
use super::sounds::{EVERY, Sounds, is_click};

/// Packets after which the beat is taken anew: after a burst, as some begin a call with, everything
/// would be late for ever.
const BEATS: usize = 50;
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
    peer: Peer,
}

/// What one call saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// Milliseconds from a click's packet to the packet that it is heard in.
    pub(crate) to_room: Vec<f64>,
    pub(crate) to_phone: Vec<f64>,
    pub(crate) frames: usize,
    /// More than 20 ms after the beat of the last second.
    pub(crate) late: usize,
}

/// Why a call is not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LegError {
    #[error(transparent)]
    Peer(#[from] PeerError),
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
        sounds: &Sounds,
    ) -> Result<Self, LegError> {
        let mut peer = Peer::join(&url, number).await?;
        let call = Line::call(gateway, number, "0");
        let line = peer.sending(&sounds.silence, call).await?;
        Ok(Self { line, peer })
    }

    pub(crate) async fn run(mut self, doing: watch::Receiver<Doing>, sounds: Sounds) -> Seen {
        let mut ends = Ends {
            seen: Seen::default(),
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
                    ends.listen_in_room(self.peer.caller.as_mut(), now);
                }
                Ok(length) = self.line.rtp.recv(&mut buffer) => {
                    ends.heard(buffer.get(..length).unwrap_or_default(), Instant::now());
                }
                more = self.peer.notices() => if !more { break },
            }
        }
        self.line.hang_up().await;
        self.peer.leave().await;
        ends.seen
    }
}

/// Both ends of a call: what they said and heard.
struct Ends {
    seen: Seen,
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
            leg.peer.track.send(OpusFrame {
                payload: payload.clone(),
                duration_48k: 960,
                level: Some(*level),
            });
        }
        self.said += 1;
    }

    fn listen_in_room(&mut self, caller: Option<&mut MediaReceiver>, doing: Doing) {
        let Some(caller) = caller else { return };
        while let Some(packet) = caller.try_recv() {
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
        if self.seen.frames.is_multiple_of(BEATS) {
            self.first = None;
        }
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
