//! What went over the wire in a call, for those who read it afterwards: as a [`Ladder`], as a file
//! for Wireshark ([`pcap`]), as packets for Homer ([`hep`]). All of it is masked before
//! ([`crate::message::masked`]).

pub mod hep;
mod ladder;
mod merged;
mod pcap;

use bytes::Bytes;

use crate::endpoint::Flow;

pub use ladder::{Ladder, MediaLine, Rung, Step};
pub use merged::{Merged, as_plain, merged};
pub use pcap::{pcap, pcap_header, pcap_records};

/// One message of a call. It does not print what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Captured {
    /// Its place among all of its call; a place that is missing is a message that was not kept.
    pub seq: u64,
    /// Microseconds since the Unix epoch.
    pub at_us: u64,
    /// Did we send it?
    pub sent: bool,
    /// Which way it went.
    pub flow: Flow,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Captured {
    /// From where, to where.
    pub const fn ends(&self) -> (std::net::SocketAddr, std::net::SocketAddr) {
        let Flow { local, remote, .. } = self.flow;
        if self.sent {
            (local, remote)
        } else {
            (remote, local)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::endpoint::Transport;

    /// A message at that many microseconds, between two of these addresses.
    pub(crate) fn message(seq: u64, sent: bool, transport: Transport, text: &str) -> Captured {
        Captured {
            seq,
            at_us: 1_800_000_000_000_000 + seq * 1_500,
            sent,
            flow: Flow {
                transport,
                local: "192.0.2.1:5060".parse().unwrap(),
                remote: "198.51.100.7:5080".parse().unwrap(),
            },
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }
}
