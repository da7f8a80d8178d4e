//! The media task of one call.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::warn;
use trunkline_base::id::TrackSid;
use trunkline_client::room::audio::PcmWriter;
use trunkline_client::room::{AudioTrack, RemoteTrack};
use trunkline_media::SampleRate;
use trunkline_service::metrics::{Counter, Timing, count, observe};
use trunkline_sip::rtp::{Rtcp, bye, is_rtcp, parse_rtcp, report, sender_of};
use trunkline_sip::sdp::Agreement;

use super::super::desk::wall_clock;
use super::super::signalling::now;
use super::outgoing::Outgoing;
use super::phone::{Phone, Took};
use super::ringing::Ringing;
use super::shield::Shield;
use super::summary::MediaSummary;
use super::voices::Voices;
use super::{FRAME, Pair};

/// What a media task begins with.
pub(crate) struct Setup {
    pub(crate) pair: Pair,
    /// Where the signalling comes from.
    pub(crate) host: IpAddr,
    /// Rate of the track made of the caller's voice.
    pub(crate) room_rate: u32,
    /// End of patience with a silent wire.
    pub(crate) media_timeout: Duration,
    /// SSRC, first sequence number and timestamp.
    pub(crate) start: (u32, u16, u32),
    pub(crate) cname: String,
}

/// What the call tells its media.
pub(crate) enum MediaCommand {
    /// The sides agreed, for the first time or anew.
    Agree(Agreement),
    /// The call is answered: send from now on.
    Start,
    /// The caller's voice goes into this track.
    Publish(AudioTrack),
    /// The caller hears this track.
    Hear(RemoteTrack),
    /// No longer.
    Forget(TrackSid),
    /// Keys for the phone.
    Press(String),
    /// The room hears the tone of a line that rings, or no longer.
    Tone(bool),
    /// A key that came to the room, by whichever way.
    Pressed,
}

/// What media tells the call.
#[derive(Debug)]
pub(crate) enum MediaEvent {
    /// The caller pressed a key.
    Key(char),
    /// Nothing comes from the phone any more.
    Silent,
    /// The keys for the phone are all pressed.
    Played,
}

/// Owns the sockets and both clocks.
pub(crate) struct MediaSession {
    pair: Pair,
    media_timeout: Duration,
    cname: String,
    agreed: Option<Agreement>,
    phone: Phone,
    voices: Voices,
    writer: Option<PcmWriter>,
    outgoing: Outgoing,
    shield: Shield,
    /// Keys for the phone are under way.
    playing: bool,
    tone: Option<Ringing>,
    room_pcm: Vec<i16>,
    phone_pcm: Vec<i16>,
    room_rate: u32,
    room_tick: Instant,
    /// None before the answer.
    phone_tick: Option<Instant>,
    report_at: Instant,
    told_silent: bool,
    summary: MediaSummary,
    events: mpsc::Sender<MediaEvent>,
}

impl MediaSession {
    pub(crate) fn new(setup: Setup, events: mpsc::Sender<MediaEvent>) -> Self {
        let now = now();
        let rate = SampleRate::new(setup.room_rate).unwrap_or(SampleRate::HZ_16000);
        let (ssrc, sequence, timestamp) = setup.start;
        Self {
            pair: setup.pair,
            media_timeout: setup.media_timeout,
            cname: setup.cname,
            agreed: None,
            phone: Phone::new(rate, setup.host, now),
            voices: Voices::default(),
            writer: None,
            outgoing: Outgoing::new(ssrc, sequence, timestamp),
            shield: Shield::default(),
            playing: false,
            tone: None,
            room_pcm: vec![0; rate.samples_in_ms(20)],
            phone_pcm: Vec::new(),
            room_rate: rate.hz(),
            room_tick: now + FRAME,
            phone_tick: None,
            report_at: now + REPORT,
            told_silent: false,
            summary: MediaSummary::default(),
            events,
        }
    }

    /// Runs until the call lets go of its commands.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<MediaCommand>) -> MediaSummary {
        // A fresh socket refuses to send until the reactor has seen it once.
        let _ = tokio::join!(self.pair.rtp.writable(), self.pair.rtcp.writable());
        let mut rtp = vec![0; MAX_PACKET];
        let mut rtcp = vec![0; MAX_PACKET];
        loop {
            let wake = self
                .phone_tick
                .map_or(self.room_tick, |tick| tick.min(self.room_tick));
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => break,
                },
                () = tokio::time::sleep_until(wake.into()) => self.on_clock(now()),
                Ok((length, source)) = self.pair.rtp.recv_from(&mut rtp) => {
                    self.on_rtp(rtp.get(..length).unwrap_or_default(), source);
                }
                Ok((length, source)) = self.pair.rtcp.recv_from(&mut rtcp) => {
                    self.on_rtcp(rtcp.get(..length).unwrap_or_default(), source);
                }
            }
        }
        self.finish()
    }

    fn on_command(&mut self, command: MediaCommand) {
        let now = now();
        match command {
            MediaCommand::Agree(agreement) => {
                self.phone.agree(&agreement, now);
                if self.shield.agree(agreement.keys.as_deref()) {
                    // A new key begins a new count, which nobody may mix up with the old one.
                    self.outgoing.renew(rand::random(), rand::random());
                }
                self.agreed = Some(agreement);
                self.told_silent = false;
            }
            MediaCommand::Start => {
                self.phone_tick.get_or_insert(now);
                self.phone.latch.open(now);
                self.phone.last = now;
            }
            MediaCommand::Publish(track) => match PcmWriter::new(track, self.room_rate) {
                Ok(writer) => self.writer = Some(writer),
                Err(error) => warn!(%error, "the caller's voice cannot be encoded"),
            },
            MediaCommand::Hear(track) => self.voices.add(track),
            MediaCommand::Forget(sid) => self.voices.remove(&sid),
            MediaCommand::Press(digits) => {
                self.outgoing.keys.push(&digits);
                self.playing = true;
            }
            MediaCommand::Tone(on) => {
                let rate = SampleRate::new(self.room_rate).unwrap_or(SampleRate::HZ_16000);
                self.tone = on.then(|| Ringing::new(rate));
            }
            MediaCommand::Pressed => self.phone.pressed += 1,
        }
    }

    fn on_clock(&mut self, now: Instant) {
        while self.room_tick <= now {
            self.pump_to_room(now);
            self.room_tick = next_tick(self.room_tick, FRAME, now);
        }
        while let Some(tick) = self.phone_tick.filter(|tick| *tick <= now) {
            self.watch_lateness(now.saturating_duration_since(tick));
            let step = self.pump_to_phone(now);
            self.phone_tick = Some(next_tick(tick, step, now));
        }
        if self.report_at <= now {
            self.report_at = now + REPORT;
            self.send_report(now);
        }
        self.watch_silence(now);
    }

    fn pump_to_room(&mut self, now: Instant) {
        self.phone.frame(now, &mut self.room_pcm);
        if let Some(tone) = &mut self.tone {
            tone.fill(&mut self.room_pcm);
        }
        if let Some(writer) = &mut self.writer
            && writer.write_20ms(&self.room_pcm).is_err()
        {
            // The room is over; the call learns it from the room itself.
            self.writer = None;
        }
    }

    /// Sends one packet and says how long it was.
    fn pump_to_phone(&mut self, now: Instant) -> Duration {
        let Some(agreed) = &self.agreed else {
            return FRAME;
        };
        let ptime = usize::from(agreed.ptime);
        if self.playing && (agreed.telephone_event.is_none() || !self.outgoing.keys.is_active()) {
            self.playing = self.events.try_send(MediaEvent::Played).is_err();
        }
        self.phone_pcm.resize(ptime * 8, 0);
        self.voices.frame(now, &mut self.phone_pcm);
        if let Some(packet) = self.outgoing.packet(&self.phone_pcm, agreed)
            && let Some(target) = self.phone.latch.target()
            && let Some(packet) = self.shield.seal_rtp(&packet)
        {
            // A full socket buffer is a lost packet, like on the wire.
            let _ = self.pair.rtp.try_send_to(packet, target);
        }
        Duration::from_millis(u64::from(agreed.ptime))
    }

    fn on_rtp(&mut self, data: &[u8], source: SocketAddr) {
        if is_rtcp(data) {
            // Both on one port, by a phone that does so unasked (RFC 5761).
            return self.on_rtcp(data, source);
        }
        let Some(data) = self.shield.open_rtp(data) else {
            return;
        };
        let now = now();
        match self.phone.on_packet(data, source, now) {
            Took::Sound { fresh: true } => {
                // From here on each frame is due just when the buffer is willing to give it.
                self.room_tick = now + FRAME + MARGIN;
            }
            Took::Keys(digits) => {
                for digit in digits.chars() {
                    let _ = self.events.try_send(MediaEvent::Key(digit));
                }
            }
            Took::Sound { fresh: false } | Took::Other | Took::Nothing => {}
        }
    }

    fn on_rtcp(&mut self, data: &[u8], source: SocketAddr) {
        let Some(data) = self.shield.open_rtcp(data) else {
            return;
        };
        let now = now();
        if !sender_of(data).is_some_and(|sender| self.phone.on_rtcp(source, sender, now)) {
            count(Counter::RtpDropped, 1, &[("reason", "source")]);
            return;
        }
        for item in parse_rtcp(data) {
            match item {
                Rtcp::SenderReport { ssrc, ntp_middle } => {
                    self.phone.reception.on_sender_report(ssrc, ntp_middle, now);
                }
                Rtcp::Block(block) if block.ssrc == self.outgoing.ssrc => {
                    let percent = f64::from(block.fraction_lost) / 2.56;
                    self.summary.remote_loss_percent = Some((percent * 10.0).round() / 10.0);
                }
                Rtcp::Block(_) | Rtcp::Bye(_) => {}
            }
        }
    }

    fn send_report(&mut self, now: Instant) {
        let sender = self.outgoing.sender_info(wall_clock());
        let block = self.phone.reception.report(now);
        let packet = report(
            self.outgoing.ssrc,
            &self.cname,
            sender.as_ref(),
            block.as_ref(),
        );
        self.send_rtcp(&packet);
    }

    fn send_rtcp(&mut self, packet: &[u8]) {
        let Some(agreed) = &self.agreed else { return };
        if let Some(target) = self.phone.latch.rtcp_target(agreed.remote_rtcp)
            && let Some(packet) = self.shield.seal_rtcp(packet)
        {
            let _ = self.pair.rtcp.try_send_to(packet, target);
        }
    }

    fn watch_lateness(&mut self, late: Duration) {
        observe(Timing::RtpLateness, late, &[]);
        if late > FRAME {
            self.summary.late_frames += 1;
            count(Counter::RtpLate, 1, &[]);
        }
    }

    fn watch_silence(&mut self, now: Instant) {
        let expected = self.phone_tick.is_some()
            && self
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

    fn finish(mut self) -> MediaSummary {
        if self.outgoing.packets > 0 {
            self.send_rtcp(&bye(self.outgoing.ssrc, &self.cname));
        }
        self.phone.summarize(&mut self.summary);
        self.shield.summarize(&mut self.summary);
        self.summary.sent = self.outgoing.sent();
        self.summary
    }
}

/// The next tick; ticks missed by more than [`GIVE_UP`] are left out instead of sent in a burst.
fn next_tick(tick: Instant, step: Duration, now: Instant) -> Instant {
    let next = tick + step;
    if now.saturating_duration_since(next) > GIVE_UP {
        now + step
    } else {
        next
    }
}

/// RFC 3550 6.2.
const REPORT: Duration = Duration::from_secs(5);

/// Behind by this much, catching up would only make a burst.
const GIVE_UP: Duration = Duration::from_millis(100);

/// The timer's own coarseness.
const MARGIN: Duration = Duration::from_millis(1);

/// Larger than any RTP packet of a phone.
const MAX_PACKET: usize = 2048;
