//! The RTP header.

use bytes::{BufMut, Bytes, BytesMut};

/// What we read and write of a header. Contributing sources, extensions and padding are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 0 to 127.
    pub payload_type: u8,
    /// First packet after silence, or the start of an event.
    pub marker: bool,
    /// Counts packets, wraps.
    pub sequence: u16,
    /// Counts samples, wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

impl Header {
    /// A packet with this header.
    pub fn write(&self, payload: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(FIXED + payload.len());
        self.begin(&mut out);
        out.put_slice(payload);
        out.freeze()
    }

    /// Appends this header; the payload goes behind it.
    pub fn begin(&self, out: &mut impl BufMut) {
        out.put_u8(0x80);
        out.put_u8((self.payload_type & 0x7f) | if self.marker { 0x80 } else { 0 });
        out.put_u16(self.sequence);
        out.put_u32(self.timestamp);
        out.put_u32(self.ssrc);
    }
}

/// Is this RTCP, on a port that may carry both (RFC 5761)?
pub fn is_rtcp(data: &[u8]) -> bool {
    data.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// Header and payload; `None` for anything that is not an RTP packet.
pub fn parse(data: &[u8]) -> Option<(Header, &[u8])> {
    let first = *data.first()?;
    let second = *data.get(1)?;
    if first >> 6 != 2 || is_rtcp(data) {
        return None;
    }
    let start = header_length(data)?;
    let header = Header {
        payload_type: second & 0x7f,
        marker: second & 0x80 != 0,
        sequence: u16::from_be_bytes(array(data, 2)?),
        timestamp: u32::from_be_bytes(array(data, 4)?),
        ssrc: u32::from_be_bytes(array(data, 8)?),
    };
    let mut payload = data.get(start..)?;
    if first & 0x20 != 0 {
        let padding = usize::from(*payload.last()?);
        let kept = payload.len().checked_sub(padding).filter(|_| padding > 0)?;
        payload = payload.get(..kept)?;
    }
    Some((header, payload))
}

/// Where the payload begins: behind contributing sources and the extension. What is encrypted begins
/// there too.
pub(crate) fn header_length(data: &[u8]) -> Option<usize> {
    let first = *data.first()?;
    let mut length = FIXED + usize::from(first & 0x0f) * 4;
    if first & 0x10 != 0 {
        let words = u16::from_be_bytes(array(data, length + 2)?);
        length += 4 + usize::from(words) * 4;
    }
    (first >> 6 == 2 && length <= data.len()).then_some(length)
}

pub(crate) fn array<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..at.checked_add(N)?)?.try_into().ok()
}

const FIXED: usize = 12;
