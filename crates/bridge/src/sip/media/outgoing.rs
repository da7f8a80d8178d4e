//! To the phone: an unbroken RTP stream.

use bytes::Bytes;
use trunkline_base::time::UnixTime;
use trunkline_media::g711;
use trunkline_sip::dtmf;
use trunkline_sip::rtp::{Header, SenderInfo};
use trunkline_sip::sdp::Agreement;

use super::law;

pub(crate) struct Outgoing {
    pub(crate) ssrc: u32,
    sequence: u16,
    timestamp: u32,
    pub(crate) packets: u32,
    octets: u32,
    /// Packets of the streams before this one.
    earlier: u64,
    pub(crate) keys: dtmf::Sender,
    payload: Vec<u8>,
    started: bool,
}

impl Outgoing {
    pub(crate) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            packets: 0,
            octets: 0,
            earlier: 0,
            keys: dtmf::Sender::new(),
            payload: Vec::new(),
            started: false,
        }
    }

    /// Goes on as another stream, whose numbers begin anew.
    pub(crate) fn renew(&mut self, ssrc: u32, sequence: u16) {
        self.earlier = self.sent();
        self.ssrc = ssrc;
        self.sequence = sequence & FIRST_SEQUENCE;
        self.packets = 0;
        self.octets = 0;
        self.started = false;
    }

    /// Packets in all.
    pub(crate) fn sent(&self) -> u64 {
        self.earlier + u64::from(self.packets)
    }

    /// The packet for one frame; `None` while we may not send. Time goes on either way.
    pub(crate) fn packet(&mut self, pcm: &[i16], agreed: &Agreement) -> Option<Bytes> {
        let frame = u16::try_from(pcm.len()).unwrap_or(160);
        let timestamp = self.timestamp;
        self.timestamp = self.timestamp.wrapping_add(u32::from(frame));
        if !agreed.direction.sends() {
            // What follows a hold is a new talk spurt.
            self.started = false;
            return None;
        }
        if let Some((event_type, clock)) = agreed.telephone_event
            && let Some(event) = self.keys.next(timestamp, frame)
        {
            let header = Header {
                payload_type: event_type,
                marker: event.marker,
                sequence: 0,
                timestamp: event.timestamp,
                ssrc: self.ssrc,
            };
            return Some(self.finish(header, &on_clock(event.payload, clock)));
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        g711::encode(law(agreed.codec), pcm, &mut payload);
        let header = Header {
            payload_type: agreed.payload_type,
            marker: !std::mem::replace(&mut self.started, true),
            sequence: 0,
            timestamp,
            ssrc: self.ssrc,
        };
        let packet = self.finish(header, &payload);
        self.payload = payload;
        Some(packet)
    }

    fn finish(&mut self, header: Header, payload: &[u8]) -> Bytes {
        let packet = Header {
            sequence: self.sequence,
            ..header
        }
        .write(payload);
        self.sequence = self.sequence.wrapping_add(1);
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
    use trunkline_sip::rtp::parse;
    use trunkline_sip::sdp::{Codec, Direction};

    fn agreement(direction: Direction) -> Agreement {
        Agreement {
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: Some((101, 16_000)),
            remote: None,
            remote_rtcp: None,
            ptime: 20,
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
}
