//! From the room: every audible track, decoded at the phone's rate and mixed.

use std::time::Instant;

use trunkline_base::id::TrackSid;
use trunkline_client::room::{MediaReceiver, RemoteTrack};
use trunkline_media::SampleRate;
use trunkline_media::mix::mix;
use trunkline_media::playout::{Codec, Heard, Stream};

struct Voice {
    sid: TrackSid,
    packets: MediaReceiver,
    stream: Stream,
    pcm: Vec<i16>,
}

/// The tracks a phone hears.
#[derive(Default)]
pub(super) struct Voices(Vec<Voice>);

impl Voices {
    pub(super) fn add(&mut self, track: RemoteTrack) {
        if self.0.len() >= MAX_VOICES {
            return;
        }
        let Ok(stream) = Stream::new(Codec::Opus, SampleRate::HZ_8000) else {
            return;
        };
        let RemoteTrack { sid, packets, .. } = track;
        self.0.push(Voice {
            sid,
            packets,
            stream,
            pcm: Vec::new(),
        });
    }

    pub(super) fn remove(&mut self, sid: &TrackSid) {
        self.0.retain(|voice| voice.sid != *sid);
    }

    /// The next sound of everybody together.
    pub(super) fn frame(&mut self, now: Instant, out: &mut [i16]) {
        let mut speaking: Vec<&[i16]> = Vec::with_capacity(self.0.len());
        for voice in &mut self.0 {
            while let Some(packet) = voice.packets.try_recv() {
                // The low bits are what the wire carried.
                let [.., high, low] = packet.seq.to_be_bytes();
                let place = (0, u16::from_be_bytes([high, low]), packet.timestamp);
                voice.stream.insert(place, packet.payload, packet.arrival);
            }
            voice.pcm.resize(out.len(), 0);
            let heard = voice.stream.frame(now, &mut voice.pcm);
            if heard > Heard::Silence {
                speaking.push(&voice.pcm);
            }
        }
        mix(&speaking, out);
    }
}

/// Voices mixed for one phone. More speakers at once are noise anyway.
const MAX_VOICES: usize = 16;
