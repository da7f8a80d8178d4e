//! RTCP: reports we send every few seconds and read when the phone sends them.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use trunkline_base::time::UnixTime;

use super::packet::array;

/// What a receiver says about one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlock {
    /// Whose stream.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the start, 24 bits.
    pub total_lost: u32,
    /// Highest sequence number with wraps.
    pub highest: u32,
    /// Jitter in ticks.
    pub jitter: u32,
    /// Middle of the last sender report's time.
    pub last_sr: u32,
    /// Time since then in 1/65536 s.
    pub delay_since_sr: u32,
}

/// What a sender says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// Wall clock.
    pub at: UnixTime,
    /// The same moment in RTP time.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// What we understand of a compound packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rtcp {
    /// A sender report: who, and the middle of its time.
    SenderReport {
        /// Who.
        ssrc: u32,
        /// Middle 32 bits of NTP time.
        ntp_middle: u32,
    },
    /// What the other side says about a stream of ours.
    Block(ReportBlock),
    /// Somebody leaves.
    Bye(u32),
}

/// A compound packet: SR when we have sent, RR otherwise, then our name.
pub fn report(
    ssrc: u32,
    cname: &str,
    sender: Option<&SenderInfo>,
    block: Option<&ReportBlock>,
) -> Bytes {
    let mut out = BytesMut::with_capacity(128);
    let count = u8::from(block.is_some());
    let length: u16 = 1 + if sender.is_some() { 5 } else { 0 } + u16::from(count) * 6;
    out.put_u8(0x80 | count);
    out.put_u8(if sender.is_some() { SR } else { RR });
    out.put_u16(length);
    out.put_u32(ssrc);
    if let Some(sender) = sender {
        let (seconds, fraction) = ntp(sender.at);
        out.put_u32(seconds);
        out.put_u32(fraction);
        out.put_u32(sender.timestamp);
        out.put_u32(sender.packets);
        out.put_u32(sender.octets);
    }
    if let Some(block) = block {
        out.put_u32(block.ssrc);
        out.put_u32((u32::from(block.fraction_lost) << 24) | (block.total_lost & 0xff_ffff));
        out.put_u32(block.highest);
        out.put_u32(block.jitter);
        out.put_u32(block.last_sr);
        out.put_u32(block.delay_since_sr);
    }
    put_name(&mut out, ssrc, cname);
    out.freeze()
}

/// The last packet of a session: an empty report, our name, and BYE.
pub fn bye(ssrc: u32, cname: &str) -> Bytes {
    let mut out = BytesMut::from(report(ssrc, cname, None, None).as_ref());
    out.put_u8(0x81);
    out.put_u8(BYE);
    out.put_u16(1);
    out.put_u32(ssrc);
    out.freeze()
}

/// How long it takes to them and back, by their word on a sender report of ours (RFC 3550 6.4.1).
/// What a wrong clock makes of it is nothing.
pub fn round_trip(block: &ReportBlock, at: UnixTime) -> Option<Duration> {
    let (seconds, fraction) = ntp(at);
    let middle = (seconds << 16) | (fraction >> 16);
    let took = middle
        .wrapping_sub(block.last_sr)
        .wrapping_sub(block.delay_since_sr)
        .cast_signed();
    let believable = block.last_sr != 0 && (-CLOCK_STEP..LONGEST_TRIP).contains(&took);
    let units = u64::from(took.max(0).unsigned_abs());
    believable.then(|| Duration::from_micros(units * 1_000_000 / 65_536))
}

/// The SSRC that sent a compound packet.
pub fn sender_of(data: &[u8]) -> Option<u32> {
    array::<4>(data, 4).map(u32::from_be_bytes)
}

/// Reads a compound packet as far as it makes sense.
pub fn parse_rtcp(data: &[u8]) -> Vec<Rtcp> {
    let mut found = Vec::new();
    let mut rest = data;
    while let Some(header) = array::<4>(rest, 0) {
        let [first, kind, high, low] = header;
        let size = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        let Some(packet) = rest.get(..size).filter(|_| first >> 6 == 2) else {
            break;
        };
        read_packet(kind, usize::from(first & 0x1f), packet, &mut found);
        rest = rest.get(size..).unwrap_or_default();
    }
    found
}

fn read_packet(kind: u8, count: usize, packet: &[u8], found: &mut Vec<Rtcp>) {
    let word = |at: usize| array::<4>(packet, at).map(u32::from_be_bytes);
    match kind {
        SR => {
            if let (Some(ssrc), Some(seconds), Some(fraction)) = (word(4), word(8), word(12)) {
                let ntp_middle = (seconds << 16) | (fraction >> 16);
                found.push(Rtcp::SenderReport { ssrc, ntp_middle });
                read_blocks(packet, 28, count, found);
            }
        }
        RR => read_blocks(packet, 8, count, found),
        BYE => found.extend((0..count).filter_map(|i| word(4 + i * 4)).map(Rtcp::Bye)),
        _ => {}
    }
}

fn read_blocks(packet: &[u8], start: usize, count: usize, found: &mut Vec<Rtcp>) {
    for index in 0..count {
        let word = |at: usize| array::<4>(packet, start + index * 24 + at).map(u32::from_be_bytes);
        let fields = [word(0), word(4), word(8), word(12), word(16), word(20)];
        let [
            Some(ssrc),
            Some(lost),
            Some(highest),
            Some(jitter),
            Some(last_sr),
            Some(delay),
        ] = fields
        else {
            return;
        };
        found.push(Rtcp::Block(ReportBlock {
            ssrc,
            fraction_lost: lost.to_be_bytes()[0],
            total_lost: lost & 0xff_ffff,
            highest,
            jitter,
            last_sr,
            delay_since_sr: delay,
        }));
    }
}

fn put_name(out: &mut BytesMut, ssrc: u32, cname: &str) {
    let name = cname
        .as_bytes()
        .get(..cname.len().min(200))
        .unwrap_or_default();
    let item = 2 + name.len();
    let padding = 4 - item % 4;
    let words = 1 + (item + padding) / 4;
    out.put_u8(0x81);
    out.put_u8(SDES);
    out.put_u16(u16::try_from(words).unwrap_or_default());
    out.put_u32(ssrc);
    out.put_u8(1);
    out.put_u8(u8::try_from(name.len()).unwrap_or_default());
    out.put_slice(name);
    out.put_bytes(0, padding);
}

/// NTP time: seconds since 1900 and a binary fraction. Wraps in 2036, as the RFC intends.
#[expect(
    clippy::cast_possible_truncation,
    reason = "both fields are defined modulo 2^32"
)]
fn ntp(at: UnixTime) -> (u32, u32) {
    let seconds = (at.millis() / 1000).wrapping_add(2_208_988_800) as u32;
    let fraction = ((at.millis() % 1000) << 32) / 1000;
    (seconds, fraction as u32)
}

/// A trip that seems to end before it began by no more than this (in 1/65536 s) is a short one.
const CLOCK_STEP: i32 = 655;

/// No trip takes 10 s.
const LONGEST_TRIP: i32 = 655_360;

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
