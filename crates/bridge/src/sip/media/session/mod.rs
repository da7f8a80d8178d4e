//! The media task of one call.

mod clock;
mod frames;
mod keep;
mod reports;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use trunkline_media::SampleRate;
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_sip::rtp::{bye, is_rtcp};

use super::super::load::Inside;
use super::super::signalling::now;
use super::coding::{rate, relays};
use super::commands::{MediaCommand, MediaEvent, Setup};
use super::cue::Playing;
use super::outgoing::Outgoing;
use super::phone::{Phone, Took};
use super::place::Milestone;
use super::ringing::Ringing;
use super::room::ToRoom;
use super::shield::Shield;
use super::summary::{MediaSummary, Rating};
use super::tap::Tap;
use super::voices::Voices;
use super::{FRAME, Pair};
use clock::Clock;

/// Owns the sockets and the clock.
pub(crate) struct MediaSession {
    pair: Pair,
    media_timeout: Duration,
    complexity: u8,
    cname: String,
    phone: Phone,
    voices: Voices,
    room: Option<ToRoom>,
    outgoing: Outgoing,
    shield: Shield,
    tap: Tap,
    /// Keys for the phone are under way.
    playing: bool,
    tone: Option<Ringing>,
    /// The same, for the phone.
    ringback: Option<Ringing>,
    /// What the phone is told by tones, over all else.
    cue: Option<Playing>,
    room_pcm: Vec<i16>,
    /// Sound that the room is due, on the clock of Opus.
    room_due: i64,
    phone_pcm: Vec<i16>,
    /// The phone takes packets as they come from the room.
    relays: bool,
    clock: Clock,
    /// When all that the phone had sent was read.
    read_until: Instant,
    /// How it sounded when that was told last.
    rated: Rating,
    told_silent: bool,
    summary: MediaSummary,
    /// What the phones before this one came to.
    earlier: Option<MediaSummary>,
    /// Packets of ours that the phone misses.
    remote_lost: Option<u32>,
    milestone: Milestone,
    load: Inside,
    events: mpsc::Sender<MediaEvent>,
}

impl MediaSession {
    pub(crate) fn new(setup: Setup, events: mpsc::Sender<MediaEvent>) -> Self {
        let now = now();
        let (ssrc, sequence, timestamp) = setup.start;
        Self {
            pair: setup.pair,
            media_timeout: setup.media_timeout,
            complexity: setup.complexity,
            cname: setup.cname,
            phone: Phone::new(setup.host, now),
            voices: Voices::new(),
            room: None,
            outgoing: Outgoing::new(ssrc, sequence, timestamp),
            shield: Shield::default(),
            tap: Tap::new(setup.ours),
            playing: false,
            tone: None,
            ringback: None,
            cue: None,
            room_pcm: Vec::new(),
            room_due: 0,
            phone_pcm: Vec::new(),
            relays: false,
            clock: Clock::new(now),
            read_until: now,
            rated: Rating::default(),
            told_silent: false,
            summary: MediaSummary::default(),
            earlier: None,
            remote_lost: None,
            milestone: Milestone::default(),
            load: setup.load,
            events,
        }
    }

    /// Runs until the call lets go of its commands.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<MediaCommand>) -> MediaSummary {
        self.pair.settle().await;
        let mut rtp = vec![0; MAX_PACKET];
        let mut rtcp = vec![0; MAX_PACKET];
        loop {
            let wake = self.clock.wake();
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => break,
                },
                () = tokio::time::sleep_until(wake.into()) => self.on_wake(&mut rtp, now()),
                Ok((length, source)) = self.pair.rtp.recv_from(&mut rtp) => {
                    self.on_rtp(rtp.get(..length).unwrap_or_default(), source, now());
                }
                Ok((length, source)) = self.pair.rtcp.recv_from(&mut rtcp) => {
                    self.on_rtcp(rtcp.get(..length).unwrap_or_default(), source);
                }
            }
        }
        self.conclude()
    }

    fn on_command(&mut self, command: MediaCommand) {
        let now = now();
        match command {
            MediaCommand::Agree(agreement) => {
                if self.shield.agree(agreement.keys.as_deref()) {
                    // A new key begins a new count, which nobody may mix up with the old one.
                    self.outgoing.renew(rand::random(), rand::random());
                }
                self.voices.set_rate(rate(agreement.codec));
                self.relays = relays(&agreement);
                if let Some(tone) = &mut self.ringback {
                    *tone = Ringing::new(rate(agreement.codec));
                }
                if let Some(playing) = &mut self.cue {
                    *playing = Playing::new(playing.cue, rate(agreement.codec));
                }
                self.tap
                    .agree(agreement.telephone_event.map(|(kind, _)| kind));
                self.phone.agree(agreement, now);
                self.told_silent = false;
                self.milestone.pass();
            }
            MediaCommand::Start => {
                self.clock.start(now);
                self.phone.latch.open(now);
                self.phone.last = now;
            }
            MediaCommand::Host { ours, theirs } => {
                self.tap.moved(ours);
                self.phone.latch.signals_from(theirs);
            }
            MediaCommand::Keep(reel) => self.tap.start(reel),
            MediaCommand::Publish(track) => {
                self.room = Some(ToRoom::new(track, self.complexity));
            }
            MediaCommand::Hear(track) => self.voices.add(track),
            MediaCommand::Forget(sid) => self.voices.remove(&sid),
            MediaCommand::Press(digits) => {
                self.outgoing.keys.push(&digits);
                self.playing = true;
            }
            MediaCommand::Tone(on) => {
                self.tone = on.then(|| Ringing::new(RINGING_RATE));
            }
            MediaCommand::Ringback(on) => {
                let agreed = self.phone.agreed.as_ref().filter(|_| on);
                self.ringback = agreed.map(|agreed| Ringing::new(rate(agreed.codec)));
            }
            MediaCommand::Play(cue) => {
                let agreed = self.phone.agreed.as_ref();
                let rate = agreed.map_or(RINGING_RATE, |agreed| rate(agreed.codec));
                self.cue = Some(Playing::new(cue, rate));
            }
            MediaCommand::Pressed => self.phone.pressed += 1,
            MediaCommand::Tell => self.milestone.pass(),
            MediaCommand::GoOn(place) => self.go_on(&place),
            MediaCommand::ChangePhone(setup) => self.change_phone(*setup, now),
        }
    }

    /// It is time for a frame, or was: what came while this task was kept from running comes first.
    /// It was in time, and the clock must not overtake it.
    fn on_wake(&mut self, buffer: &mut [u8], now: Instant) {
        for _ in 0..MOST_WAITING {
            let Some((length, source)) = self.pair.rtp.try_recv_from(buffer) else {
                self.read_until = now;
                break;
            };
            // It came since all was read; the best guess when is a frame after the one before it.
            let at = (self.phone.last + FRAME).max(self.read_until).min(now);
            self.on_rtp(buffer.get(..length).unwrap_or_default(), source, at);
        }
        self.on_clock(now);
    }

    fn on_clock(&mut self, now: Instant) {
        while let Some(due) = self.clock.take_room(now) {
            // As of when it was due: late frames are not too old to be heard because we are late.
            self.pump_to_room(due);
            self.load.stood(FRAME);
            if self.room.as_ref().is_some_and(ToRoom::is_heard) {
                self.load.sounded(FRAME);
            }
        }
        while let Some(due) = self.clock.phone_due(now) {
            self.watch_lateness(now.saturating_duration_since(due));
            let length = self.pump_to_phone(now);
            self.clock.sent(due, length, now);
        }
        if self.clock.take_report(now) {
            self.send_report(now);
        }
        if self.clock.take_rating(now) {
            self.tell_rating();
        }
        self.watch_silence(now);
        self.tell_place();
    }

    fn on_rtp(&mut self, data: &[u8], source: SocketAddr, now: Instant) {
        if is_rtcp(data) {
            // Both on one port, by a phone that does so unasked (RFC 5761).
            return self.on_rtcp(data, source);
        }
        let Some(data) = self.shield.open_rtp(data) else {
            return;
        };
        let took = self.phone.on_packet(data, source, now);
        if took != Took::Nothing {
            self.tap.heard(data, source);
        }
        match took {
            Took::Sound { fresh: true } => self.clock.follow(now),
            Took::Keys(digits) => {
                for digit in digits.chars() {
                    let _ = self.events.try_send(MediaEvent::Key(digit));
                }
            }
            Took::Sound { fresh: false } | Took::Other | Took::Nothing => {}
        }
    }

    fn tell_rating(&mut self) {
        let rating = self.so_far().rating();
        let changed = rating.differs(self.rated);
        if changed && self.events.try_send(MediaEvent::Rated(rating)).is_ok() {
            self.rated = rating;
        }
    }

    /// The figures up to now.
    fn so_far(&self) -> MediaSummary {
        let mut summary = self.summary.clone();
        self.phone.summarize(&mut summary);
        self.shield.summarize(&mut summary);
        summary.sent = self.outgoing.sent();
        let sent = f64::from(self.outgoing.packets.max(1));
        let remote_loss = self.remote_lost.map(|lost| f64::from(lost) / sent);
        summary.rate(self.phone.stats(), remote_loss);
        summary
    }

    fn watch_lateness(&mut self, late: Duration) {
        observe(Timing::RtpLateness, late, &[]);
        self.load.sent(late > FRAME);
        if late > FRAME {
            self.summary.late_frames += 1;
            count(Counter::RtpLate, 1, &[]);
        }
    }

    fn watch_silence(&mut self, now: Instant) {
        let expected = self.clock.has_started()
            && self
                .phone
                .agreed
                .as_ref()
                .is_some_and(|agreed| agreed.direction.receives() && !agreed.on_hold());
        if !expected {
            self.phone.last = now;
        }
        let quiet = now.saturating_duration_since(self.phone.last);
        if quiet > self.media_timeout && !self.told_silent {
            self.told_silent = self.events.try_send(MediaEvent::Silent).is_ok();
        }
    }

    /// Another phone comes in the place of this one. What the room says and hears goes on.
    fn change_phone(&mut self, setup: Setup, now: Instant) {
        self.earlier = Some(self.conclude());
        let (ssrc, sequence, timestamp) = setup.start;
        self.outgoing = Outgoing::new(ssrc, sequence, timestamp);
        self.phone = Phone::new(setup.host, now);
        self.shield = Shield::default();
        self.tap.moved(setup.ours);
        self.cname = setup.cname;
        self.pair = setup.pair;
        self.pair.drain();
        self.remote_lost = None;
        self.ringback = None;
        self.cue = None;
        self.clock.stop();
        self.told_silent = false;
    }

    /// What the phone of now came to, and those before it.
    fn conclude(&mut self) -> MediaSummary {
        if self.outgoing.packets > 0 {
            self.send_rtcp(&bye(self.outgoing.ssrc, &self.cname));
        }
        let late = self.phone.late();
        if late > 0 {
            count(Counter::RtpDropped, late, &[("reason", "late")]);
        }
        let summary = self.so_far();
        self.summary = MediaSummary::default();
        summary.after(self.earlier.take())
    }
}

/// Enough for the tone of a line that rings.
const RINGING_RATE: SampleRate = SampleRate::HZ_8000;

/// Packets read before a frame is made: more than come of one phone while the
/// room is caught up with. A flood waits.
const MOST_WAITING: usize = 32;

/// Larger than any RTP packet of a phone.
const MAX_PACKET: usize = 2048;
