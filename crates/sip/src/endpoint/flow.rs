//! The ways between us and others.

use std::net::SocketAddr;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams; we repeat what gets lost.
    Udp,
    /// A stream; nothing gets lost while it lives.
    Tcp,
}

impl Transport {
    /// As written in Via.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    pub(super) fn is_reliable(self) -> bool {
        self == Self::Tcp
    }
}

/// One way between us and somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// How.
    pub transport: Transport,
    /// Our address as that somebody should see it: it is written into Via and Contact.
    pub local: SocketAddr,
    /// Theirs.
    pub remote: SocketAddr,
}
