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

use std::net::{IpAddr, SocketAddr};

use crate::endpoint::Transport;

/// What we can speak.
#[derive(Clone, Debug)]
pub struct Means {
    /// In the order we like them.
    pub transports: Vec<Transport>,
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
    pub transport: Transport,
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
    /// There are addresses, none of which is one host's.
    #[error("host {0} is a group, everybody or nobody, and calls go to one host")]
    Many(String),
}

#[cfg(test)]
mod tests;
