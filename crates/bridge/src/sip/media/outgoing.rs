//! To the phone: an unbroken RTP stream.

use bytes::Bytes;
use trunkline_base::time::UnixTime;
use trunkline_sip::dtmf;
use trunkline_sip::rtp::{Header, SenderInfo};
use trunkline_sip::sdp::Agreement;
use trunkline_sip::srtp::Heard;

use super::coding::{Coder, rate};
use super::place::Place;

pub(crate) struct Outgoing {
    pub(crate) ssrc: u32,
    sequence: u16,
    /// How often the numbers have run over.
    rounds: u32,
    timestamp: u32,
    pub(crate) packets: u32,
    octets: u32,
    /// Packets of the streams before this one.
    earlier: u64,
    pub(crate) keys: dtmf::Sender,
    coder: Option<Coder>,
    payload: Vec<u8>,
    started: bool,
}

/// What the next packet is for.
enum Turn {
    /// We may not send.
    Nothing,
    /// A key is down.
    Key(Header, [u8; 4]),
    /// Sound.
    Sound(Header),
}

impl Outgoing {
    pub(crate) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            rounds: 0,
            timestamp,
            packets: 0,
            octets: 0,
            earlier: 0,
            keys: dtmf::Sender::new(),
            coder: None,
            payload: Vec::new(),
            started: false,
        }
    }

    /// Goes on as another stream, whose numbers begin anew.
    pub(crate) fn renew(&mut self, ssrc: u32, sequence: u16) {
        self.earlier = self.sent();
        self.ssrc = ssrc;
        self.sequence = sequence & FIRST_SEQUENCE;
        self.rounds = 0;
        self.packets = 0;
        self.octets = 0;
        self.started = false;
    }

    /// The number of the next packet, with those that have run over.
    pub(crate) fn next(&self) -> u64 {
        u64::from(self.rounds) << 16 | u64::from(self.sequence)
    }

    /// Writes down where it is.
    pub(super) fn place(&self, at: UnixTime, (reports, heard): (u32, Heard)) -> Place {
        Place {
            at,
            ssrc: self.ssrc,
            next: self.next(),
            timestamp: self.timestamp,
            packets: self.packets,
            octets: self.octets,
            reports,
            heard,
        }
    }

    /// Goes on with the stream of a process that is gone. Its first packet says that something
    /// begins.
    pub(super) fn go_on(&mut self, place: &Place) {
        self.ssrc = place.ssrc;
        self.rounds = u32::try_from(place.next >> 16).unwrap_or(u32::MAX);
        self.sequence = u16::try_from(place.next & 0xffff).unwrap_or(0);
        self.timestamp = place.timestamp;
        self.packets = place.packets;
        self.octets = place.octets;
        self.started = false;
    }

    fn count(&mut self) {
        let (next, over) = self.sequence.overflowing_add(1);
        self.sequence = next;
        self.rounds = self.rounds.wrapping_add(u32::from(over));
    }

    /// Packets in all.
    pub(crate) fn sent(&self) -> u64 {
        self.earlier + u64::from(self.packets)
    }

    /// The packet for one frame at the codec's rate; `None` while we may not send. Time goes on either
    /// way.
    pub(crate) fn packet(&mut self, pcm: &[i16], agreed: &Agreement) -> Option<Bytes> {
        let ticks = pcm.len() as u64 * u64::from(agreed.codec.clock_hz())
            / u64::from(rate(agreed.codec).hz());
        match self.turn(u32::try_from(ticks).unwrap_or(0), agreed) {
            Turn::Nothing => None,
            Turn::Key(header, payload) => Some(self.finish(header, &payload)),
            Turn::Sound(header) => {
                let mut payload = std::mem::take(&mut self.payload);
                payload.clear();
                Coder::for_agreement(&mut self.coder, agreed).encode(pcm, &mut payload);
                let packet = self.finish(header, &payload);
                self.payload = payload;
                Some(packet)
            }
        }
    }

    /// A packet whose payload is there already and plays for `ticks` of the codec's clock.
    pub(crate) fn pass(&mut self, payload: &[u8], ticks: u32, agreed: &Agreement) -> Option<Bytes> {
        match self.turn(ticks, agreed) {
            Turn::Nothing => None,
            Turn::Key(header, key) => Some(self.finish(header, &key)),
            Turn::Sound(header) => Some(self.finish(header, payload)),
        }
    }

    /// What should be sent now was lost on its way here: its number and its time are not given to
    /// anything else, so that the phone conceals it.
    pub(crate) fn skip(&mut self, ticks: u32) {
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.count();
    }

    fn turn(&mut self, ticks: u32, agreed: &Agreement) -> Turn {
        let timestamp = self.timestamp;
        self.timestamp = timestamp.wrapping_add(ticks);
        if !agreed.direction.sends() {
            // What follows a hold is a new talk spurt.
            self.started = false;
            return Turn::Nothing;
        }
        let header = Header {
            payload_type: agreed.payload_type,
            marker: false,
            sequence: 0,
            timestamp,
            ssrc: self.ssrc,
        };
        if let Some((event_type, clock)) = agreed.telephone_event
            && let Some(event) = self.keys.next(timestamp, as_telephone(ticks, agreed))
        {
            let header = Header {
                payload_type: event_type,
                marker: event.marker,
                timestamp: event.timestamp,
                ..header
            };
            return Turn::Key(header, on_clock(event.payload, clock));
        }
        Turn::Sound(Header {
            marker: !std::mem::replace(&mut self.started, true),
            ..header
        })
    }

    fn finish(&mut self, header: Header, payload: &[u8]) -> Bytes {
        let packet = Header {
            sequence: self.sequence,
            ..header
        }
        .write(payload);
        self.count();
        self.packets = self.packets.wrapping_add(1);
        self.octets = self
            .octets
            .wrapping_add(u32::try_from(payload.len()).unwrap_or_default());
        packet
    }

    /// What the next sender report says; nothing before the first packet.
    pub(crate) fn sender_info(&self, at: UnixTime) -> Option<SenderInfo> {
        (self.packets > 0).then_some(SenderInfo {
            at,
            timestamp: self.timestamp,
            packets: self.packets,
            octets: self.octets,
        })
    }
}

/// Ticks of the codec's clock on that of the telephone, by which keys are timed.
fn as_telephone(ticks: u32, agreed: &Agreement) -> u16 {
    let ticks = u64::from(ticks) * 8000 / u64::from(agreed.codec.clock_hz());
    u16::try_from(ticks).unwrap_or(u16::MAX)
}

/// A key's payload with its duration counted by another clock than the voice's.
fn on_clock([code, flags, high, low]: [u8; 4], clock: u32) -> [u8; 4] {
    let duration = u64::from(u16::from_be_bytes([high, low])) * u64::from(clock) / 8000;
    let [high, low] = u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes();
    [code, flags, high, low]
}

/// Whoever misses the first packets of an encrypted stream counts wrong when it began shortly before
/// its numbers wrap (RFC 3711 3.3.1).
const FIRST_SEQUENCE: u16 = 0x7fff;

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_media::opus::packet::duration_samples_48k;
    use trunkline_sip::rtp::parse;
    use trunkline_sip::sdp::{Codec, Direction, OpusWishes};

    fn agreement(direction: Direction) -> Agreement {
        Agreement {
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: Some((101, 16_000)),
            comfort_noise: None,
            opus: OpusWishes::default(),
            remote: None,
            remote_rtcp: None,
            ptime: 20,
            max_ptime: 60,
            direction,
            keys: None,
        }
    }

    #[test]
    fn numbers_and_time_run_on_through_hold_and_keys() {
        let mut out = Outgoing::new(7, 65_535, 100);
        let talk = agreement(Direction::SendRecv);
        let first = out.packet(&[0; 160], &talk).unwrap();
        let (header, payload) = parse(&first).unwrap();
        assert_eq!(
            (header.sequence, header.timestamp, header.marker),
            (65_535, 100, true)
        );
        assert_eq!(payload, [0xff; 160]);
        assert!(
            out.packet(&[0; 160], &agreement(Direction::RecvOnly))
                .is_none()
        );
        out.keys.push("5");
        let key = out.packet(&[0; 160], &talk).unwrap();
        let (header, payload) = parse(&key).unwrap();
        assert_eq!(
            (header.sequence, header.timestamp, header.payload_type),
            (0, 420, 101)
        );
        // 20 ms on the clock that was agreed for keys.
        assert_eq!(payload, [5, 10, 1, 64]);
    }

    fn speaking(codec: Codec) -> Agreement {
        Agreement {
            codec,
            payload_type: 96,
            telephone_event: Some((101, codec.clock_hz())),
            ..agreement(Direction::SendRecv)
        }
    }

    #[test]
    fn each_codec_is_counted_by_its_own_clock_and_packets_last_as_agreed() {
        for (codec, samples, ticks) in [
            (Codec::Pcma, 8, 8),
            (Codec::G722, 16, 8),
            (Codec::Opus, 24, 48),
        ] {
            for ms in [10, 20, 40, 60] {
                let mut out = Outgoing::new(7, 0, 0);
                let agreed = speaking(codec);
                for number in 0..3_u32 {
                    let sent = out.packet(&vec![500; samples * ms], &agreed).unwrap();
                    let (header, payload) = parse(&sent).unwrap();
                    let expected = number * ticks * u32::try_from(ms).unwrap();
                    assert_eq!(header.timestamp, expected, "{codec:?} {ms} ms");
                    if codec == Codec::Opus {
                        let length = Some(48 * u32::try_from(ms).unwrap());
                        assert_eq!(duration_samples_48k(payload), length);
                    } else {
                        assert_eq!(payload.len(), 8 * ms);
                    }
                }
            }
        }
    }

    #[test]
    fn keys_beside_opus_last_as_long_as_beside_g711() {
        let mut out = Outgoing::new(7, 0, 0);
        out.keys.push("1");
        let agreed = speaking(Codec::Opus);
        let keys: Vec<Vec<u8>> = (0..20)
            .filter_map(|_| out.pass(&[0xf8, 0xff, 0xfe], 960, &agreed))
            .filter_map(|sent| {
                let (header, payload) = parse(&sent)?;
                (header.payload_type == 101).then(|| payload.to_vec())
            })
            .collect();
        // 120 ms at 48 kHz, its end three times.
        let end = [1, 0x8a, 0x16, 0x80];
        assert_eq!(keys[keys.len() - 3..], [end, end, end]);
    }

    #[test]
    fn what_was_lost_before_us_is_a_loss_for_the_phone_too() {
        let mut out = Outgoing::new(7, 10, 0);
        let agreed = speaking(Codec::Opus);
        let numbers = |sent: Option<Bytes>| {
            let sent = sent.unwrap();
            let (header, _) = parse(&sent).unwrap();
            (header.sequence, header.timestamp)
        };
        assert_eq!(numbers(out.pass(&[0xf8], 960, &agreed)), (10, 0));
        out.skip(960);
        assert_eq!(numbers(out.pass(&[0xf8], 960, &agreed)), (12, 1_920));
    }

    #[test]
    fn a_change_of_codec_goes_on_with_the_same_numbers() {
        let mut out = Outgoing::new(7, 0, 0);
        out.packet(&[0; 160], &speaking(Codec::Pcmu)).unwrap();
        let wide = out.packet(&[0; 320], &speaking(Codec::G722)).unwrap();
        let (header, payload) = parse(&wide).unwrap();
        assert_eq!((header.sequence, header.timestamp), (1, 160));
        assert_eq!(payload.len(), 160);
    }
}
