//! Classic pcap, which every tool reads: raw IP packets (LINKTYPE_RAW), whose IP, UDP and TCP headers
//! are made from what is known of each message. TCP is told as if nothing got lost. What came inside
//! TLS is shown as it was inside, over TCP: at port 5061 a reader would look for encryption, so that
//! port is told as 5060.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::Captured;
use crate::endpoint::Transport;

/// The messages as a file for Wireshark, tshark and tcpdump.
pub fn pcap(messages: &[Captured]) -> Vec<u8> {
    let mut file = pcap_header();
    pcap_records(&mut file, messages);
    file
}

/// What such a file begins with.
pub fn pcap_header() -> Vec<u8> {
    let mut file = Vec::with_capacity(HEADER);
    file.extend(MAGIC.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend([0; 8]);
    file.extend(u32::from(u16::MAX).to_le_bytes());
    file.extend(LINKTYPE_RAW.to_le_bytes());
    file
}

/// Messages as they stand behind the header, or behind those of before.
pub fn pcap_records(file: &mut Vec<u8>, messages: &[Captured]) {
    let mut streams = Streams::default();
    for message in messages {
        for packet in packets(message, &mut streams) {
            let (secs, micros) = (message.at_us / 1_000_000, message.at_us % 1_000_000);
            let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
            for word in [secs, micros] {
                file.extend(u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
            }
            file.extend(length.to_le_bytes());
            file.extend(length.to_le_bytes());
            file.extend(packet);
        }
    }
}

/// How many bytes each way of a connection has carried.
type Streams = BTreeMap<(SocketAddr, SocketAddr), u32>;

fn packets(message: &Captured, streams: &mut Streams) -> Vec<Vec<u8>> {
    let (from, to) = same_family(message.ends());
    match message.flow.transport {
        Transport::Udp => {
            let payload = message.bytes.get(..MOST_UDP).unwrap_or(&message.bytes);
            vec![ip(from, to, UDP, &udp(from, to, payload))]
        }
        Transport::Tcp | Transport::Tls => {
            let (from, to) = (in_the_clear(from), in_the_clear(to));
            let segment = |part: &[u8]| {
                let acked = streams.get(&(to, from)).copied().unwrap_or(1);
                let next = streams.entry((from, to)).or_insert(1);
                let segment = tcp((from, to), (*next, acked), part);
                let length = u32::try_from(part.len()).unwrap_or(0);
                *next = next.wrapping_add(length);
                ip(from, to, TCP, &segment)
            };
            message.bytes.chunks(SEGMENT).map(segment).collect()
        }
    }
}

/// Both ends in the words of one family.
fn same_family((from, to): (SocketAddr, SocketAddr)) -> (SocketAddr, SocketAddr) {
    let plain = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
    let (from, to) = (plain(from), plain(to));
    if from.is_ipv4() == to.is_ipv4() {
        return (from, to);
    }
    let wide = |at: SocketAddr| SocketAddr::new(IpAddr::V6(wide(at.ip())), at.port());
    (wide(from), wide(to))
}

const fn wide(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

const fn in_the_clear(mut at: SocketAddr) -> SocketAddr {
    if at.port() == 5061 {
        at.set_port(5060);
    }
    at
}

fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap_or(u16::MAX);
    let mut datagram = Vec::with_capacity(payload.len() + 8);
    for word in [from.port(), to.port(), length, 0] {
        datagram.extend(word.to_be_bytes());
    }
    datagram.extend_from_slice(payload);
    // Zero would say that nobody summed.
    let sum = match checksum(from, to, UDP, &datagram) {
        0 => u16::MAX,
        sum => sum,
    };
    write(&mut datagram, 6, sum);
    datagram
}

fn tcp(ends: (SocketAddr, SocketAddr), numbers: (u32, u32), payload: &[u8]) -> Vec<u8> {
    let ((from, to), (sequence, acked)) = (ends, numbers);
    let mut segment = Vec::with_capacity(payload.len() + 20);
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(acked.to_be_bytes());
    // Five words of header; PSH and ACK; a full window.
    segment.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    let sum = checksum(from, to, TCP, &segment);
    write(&mut segment, 16, sum);
    segment
}

fn ip(from: SocketAddr, to: SocketAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(payload.len() + 40);
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = u16::try_from(payload.len() + 20).unwrap_or(u16::MAX);
            packet.extend([0x45, 0]);
            packet.extend(length.to_be_bytes());
            // No identification, and no fragments.
            packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let sum = folded(sum(0, &packet));
            write(&mut packet, 10, sum);
        }
        (from, to) => {
            let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(length.to_be_bytes());
            packet.extend([protocol, 64]);
            packet.extend(wide(from).octets());
            packet.extend(wide(to).octets());
        }
    }
    packet.extend_from_slice(payload);
    packet
}

/// Over the ends, the protocol, the length and the payload (RFC 768, 9293, 8200).
fn checksum(from: SocketAddr, to: SocketAddr, protocol: u8, payload: &[u8]) -> u16 {
    let ends = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(sum(0, &from.octets()), &to.octets()),
        (from, to) => sum(sum(0, &wide(from).octets()), &wide(to).octets()),
    };
    let length = u32::try_from(payload.len()).unwrap_or(0);
    folded(sum(ends + u32::from(protocol) + length, payload))
}

fn sum(start: u32, bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|pair| {
        let high = pair.first().copied().unwrap_or(0);
        let low = pair.get(1).copied().unwrap_or(0);
        u32::from(u16::from_be_bytes([high, low]))
    });
    start + words.sum::<u32>()
}

fn folded(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

fn write(bytes: &mut [u8], at: usize, word: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

/// Says that times are microseconds, and which way round words stand.
pub(super) const MAGIC: u32 = 0xa1b2_c3d4;
/// The length of what a file begins with.
pub(super) const HEADER: usize = 24;
/// IP packets without anything below them.
const LINKTYPE_RAW: u32 = 101;
const UDP: u8 = 17;
const TCP: u8 = 6;
/// What one datagram holds over IPv4.
const MOST_UDP: usize = 65_507;
/// What one segment holds over Ethernet and IPv6.
const SEGMENT: usize = 1440;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::tests::message;

    /// Each record as its time, and its packet.
    fn records(file: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut rest = &file[24..];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            let (at, length) = (u64::from(word(0)) * 1_000_000 + u64::from(word(4)), word(8));
            let end = 16 + length as usize;
            records.push((at, rest[16..end].to_vec()));
            rest = &rest[end..];
        }
        records
    }

    #[test]
    fn a_datagram_has_its_addresses_time_and_sums() {
        let heard = message(3, false, Transport::Udp, "OPTIONS sip:a SIP/2.0\r\n\r\n");
        let records = records(&pcap(std::slice::from_ref(&heard)));
        let (at, packet) = &records[0];
        assert_eq!(*at, heard.at_us);
        assert_eq!(packet[12..20], [198, 51, 100, 7, 192, 0, 2, 1]);
        assert_eq!(packet[20..24], [0x13, 0xd8, 0x13, 0xc4]);
        assert_eq!(packet[28..], heard.bytes);
        // A right sum sums up to nothing.
        assert_eq!(folded(sum(0, &packet[..20])), 0);
        let (from, to) = heard.ends();
        assert_eq!(checksum(from, to, UDP, &packet[20..]), 0);
    }

    #[test]
    fn a_stream_goes_on_where_it_stopped_and_large_messages_take_several_segments() {
        let long = "x".repeat(SEGMENT + 60);
        let messages = [
            message(1, true, Transport::Tls, &long),
            message(2, false, Transport::Tls, "abc"),
            message(3, true, Transport::Tls, "de"),
        ];
        let numbers: Vec<(u32, u32)> = records(&pcap(&messages))
            .iter()
            .map(|(_, packet)| {
                let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
                (word(24), word(28))
            })
            .collect();
        assert_eq!(numbers, [(1, 1), (1441, 1), (1, 1501), (1501, 4)]);
    }

    #[test]
    fn both_families_and_a_mixture_are_told() {
        let mut heard = message(1, true, Transport::Udp, "x");
        heard.flow.remote = "[2001:db8::7]:5080".parse().unwrap();
        let (_, packet) = records(&pcap(&[heard])).remove(0);
        assert_eq!((packet[0], packet.len()), (0x60, 40 + 8 + 1));
        assert_eq!(packet[8..24], wide("192.0.2.1".parse().unwrap()).octets());
    }
}
