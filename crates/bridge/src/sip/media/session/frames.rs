//! One frame each way: from the phone to the room, from the room to the phone.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use trunkline_media::playout::{Heard, Relayed};
use trunkline_sip::sdp::Codec;

use super::super::coding::{OPUS_SILENCE, rate};
use super::super::outgoing::Frame;
use super::super::phone::Spoken;
use super::super::shield::Shield;
use super::super::tap::Tap;
use super::super::{FRAME, Pair};
use super::{MediaEvent, MediaSession, RINGING_RATE};

impl MediaSession {
    pub(super) fn pump_to_room(&mut self, now: Instant) {
        if let Some(tone) = &mut self.tone {
            let _ = self.phone.next(now, &mut self.room_pcm);
            self.room_pcm.clear();
            self.room_pcm.resize(RINGING_RATE.samples_in_ms(20), 0);
            tone.fill(&mut self.room_pcm);
            if !self.tell_room(Spoken::Pcm(Heard::Sound, RINGING_RATE)) {
                self.room = None;
            }
            return;
        }
        self.room_due += FRAME_48K;
        while self.room_due > 0 {
            let spoken = self.phone.next(now, &mut self.room_pcm);
            if let Some(key) = self.phone.take_key() {
                let _ = self.events.try_send(MediaEvent::Key(key));
            }
            self.room_due -= match &spoken {
                Spoken::Coded(Relayed::Packet { hurry: true, .. }) => 0,
                Spoken::Coded(Relayed::Packet { ticks, .. } | Relayed::Gap { ticks, .. }) => {
                    i64::from(*ticks)
                }
                Spoken::Pcm(..) | Spoken::Coded(Relayed::Wait) => FRAME_48K,
                Spoken::Coded(Relayed::Idle) => self.room_due,
            };
            if !self.tell_room(spoken) {
                // The room is over; the call learns it from the room itself.
                self.room = None;
            }
        }
    }

    fn tell_room(&mut self, spoken: Spoken) -> bool {
        let Some(room) = &mut self.room else {
            return true;
        };
        match spoken {
            Spoken::Pcm(heard, rate) => room.write(&self.room_pcm, rate, heard),
            Spoken::Coded(Relayed::Packet { payload, ticks, .. }) => {
                let level = self.phone.loudness(&payload);
                room.pass(payload, ticks, level)
            }
            Spoken::Coded(Relayed::Gap { ticks, meant }) => room.gap(ticks, meant),
            Spoken::Coded(Relayed::Idle) => room.gap(960, true),
            Spoken::Coded(Relayed::Wait) => true,
        }
    }

    /// Sends one packet and says how long it was.
    pub(super) fn pump_to_phone(&mut self, now: Instant) -> Duration {
        let Some(agreed) = &self.phone.agreed else {
            return FRAME;
        };
        if self.playing && (agreed.telephone_event.is_none() || !self.outgoing.keys.is_active()) {
            self.playing = self.events.try_send(MediaEvent::Played).is_err();
        }
        if self.relays
            && self.ringback.is_none()
            && self.cue.is_none()
            && let Some(next) = self.voices.relay(now)
        {
            return self.relay_to_phone(next);
        }
        let ptime = u32::from(agreed.ptime);
        self.phone_pcm
            .resize(rate(agreed.codec).samples_in_ms(ptime), 0);
        let silent = self.voices.frame(now, &mut self.phone_pcm) <= Heard::Silence;
        if let Some(tone) = &mut self.ringback {
            tone.fill(&mut self.phone_pcm);
        }
        let told = self.cue.is_some();
        if let Some(cue) = &mut self.cue
            && !cue.fill(&mut self.phone_pcm)
        {
            self.cue = None;
        }
        let frame = if told || self.ringback.is_some() || !silent {
            self.load.sounded(Duration::from_millis(u64::from(ptime)));
            Frame::Sound(&self.phone_pcm)
        } else if agreed.codec == Codec::Opus {
            return self.relay_to_phone(Relayed::Idle);
        } else {
            Frame::Silence(self.phone_pcm.len())
        };
        let packet = self.outgoing.packet(frame, agreed);
        let wire = (&self.pair, &mut self.shield, &mut self.tap);
        send_rtp(wire, self.phone.latch.target(), packet);
        Duration::from_millis(u64::from(ptime))
    }

    /// Passes on what comes from the room; what there is nothing for is silence, ready-made.
    fn relay_to_phone(&mut self, next: Relayed) -> Duration {
        let Some(agreed) = &self.phone.agreed else {
            return FRAME;
        };
        let (packet, ticks) = match next {
            Relayed::Packet { ticks, .. } if ticks > u32::from(agreed.max_ptime) * 48 => {
                // This room's packets are too long for this phone: from here on its sound is coded anew.
                self.relays = false;
                return Duration::ZERO;
            }
            Relayed::Packet {
                payload,
                ticks,
                hurry,
            } => {
                let packet = self.outgoing.pass(&payload, ticks, agreed);
                self.load.sounded(FRAME);
                (packet, if hurry { 0 } else { ticks })
            }
            Relayed::Gap {
                ticks,
                meant: false,
            } => {
                self.outgoing.skip(ticks);
                (None, ticks)
            }
            Relayed::Gap { ticks, .. } => (self.outgoing.pass(OPUS_SILENCE, ticks, agreed), ticks),
            Relayed::Idle => (self.outgoing.pass(OPUS_SILENCE, 960, agreed), 960),
            Relayed::Wait => (None, 960),
        };
        let wire = (&self.pair, &mut self.shield, &mut self.tap);
        send_rtp(wire, self.phone.latch.target(), packet);
        Duration::from_micros(u64::from(ticks) * 1000 / 48)
    }
}

fn send_rtp(
    (pair, shield, tap): (&Pair, &mut Shield, &mut Tap),
    target: Option<SocketAddr>,
    packet: Option<&[u8]>,
) {
    if let Some(packet) = packet
        && let Some(target) = target
        && let Some(sealed) = shield.seal_rtp(packet)
    {
        tap.sent(packet, target);
        // A full socket buffer is a lost packet, like on the wire.
        let _ = pair.rtp.try_send_to(sealed, target);
    }
}

/// 20 ms on the clock of Opus.
const FRAME_48K: i64 = 960;
