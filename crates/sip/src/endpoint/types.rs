//! What goes in and out of an endpoint.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::message::{Headers, Request};
use crate::transaction::Timers;

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

/// Bytes to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Which way.
    pub flow: Flow,
    /// What.
    pub bytes: Bytes,
}

/// Names a call inside one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub(super) u64);

/// Bounds of every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at the same time; more get 503.
    pub calls: usize,
    /// Transactions at the same time; beyond it requests are dropped.
    pub transactions: usize,
    /// INVITEs per second from one address; twice as many pass in a burst, more get 503.
    pub invites_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 1000,
            transactions: 20_000,
            invites_per_second: 50,
        }
    }
}

/// Settings of an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Written as `Server` and `User-Agent`.
    pub product: String,
    /// Base timers.
    pub timers: Timers,
    /// Bounds.
    pub limits: Limits,
}

impl EndpointConfig {
    /// RFC timers and default bounds.
    pub fn new(product: impl Into<String>) -> Self {
        Self {
            product: product.into(),
            timers: Timers::default(),
            limits: Limits::default(),
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody calls. 100 is out already; ring, accept or reject.
    Incoming {
        /// The call.
        leg: LegId,
        /// Our tag, which is also the call's LiveKit id.
        tag: String,
        /// The INVITE.
        request: Box<Request>,
        /// Where it came from.
        flow: Flow,
    },
    /// The ACK of our 200 came, perhaps with the answer to an offer of ours.
    Confirmed {
        /// The call.
        leg: LegId,
        /// Its body.
        body: Bytes,
    },
    /// The other side wants to change the session; answer with `answer_change` or `refuse_change`.
    Change {
        /// The call.
        leg: LegId,
        /// The re-INVITE or UPDATE.
        request: Box<Request>,
    },
    /// INFO inside a call; it is answered already.
    Info {
        /// The call.
        leg: LegId,
        /// Media type of the body.
        content_type: String,
        /// The body.
        body: Bytes,
    },
    /// A call of ours makes progress: 180, 183 and such.
    Progress {
        /// The call.
        leg: LegId,
        /// The status.
        status: u16,
        /// A description of early media, perhaps.
        body: Bytes,
    },
    /// A call of ours was answered; the ACK is out.
    Answered {
        /// The call.
        leg: LegId,
        /// Headers of the 200.
        headers: Box<Headers>,
        /// The other side's description.
        body: Bytes,
    },
    /// A re-INVITE of ours was answered.
    Changed {
        /// The call.
        leg: LegId,
        /// The other side's description, or the status of the refusal.
        result: Result<Bytes, u16>,
    },
    /// The call is over and its id is forgotten.
    Ended {
        /// The call.
        leg: LegId,
        /// Why.
        cause: EndCause,
    },
}

impl Event {
    /// The call it is about.
    pub const fn leg(&self) -> LegId {
        match self {
            Self::Incoming { leg, .. }
            | Self::Confirmed { leg, .. }
            | Self::Change { leg, .. }
            | Self::Info { leg, .. }
            | Self::Progress { leg, .. }
            | Self::Answered { leg, .. }
            | Self::Changed { leg, .. }
            | Self::Ended { leg, .. } => *leg,
        }
    }
}

/// Why a call is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// The other side sent BYE.
    RemoteBye {
        /// Its Reason header.
        reason: Option<String>,
    },
    /// The other side withdrew its INVITE.
    RemoteCancel,
    /// We hung up or withdrew.
    Local,
    /// We refused.
    Rejected(u16),
    /// The other side refused.
    Refused(u16),
    /// The other side never answered a request of ours.
    Timeout,
    /// The ACK of our 200 never came.
    NoAck,
}

/// How to refuse an INVITE.
#[derive(Clone, Debug, Default)]
pub struct Rejection {
    /// 300 to 699.
    pub status: u16,
    /// Headers to add: challenges, warnings, Retry-After.
    pub headers: Vec<(String, String)>,
}

impl Rejection {
    /// A status and nothing else.
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// 503 that asks to come back later.
    pub fn retry_after(after: Duration) -> Self {
        Self::status(503).with(
            crate::message::name::RETRY_AFTER,
            after.as_secs().to_string(),
        )
    }
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The call is over.
    #[error("call does not exist any more")]
    Gone,
    /// The call is not in a state for that.
    #[error("call is not in a state for this")]
    State,
    /// The tables are full, or we drain.
    #[error("no more calls are possible now")]
    Full,
}
