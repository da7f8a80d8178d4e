//! What a registration is told, and how it stands.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::digest::Login;
use crate::locate::{LocateError, Target};
use crate::message::NameAddr;
use crate::uri::Uri;

/// What a registration is told at the start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose list we are put on: the Request-URI, such as `sip:sip.example.com`.
    pub registrar: Uri,
    /// Who we are there, such as `sip:alice@example.com`.
    pub aor: Uri,
    /// For a challenge.
    pub login: Login,
    /// How long to ask for.
    pub expires: Duration,
    /// User part of our Contact, by which calls are known.
    pub contact_user: String,
    /// Proxies to go through.
    pub routes: Vec<NameAddr>,
    /// How often to send a few bytes; zero is never.
    pub keep_alive: Duration,
    /// Our address was given by the operator: what others see changes nothing.
    pub is_fixed: bool,
}

/// A target, and our own address as it should see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Theirs.
    pub target: Target,
    /// Ours.
    pub local: SocketAddr,
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// None came.
    Silence,
    /// The connection was refused or is gone.
    Refused,
    /// Whoever is there cannot be spoken to, for a reason in words: it is not whom we want.
    Unfit(String),
}

/// A user part for a contact that no number is like, and that is the same after each start: a
/// registrar goes on calling contacts of before.
pub fn made_contact_user(names: &[&str]) -> String {
    let hash = Sha256::digest(names.join("\0"));
    format!("tl{}", hex::encode(hash.get(..6).unwrap_or_default()))
}

/// How a registration stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Calls come until then, whatever happens.
    pub registered_until: Option<Instant>,
    /// Since when without a gap.
    pub since: Option<Instant>,
    /// What went wrong last; nothing after a success.
    pub trouble: Option<Trouble>,
    /// When it is tried again.
    pub next_try: Option<Instant>,
    /// Where we are registered.
    pub target: Option<Target>,
    /// The way for calls of ours (Service-Route, RFC 3608).
    pub routes: Vec<NameAddr>,
}

impl State {
    /// Do calls come?
    pub const fn is_registered(&self) -> bool {
        self.registered_until.is_some()
    }
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It has no address.
    #[error("the registrar cannot be found: {0}")]
    Unknown(LocateError),
    /// None of its addresses can be reached from here.
    #[error("the registrar has no address we can reach")]
    Nowhere,
    /// No answer.
    #[error("the registrar does not answer")]
    Silence,
    /// No connection.
    #[error("the registrar takes no connection")]
    Refused,
    /// It is not whom we want, or cannot be spoken to.
    #[error("no registration: {0}")]
    Unfit(String),
    /// The connection we were registered over is gone.
    #[error("the connection to the registrar is gone")]
    FlowLost,
    /// It answered so.
    #[error("the registrar answered {0} {words}", words = crate::message::reason_phrase(*.0))]
    Answered(u16),
    /// The login is not right.
    #[error("the registrar does not take the password; check username and password")]
    Password,
    /// A challenge we cannot answer.
    #[error("the registrar asks for a kind of login that is not known here")]
    Challenge,
    /// 200, and our contact is not on the list.
    #[error("the registrar answered 200 and did not keep our contact")]
    NotKept,
}

impl Trouble {
    /// What a person can do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "check the registrar's name, and this machine's DNS",
            Self::Nowhere => {
                "bind gateway.udp, tcp to an address of a family that the registrar has, or name the \
                 transport behind it: ;transport=tcp"
            }
            Self::Silence => {
                "check the registrar's port and transport, and that no firewall drops what comes back"
            }
            Self::Refused => "check the registrar's port and transport",
            Self::Unfit(_) => "mend the certificate, or what gateway.tls says of it",
            Self::FlowLost => "none is needed: it is registered again in a moment",
            Self::Answered(403) => {
                "the provider shuts this account or address out: ask it, and check username and domain"
            }
            Self::Answered(404) => {
                "check username and from_host: the provider knows no such account"
            }
            Self::Answered(_) => "it is tried again; where it goes on, ask the provider",
            Self::Password => "put the right username and password into register",
            Self::Challenge => "ask the provider for digest with MD5 or SHA-256",
            Self::NotKept => "ask the provider: too many phones may be registered for this account",
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Silence => Self::Silence,
            Failure::Refused => Self::Refused,
            Failure::Unfit(why) => Self::Unfit(why),
        }
    }
}
