//! What the files say, as far as the doctor looks at it.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use trunkline_client::api::LiveKitApiClient;
use trunkline_service::listen::CertificateFiles;

use crate::daemon::Daemon;

/// A set-up to look at.
#[derive(Clone)]
pub struct Patient {
    /// The LiveKit server.
    pub server: ServerSide,
    /// The daemon of the same files.
    pub daemon: Daemon,
    /// Sockets of the gateway; nothing where it is switched off.
    pub ports: Option<Ports>,
    /// Ways to others: where calls go out, and where trunks register.
    pub ways: Vec<Way>,
    /// Whether somebody outside this machine and its networks may call.
    pub expects_others: bool,
    /// The codecs of every trunk.
    pub codecs: Vec<TrunkCodecs>,
    /// Our own codecs, best first.
    pub own_codecs: Vec<String>,
    /// Certificates that are shown.
    pub certificates: Vec<CertificateUse>,
    /// What is kept, and where.
    pub store: StoreFiles,
    /// What the agent needs; nothing where there is none.
    pub models: Option<AgentModels>,
    /// Somebody outside who says where we are seen.
    pub stun: Option<Stun>,
    /// A server of NTP that says what time it is.
    pub ntp: Option<String>,
    /// Where the files are.
    pub home: String,
    /// What still counts in them, and should be written otherwise.
    pub notices: Vec<String>,
    /// What they get wrong, though they can be read.
    pub faults: Vec<Fault>,
}

/// Something that files get wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub what: String,
    pub remedy: String,
    /// Whether a server refuses it, or calls fail; else it works, and may not be what is meant.
    pub fails: bool,
}

/// A STUN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stun {
    /// As `host:port`.
    pub server: String,
    /// Whether phones are told what it says, since nothing else is set.
    pub is_gateways: bool,
}

/// The LiveKit server.
#[derive(Clone, Debug)]
pub struct ServerSide {
    /// Calls it with the keys of the files; or why nobody can.
    pub api: Result<LiveKitApiClient, String>,
    /// Whether it is the node of our own daemon.
    pub is_embedded: bool,
}

/// Sockets of the gateway.
#[derive(Clone, Debug)]
pub struct Ports {
    pub udp: SocketAddr,
    pub tcp: Option<SocketAddr>,
    pub tls: Option<SocketAddr>,
    /// The address phones are told, where one is set.
    pub public_ip: Option<IpAddr>,
    pub rtp: RangeInclusive<u16>,
    /// How many calls there may be at a time.
    pub max_calls: usize,
}

impl Ports {
    /// The ports for sound, as the file writes them.
    pub(super) fn rtp_words(&self) -> String {
        format!("{}-{}", self.rtp.start(), self.rtp.end())
    }
}

/// A way to somebody else's SIP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The trunk's key.
    pub trunk: String,
    /// As a URI: `sip:sip.example.com;transport=tcp`.
    pub uri: String,
    pub serves: WayUse,
}

/// What goes that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayUse {
    /// Calls of ours.
    Calls,
    /// Registrations.
    Registration,
}

/// The codecs a trunk names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkCodecs {
    pub trunk: String,
    /// Best first; none is all.
    pub codecs: Vec<String>,
    /// Whether nothing else is taken.
    pub is_strict: bool,
}

/// A certificate, and who shall believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateUse {
    /// Who shows it: `gateway.tls`.
    pub shown_by: &'static str,
    pub files: CertificateFiles,
    /// Names that others look for in it.
    pub hosts: Vec<String>,
}

/// What is kept on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFiles {
    /// The store's file.
    pub store: PathBuf,
    /// Where recordings go, if any are made.
    pub recordings: Option<PathBuf>,
}

/// Models that the agent needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentModels {
    pub dir: PathBuf,
    /// Files that are not there, or not what they should be.
    pub missing: Vec<String>,
    /// Files that are there.
    pub there: usize,
}
