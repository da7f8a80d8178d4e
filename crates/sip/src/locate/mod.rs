//! Where a request for a URI goes: RFC 3263 as a plan of questions and answers.
//!
//! ```text
//! address or port in the URI ─────────────────────────────► Host ─► targets
//! transport=… ──────────────────────► SRV of it ─┬────────► Host ─► targets
//! neither ─► NAPTR ─┬─ none ─► SRV of each ──────┤
//!                   └────────► SRV it names ─────┘ none: the URI's host at its default port
//! ```
//! [`Plan`] says what to ask the DNS and is told what came back; in the end it has [`Target`]s in
//! the order they are to be tried. Chance, by which equal servers share the load, is a seed. DNS is
//! somebody else's word: every list is bounded. [`Health`] remembers which targets failed lately.

mod health;
mod plan;
mod weight;

pub use health::Health;
pub use plan::Plan;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A way to carry SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

impl Protocol {
    /// As written in `transport=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// The port where nothing else is said.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
        }
    }

    /// The service field of a NAPTR record (RFC 3263 4.1).
    fn of_service(service: &str) -> Option<Self> {
        let known = [
            ("SIP+D2U", Self::Udp),
            ("SIP+D2T", Self::Tcp),
            ("SIPS+D2T", Self::Tls),
        ];
        let found = known
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(service));
        found.map(|(_, protocol)| protocol)
    }

    /// The SRV name of a domain.
    fn srv(self, domain: &str) -> String {
        let service = match self {
            Self::Udp => "_sip._udp",
            Self::Tcp => "_sip._tcp",
            Self::Tls => "_sips._tcp",
        };
        format!("{service}.{domain}")
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What we can speak.
#[derive(Clone, Debug)]
pub struct Means {
    /// In the order we like them.
    pub protocols: Vec<Protocol>,
    /// Have we an IPv4 address?
    pub v4: bool,
    /// Have we an IPv6 address?
    pub v6: bool,
}

impl Means {
    fn reach(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(_) => self.v4,
            IpAddr::V6(_) => self.v6,
        }
    }
}

/// One place to try.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// How.
    pub protocol: Protocol,
    /// Where.
    pub address: SocketAddr,
    /// The name the URI had: what a certificate must be for (RFC 5922 7.1), whatever the DNS says.
    pub name: String,
}

/// Something to ask the DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// NAPTR records of a domain.
    Naptr(String),
    /// SRV records of a name.
    Srv(String),
    /// Addresses of a host.
    Host(String),
}

/// What came back. An empty list means that there is no such record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Naptr`].
    Naptr(Vec<Naptr>),
    /// To [`Question::Srv`].
    Srv(Vec<Srv>),
    /// To [`Question::Host`].
    Host(Vec<IpAddr>),
    /// No answer, or that the server cannot say.
    Failed,
}

/// A NAPTR record, as far as SIP uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// Lower first.
    pub order: u16,
    /// Lower first, among equal orders.
    pub preference: u16,
    /// `s` where SRV records come next.
    pub flags: String,
    /// `SIP+D2U` and such.
    pub service: String,
    /// The name to go on with.
    pub replacement: String,
}

/// An SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower first.
    pub priority: u16,
    /// The share of the load among equals.
    pub weight: u16,
    /// Port.
    pub port: u16,
    /// Host; `.` says that there is no such service.
    pub target: String,
}

/// Why a URI leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// `tel:` and such have no host.
    #[error("this kind of uri names no host")]
    NoHost,
    /// The URI asks for a transport that we do not have.
    #[error("transport {0} is not available here")]
    Transport(String),
    /// The DNS knows no such name.
    #[error("host {0} is not known to the dns")]
    Unknown(String),
    /// The DNS does not answer.
    #[error("the dns does not answer for {0}")]
    Silent(String),
    /// There are addresses, all of a family that we have none of.
    #[error("host {0} has no address of a family we have")]
    Family(String),
}

#[cfg(test)]
mod tests;
