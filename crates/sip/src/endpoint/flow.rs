//! The ways between us and others.

use std::net::SocketAddr;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams; we repeat what gets lost.
    Udp,
    /// A stream; nothing gets lost while it lives.
    Tcp,
    /// The same inside TLS.
    Tls,
}

impl Transport {
    /// As written in Via.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }

    /// As written in a URI.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The one of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        let all = [Self::Udp, Self::Tcp, Self::Tls];
        all.into_iter().find(|one| one.word() == word)
    }

    /// What a URI has to say of it; nothing for what goes without saying.
    pub const fn parameter(self) -> Option<&'static str> {
        match self {
            Self::Udp => None,
            Self::Tcp | Self::Tls => Some(self.word()),
        }
    }

    /// The port where nothing else is said.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }

    /// Does it go over connections?
    pub const fn is_stream(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls => true,
        }
    }

    /// Can others on the way read it?
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls)
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
