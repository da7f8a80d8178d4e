//! A frame on its way through a call takes no memory: a thread of sound that allocates waits for
//! others, and pays for each frame what is free of charge.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use trunkline_media::opus::{CLOCK_HZ, Encoder, Voice};
use trunkline_media::playout::{Codec as Coded, Heard, Relayed, Stream};
use trunkline_media::tone::Sine;
use trunkline_sip::rtp::Header;
use trunkline_sip::sdp::{Agreement, Codec, Direction, Keys, OpusWishes};
use trunkline_sip::srtp::{MasterKey, Suite};

use super::coding::{Coder, rate};
use super::outgoing::{Frame, Outgoing};
use super::phone::{Phone, Spoken};
use super::shield::Shield;

/// Packets that a room holds back before it plays them.
const WAITING: usize = 4;

/// One call: a phone that talks, and a room that says the same back.
struct Call {
    agreed: Agreement,
    /// The phone's own encryption, and ours.
    theirs: Shield,
    ours: Shield,
    phone: Phone,
    outgoing: Outgoing,
    to_room: Encoder,
    from_room: Stream,
    /// Packets on their way through the room.
    room: VecDeque<Bytes>,
    sine: Sine,
    said: Option<Coder>,
    sequence: u16,
    now: Instant,
    pcm: Vec<i16>,
    wire: Vec<u8>,
    frame: Vec<i16>,
    /// Frames that were heard in the room, and packets that the phone got.
    heard: usize,
    sent: usize,
}

fn key(seed: u64) -> MasterKey {
    MasterKey::generate(Suite::Aes128CmSha1_80, &mut StdRng::seed_from_u64(seed))
}

fn keys(ours: u64, theirs: u64) -> Keys {
    Keys {
        ours: key(ours),
        theirs: vec![key(theirs)],
    }
}

impl Call {
    fn new(codec: Codec, encrypted: bool) -> Self {
        let source: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        let agreed = Agreement {
            codec,
            payload_type: 96,
            telephone_event: Some((101, codec.clock_hz())),
            comfort_noise: None,
            opus: OpusWishes::default(),
            remote: Some(source),
            remote_rtcp: None,
            ptime: 20,
            max_ptime: 60,
            direction: Direction::SendRecv,
            keys: None,
        };
        let now = Instant::now();
        let (mut theirs, mut ours) = (Shield::default(), Shield::default());
        if encrypted {
            theirs.agree(Some(&keys(2, 1)));
            ours.agree(Some(&keys(1, 2)));
        }
        let mut phone = Phone::new(source.ip(), now);
        phone.agree(agreed.clone(), now);
        phone.latch.open(now);
        let samples = rate(codec).samples_in_ms(20);
        Self {
            theirs,
            ours,
            phone,
            outgoing: Outgoing::new(7, 0, 0),
            to_room: Encoder::voice(rate(codec), Voice::default()).unwrap(),
            from_room: Stream::new(Coded::Opus, rate(codec)).unwrap(),
            room: VecDeque::with_capacity(WAITING + 1),
            sine: Sine::new(rate(codec), 300.0, -12.0),
            said: None,
            sequence: 0,
            now,
            pcm: vec![0; samples],
            wire: Vec::new(),
            frame: vec![0; samples],
            heard: 0,
            sent: 0,
            agreed,
        }
    }

    /// So many frames, both ways.
    fn pass(&mut self, frames: usize) {
        for _ in 0..frames {
            self.now += Duration::from_millis(20);
            self.say();
            self.hear();
            self.answer();
        }
    }

    /// The phone's packet, up to where it waits for its turn.
    fn say(&mut self) {
        let source = self.agreed.remote.unwrap();
        self.wire.clear();
        let ticks = self.agreed.codec.clock_hz() / 50;
        Header {
            payload_type: self.agreed.payload_type,
            marker: false,
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * ticks,
            ssrc: 9,
        }
        .begin(&mut self.wire);
        self.sine.fill(&mut self.pcm);
        let coder = Coder::for_agreement(&mut self.said, &self.agreed);
        coder.encode(&self.pcm, &mut self.wire);
        self.sequence += 1;
        let sealed = self.theirs.seal_rtp(&self.wire).unwrap();
        let opened = self.ours.open_rtp(sealed).unwrap();
        let _ = self.phone.on_packet(opened, source, self.now);
    }

    /// Its turn, and on to the room.
    fn hear(&mut self) {
        match self.phone.next(self.now, &mut self.pcm) {
            Spoken::Pcm(heard, _) => {
                self.heard += usize::from(heard == Heard::Sound);
                self.room.push_back(self.to_room.encode(&self.pcm).unwrap());
            }
            Spoken::Coded(Relayed::Packet { payload, .. }) => {
                self.heard += 1;
                let _ = self.phone.loudness(&payload);
                self.room.push_back(payload);
            }
            Spoken::Coded(_) => {}
        }
    }

    /// What the room says, up to the wire.
    fn answer(&mut self) {
        if self.room.len() < WAITING {
            return;
        }
        let payload = self.room.pop_front().unwrap();
        let timestamp = u32::from(self.sequence) * (CLOCK_HZ / 50);
        self.from_room
            .insert((0, self.sequence, timestamp), payload, self.now);
        let sent = if self.agreed.codec == Codec::Opus {
            match self.from_room.relay(self.now) {
                Relayed::Packet { payload, ticks, .. } => {
                    self.outgoing.pass(&payload, ticks, &self.agreed)
                }
                _ => return,
            }
        } else {
            let heard = self.from_room.frame(self.now, &mut self.frame);
            let frame = match heard {
                Heard::Sound => Frame::Sound(&self.frame),
                _ => Frame::Silence(self.frame.len()),
            };
            self.outgoing.packet(frame, &self.agreed)
        };
        self.sent += usize::from(self.ours.seal_rtp(sent.unwrap()).is_some());
    }
}

#[test]
fn a_frame_on_its_way_takes_no_memory() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus] {
        for encrypted in [false, true] {
            let mut call = Call::new(codec, encrypted);
            // Until buffers have the size that they keep, and both pages are in use.
            call.pass(2_000);
            let before = (call.heard, call.sent);
            let taken = allocation_counter::measure(|| call.pass(500));
            let way = (call.heard - before.0, call.sent - before.1);
            assert_eq!(way, (500, 500), "{codec:?}: sound has to pass");
            assert_eq!(taken.count_total, 0, "{codec:?}, encrypted: {encrypted}");
        }
    }
}
