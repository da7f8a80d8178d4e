//! From the room: every audible track, decoded at the phone's rate and mixed; or the only one, as it is.

use std::time::Instant;

use trunkline_base::id::TrackSid;
use trunkline_client::room::{MediaReceiver, RemoteTrack};
use trunkline_media::SampleRate;
use trunkline_media::mix::mix;
use trunkline_media::playout::{Codec, Heard, Relayed, Stream};

struct Voice {
    sid: TrackSid,
    packets: MediaReceiver,
    stream: Stream,
    pcm: Vec<i16>,
    heard: Heard,
}

/// The tracks a phone hears.
pub(super) struct Voices {
    rate: SampleRate,
    all: Vec<Voice>,
}

impl Voices {
    pub(super) fn new() -> Self {
        Self {
            rate: SampleRate::HZ_8000,
            all: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, track: RemoteTrack) {
        if self.all.len() >= MAX_VOICES {
            return;
        }
        let Ok(stream) = Stream::new(Codec::Opus, self.rate) else {
            return;
        };
        let RemoteTrack { sid, packets, .. } = track;
        self.all.push(Voice {
            sid,
            packets,
            stream,
            pcm: Vec::new(),
            heard: Heard::Idle,
        });
    }

    /// The phone speaks another codec now.
    pub(super) fn set_rate(&mut self, rate: SampleRate) {
        self.rate = rate;
        for voice in &mut self.all {
            // Every rate of a phone's codec is one of Opus.
            let _ = voice.stream.set_rate(rate);
        }
    }

    pub(super) fn remove(&mut self, sid: &TrackSid) {
        self.all.retain(|voice| voice.sid != *sid);
    }

    /// The next sound of everybody together; nothing is written where nobody is heard.
    pub(super) fn frame(&mut self, now: Instant, out: &mut [i16]) -> Heard {
        let mut best = Heard::Idle;
        for voice in &mut self.all {
            voice.take_packets();
            voice.pcm.resize(out.len(), 0);
            voice.heard = voice.stream.frame(now, &mut voice.pcm);
            best = best.max(voice.heard);
        }
        if best <= Heard::Silence {
            return best;
        }
        let speaking = self.all.iter().filter(|one| one.heard > Heard::Silence);
        let mut sounds: [&[i16]; MAX_VOICES] = [&[]; MAX_VOICES];
        let mut count = 0;
        for (sound, voice) in sounds.iter_mut().zip(speaking) {
            *sound = &voice.pcm;
            count += 1;
        }
        mix(sounds.get(..count).unwrap_or_default(), out);
        best
    }

    /// What is next of the only voice there is; several have to be mixed.
    pub(super) fn relay(&mut self, now: Instant) -> Option<Relayed> {
        match self.all.as_mut_slice() {
            [] => Some(Relayed::Idle),
            [voice] => {
                voice.take_packets();
                Some(voice.stream.relay(now))
            }
            _ => None,
        }
    }
}

impl Voice {
    fn take_packets(&mut self) {
        while let Some(packet) = self.packets.try_recv() {
            // The low bits are what the wire carried.
            let [.., high, low] = packet.seq.to_be_bytes();
            let place = (0, u16::from_be_bytes([high, low]), packet.timestamp);
            self.stream.insert(place, packet.payload, packet.arrival);
        }
    }
}

/// Voices mixed for one phone. More speakers at once are noise anyway.
const MAX_VOICES: usize = 16;
