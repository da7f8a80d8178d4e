//! HEP3, in which Homer, heplify and Wireshark take what others have seen: a magic word, a length, and
//! chunks of vendor, type, length and value, all big-endian.

use std::net::{IpAddr, SocketAddr};

use super::Captured;
use crate::endpoint::Transport;

/// Who tells.
#[derive(Clone, Copy)]
pub struct Agent<'a> {
    /// Its number at the collector.
    pub id: u32,
    /// What the collector knows it by; empty for one that asks for none.
    pub password: &'a str,
}

/// One message as a packet of HEP3; `None` if it is larger than a datagram. `call` is what the
/// collector finds all messages of one call by.
pub fn packet(message: &Captured, call: &str, agent: Agent<'_>) -> Option<Vec<u8>> {
    let (from, to) = message.ends();
    let (from, to) = (plain(from), plain(to));
    let mut chunks = Chunks(b"HEP3\0\0".to_vec());
    let protocol = match message.flow.transport {
        Transport::Udp => 17,
        Transport::Tcp | Transport::Tls => 6,
    };
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            chunks.add(FAMILY, &[2])?;
            chunks.add(PROTOCOL, &[protocol])?;
            chunks.add(FROM_V4, &from.octets())?;
            chunks.add(TO_V4, &to.octets())?;
        }
        (from, to) => {
            let wide = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            chunks.add(FAMILY, &[10])?;
            chunks.add(PROTOCOL, &[protocol])?;
            chunks.add(FROM_V6, &wide(from))?;
            chunks.add(TO_V6, &wide(to))?;
        }
    }
    let (secs, micros) = (message.at_us / 1_000_000, message.at_us % 1_000_000);
    chunks.add(FROM_PORT, &from.port().to_be_bytes())?;
    chunks.add(TO_PORT, &to.port().to_be_bytes())?;
    chunks.add(SECONDS, &u32::try_from(secs).ok()?.to_be_bytes())?;
    chunks.add(MICROS, &u32::try_from(micros).ok()?.to_be_bytes())?;
    chunks.add(KIND, &[SIP])?;
    chunks.add(AGENT, &agent.id.to_be_bytes())?;
    if !agent.password.is_empty() {
        chunks.add(PASSWORD, agent.password.as_bytes())?;
    }
    chunks.add(CALL, call.as_bytes())?;
    chunks.add(PAYLOAD, &message.bytes)?;
    chunks.whole()
}

fn plain(at: SocketAddr) -> SocketAddr {
    SocketAddr::new(at.ip().to_canonical(), at.port())
}

struct Chunks(Vec<u8>);

impl Chunks {
    fn add(&mut self, kind: u16, value: &[u8]) -> Option<()> {
        let length = u16::try_from(value.len() + 6).ok()?;
        for word in [0, kind, length] {
            self.0.extend(word.to_be_bytes());
        }
        self.0.extend_from_slice(value);
        Some(())
    }

    fn whole(mut self) -> Option<Vec<u8>> {
        let length = u16::try_from(self.0.len()).ok()?;
        let fits = usize::from(length) <= MOST;
        let place = self.0.get_mut(4..6)?;
        place.copy_from_slice(&length.to_be_bytes());
        fits.then_some(self.0)
    }
}

/// What one datagram holds.
const MOST: usize = 65_507;

const FAMILY: u16 = 1;
const PROTOCOL: u16 = 2;
const FROM_V4: u16 = 3;
const TO_V4: u16 = 4;
const FROM_V6: u16 = 5;
const TO_V6: u16 = 6;
const FROM_PORT: u16 = 7;
const TO_PORT: u16 = 8;
const SECONDS: u16 = 9;
const MICROS: u16 = 10;
const KIND: u16 = 11;
const AGENT: u16 = 12;
const PASSWORD: u16 = 14;
const PAYLOAD: u16 = 15;
const CALL: u16 = 17;
const SIP: u8 = 1;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::capture::tests::message;

    /// A reader of its own, by the document.
    fn read(packet: &[u8]) -> BTreeMap<u16, Vec<u8>> {
        assert_eq!(packet[..4], *b"HEP3");
        let word = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
        assert_eq!(usize::from(word(4)), packet.len());
        let (mut chunks, mut at) = (BTreeMap::new(), 6);
        while at < packet.len() {
            assert_eq!(word(at), 0, "only chunks that everybody knows");
            let length = usize::from(word(at + 4));
            let told = chunks.insert(word(at + 2), packet[at + 6..at + length].to_vec());
            assert!(told.is_none());
            at += length;
        }
        chunks
    }

    #[test]
    fn everything_that_a_collector_asks_for_is_there() {
        let heard = message(2, false, Transport::Udp, "BYE sip:a SIP/2.0\r\n\r\n");
        let agent = Agent {
            id: 2001,
            password: "myhep",
        };
        let chunks = read(&packet(&heard, "SCL_1", agent).unwrap());
        let expected: [(u16, &[u8]); 13] = [
            (1, &[2]),
            (2, &[17]),
            (3, &[198, 51, 100, 7]),
            (4, &[192, 0, 2, 1]),
            (7, &5080_u16.to_be_bytes()),
            (8, &5060_u16.to_be_bytes()),
            (9, &1_800_000_000_u32.to_be_bytes()),
            (10, &3000_u32.to_be_bytes()),
            (11, &[1]),
            (12, &2001_u32.to_be_bytes()),
            (14, b"myhep"),
            (15, &heard.bytes),
            (17, b"SCL_1"),
        ];
        let expected: BTreeMap<u16, Vec<u8>> = expected
            .into_iter()
            .map(|(kind, value)| (kind, value.to_vec()))
            .collect();
        assert_eq!(chunks, expected);
    }

    #[test]
    fn the_wide_family_has_chunks_of_its_own_and_an_open_collector_gets_no_password() {
        let mut sent = message(1, true, Transport::Tls, "x");
        sent.flow.local = "[2001:db8::1]:5061".parse().unwrap();
        sent.flow.remote = "[2001:db8::7]:5081".parse().unwrap();
        let agent = Agent {
            id: 1,
            password: "",
        };
        let chunks = read(&packet(&sent, "SCL_1", agent).unwrap());
        assert_eq!((&chunks[&1][..], &chunks[&2][..]), (&[10][..], &[6][..]));
        assert_eq!((chunks[&5].len(), chunks[&6].len()), (16, 16));
        assert!([3, 4, 14].iter().all(|kind| !chunks.contains_key(kind)));
    }

    #[test]
    fn what_no_datagram_holds_is_not_told() {
        let large = message(1, true, Transport::Tcp, &"x".repeat(65_500));
        let agent = Agent {
            id: 1,
            password: "",
        };
        assert!(packet(&large, "SCL_1", agent).is_none());
    }
}
