//! To the phone: an unbroken RTP stream.

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
    /// The packet that was made last.
    wire: Vec<u8>,
    started: bool,
}

/// A frame for the phone.
#[derive(Clone, Copy)]
pub(crate) enum Frame<'a> {
    /// At the codec's rate.
    Sound(&'a [i16]),
    /// So many samples of nothing, which no codec has to be asked for.
    Silence(usize),
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
            wire: Vec::new(),
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

    /// The packet for one frame; `None` while we may not send. Time goes on either way.
    pub(crate) fn packet(&mut self, frame: Frame<'_>, agreed: &Agreement) -> Option<&[u8]> {
        let samples = match frame {
            Frame::Sound(pcm) => pcm.len(),
            Frame::Silence(samples) => samples,
        };
        let ticks = samples as u64 * u64::from(agreed.codec.clock_hz())
            / u64::from(rate(agreed.codec).hz());
        match self.turn(u32::try_from(ticks).unwrap_or(0), agreed) {
            Turn::Nothing => None,
            Turn::Key(header, payload) => Some(self.finish(header, &payload)),
            Turn::Sound(header) => {
                self.begin(header);
                let coder = Coder::for_agreement(&mut self.coder, agreed);
                match frame {
                    Frame::Sound(pcm) => coder.encode(pcm, &mut self.wire),
                    Frame::Silence(samples) => coder.silence(samples, &mut self.wire),
                }
                Some(self.end())
            }
        }
    }

    /// A packet whose payload is there already and plays for `ticks` of the codec's clock.
    pub(crate) fn pass(&mut self, payload: &[u8], ticks: u32, agreed: &Agreement) -> Option<&[u8]> {
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

    fn finish(&mut self, header: Header, payload: &[u8]) -> &[u8] {
        self.begin(header);
        self.wire.extend_from_slice(payload);
        self.end()
    }

    fn begin(&mut self, header: Header) {
        self.wire.clear();
        let header = Header {
            sequence: self.sequence,
            ..header
        };
        header.begin(&mut self.wire);
    }

    /// The packet, whose payload stands behind its header.
    fn end(&mut self) -> &[u8] {
        self.count();
        self.packets = self.packets.wrapping_add(1);
        let payload = self.wire.len().saturating_sub(HEADER);
        self.octets = self
            .octets
            .wrapping_add(u32::try_from(payload).unwrap_or_default());
        &self.wire
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

/// Ours have no contributing sources and no extension.
const HEADER: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_media::opus::packet::duration_samples_48k;
    use trunkline_media::tone;
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
        let first = out.packet(Frame::Sound(&[0; 160]), &talk).unwrap();
        let (header, payload) = parse(first).unwrap();
        assert_eq!(
            (header.sequence, header.timestamp, header.marker),
            (65_535, 100, true)
        );
        assert_eq!(payload, [0xff; 160]);
        assert!(
            out.packet(Frame::Sound(&[0; 160]), &agreement(Direction::RecvOnly))
                .is_none()
        );
        out.keys.push("5");
        let key = out.packet(Frame::Sound(&[0; 160]), &talk).unwrap();
        let (header, payload) = parse(key).unwrap();
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
                    let pcm = vec![500; samples * ms];
                    let sent = out.packet(Frame::Sound(&pcm), &agreed).unwrap();
                    let (header, payload) = parse(sent).unwrap();
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
            .filter_map(|_| {
                let sent = out.pass(&[0xf8, 0xff, 0xfe], 960, &agreed)?;
                let (header, payload) = parse(sent)?;
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
        let numbers = |sent: Option<&[u8]>| {
            let (header, _) = parse(sent.unwrap()).unwrap();
            (header.sequence, header.timestamp)
        };
        assert_eq!(numbers(out.pass(&[0xf8], 960, &agreed)), (10, 0));
        out.skip(960);
        assert_eq!(numbers(out.pass(&[0xf8], 960, &agreed)), (12, 1_920));
    }

    /// What it decodes to is what was encoded before there were ready-made packets: nothing, for
    /// every codec, however long it lasts, and what is said after it begins as it should.
    #[test]
    fn silence_is_the_same_bytes_that_coding_it_would_make() {
        for (codec, samples) in [(Codec::Pcmu, 160), (Codec::Pcma, 160), (Codec::G722, 320)] {
            let agreed = speaking(codec);
            let (mut made, mut coded) = (Outgoing::new(7, 0, 0), Outgoing::new(7, 0, 0));
            let voice = tone::sine(rate(codec), 300.0, -12.0, samples);
            let silence = vec![0; samples];
            for number in 0..300 {
                let talks = number % 100 < 10;
                let (ready, whole) = if talks {
                    (Frame::Sound(&voice), &voice)
                } else {
                    (Frame::Silence(samples), &silence)
                };
                let made = made.packet(ready, &agreed).unwrap();
                let coded = coded.packet(Frame::Sound(whole), &agreed).unwrap();
                assert_eq!(made, coded, "{codec:?}, frame {number}");
            }
        }
    }

    #[test]
    fn a_change_of_codec_goes_on_with_the_same_numbers() {
        let mut out = Outgoing::new(7, 0, 0);
        out.packet(Frame::Sound(&[0; 160]), &speaking(Codec::Pcmu))
            .unwrap();
        let wide = out
            .packet(Frame::Sound(&[0; 320]), &speaking(Codec::G722))
            .unwrap();
        let (header, payload) = parse(wide).unwrap();
        assert_eq!((header.sequence, header.timestamp), (1, 160));
        assert_eq!(payload.len(), 160);
    }
}
