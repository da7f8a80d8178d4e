//! Packets in memory that was taken before they came.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use trunkline_sip::capture::Captured;
use trunkline_sip::endpoint::{Flow, Transport};
use trunkline_sip::rtp::Header;

/// Some packets of one call, in their order.
pub(super) struct Page {
    packets: Vec<Packet>,
    bytes: Vec<u8>,
}

/// When and where a packet went.
#[derive(Clone, Copy)]
pub(super) struct Packet {
    at_us: u64,
    sent: bool,
    local: SocketAddr,
    remote: SocketAddr,
    length: usize,
}

impl Packet {
    pub(super) fn now(sent: bool, local: SocketAddr, remote: SocketAddr) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            at_us: u64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(u64::MAX),
            sent,
            local,
            remote,
            length: 0,
        }
    }
}

impl Page {
    pub(super) fn new() -> Self {
        Self {
            packets: Vec::with_capacity(PACKETS),
            bytes: Vec::with_capacity(BYTES),
        }
    }

    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.bytes.clear();
    }

    /// Writes a packet down; not where the page is full.
    pub(super) fn packet(&mut self, about: Packet, packet: &[u8]) -> bool {
        if !self.has_room(packet.len()) {
            return false;
        }
        self.bytes.extend_from_slice(packet);
        self.end(about, packet.len())
    }

    /// Writes down that there was a key, and how long, but not which.
    pub(super) fn key(&mut self, about: Packet, header: &Header, payload: &[u8]) -> bool {
        if !self.has_room(KEY) {
            return false;
        }
        header.begin(&mut self.bytes);
        let how = payload.get(1..4).unwrap_or(&[0; 3]);
        self.bytes.push(NO_KEY);
        self.bytes.extend_from_slice(how);
        self.end(about, KEY)
    }

    const fn has_room(&self, length: usize) -> bool {
        self.packets.len() < PACKETS && self.bytes.len() + length <= BYTES
    }

    fn end(&mut self, about: Packet, length: usize) -> bool {
        self.packets.push(Packet { length, ..about });
        true
    }

    /// The packets.
    pub(super) fn read(&self) -> Vec<Captured> {
        let mut rest = self.bytes.as_slice();
        let mut all = Vec::with_capacity(self.packets.len());
        for packet in &self.packets {
            let Some((bytes, after)) = rest.split_at_checked(packet.length) else {
                break;
            };
            rest = after;
            all.push(Captured {
                seq: 0,
                at_us: packet.at_us,
                sent: packet.sent,
                flow: Flow {
                    transport: Transport::Udp,
                    local: packet.local,
                    remote: packet.remote,
                },
                bytes: Bytes::copy_from_slice(bytes),
            });
        }
        all
    }
}

/// A second of both ways, in packets of 20 ms, and some reports.
const PACKETS: usize = 128;

/// The same in bytes, of G.711.
const BYTES: usize = 24 * 1024;

/// A header, and what RFC 4733 says of a key.
const KEY: usize = 16;

/// The number of no key and of no other event of telephones.
const NO_KEY: u8 = 255;
