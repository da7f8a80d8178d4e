//! What goes in and out of an endpoint.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::message::{Headers, Request, Response};
use crate::transaction::Timers;
use crate::uri::Uri;

use super::flow::Flow;
use super::key::Key;
use super::scanner::SCANNERS;
use super::session::SessionTimers;
use super::transfer::{Referral, TransferNews};
use super::way::Way;

/// Bytes to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Which way.
    pub flow: Flow,
    /// Over TCP, where to connect to when that connection is gone (RFC 3261 18.1.1, 18.2.2).
    /// `None`: nobody is owed as much.
    pub otherwise: Option<SocketAddr>,
    /// What.
    pub bytes: Bytes,
}

/// What became of a message that came in. The words are for counters and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was understood.
    Taken,
    /// It was an invitation, and who owns the trunks turned it away.
    TurnedAway,
    /// It was refused in an answer.
    Refused(&'static str),
    /// Nobody hears of it.
    Dropped(&'static str),
}

/// An INVITE from outside any call. Nothing is remembered of it yet: admit it or turn it away.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The INVITE; its body is the session description.
    pub request: Box<Request>,
    /// Where it came from.
    pub flow: Flow,
    pub(super) key: Key,
    pub(super) way: Way,
}

/// Who sends an INVITE, as far as the owner of the trunks knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A trunk names its address, or it has proven a password.
    Known,
    /// Whoever a trunk lets in that is open to all.
    Stranger,
}

/// What those get to hear whom no trunk knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// One answer to each request, not larger than it, nothing remembered.
    #[default]
    Refused,
    /// Nothing, unless a trunk asks for a password.
    Ignored,
}

/// Names a call inside one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub(super) u64);

/// Names a request of ours that belongs to no call, until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub(super) LegId);

/// Bounds of every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at the same time; more get 503. A quarter is kept for those who are known.
    pub calls: usize,
    /// Transactions at the same time; beyond it requests get 503. A quarter is kept as above.
    pub transactions: usize,
    /// INVITEs per second from one address; twice as many pass in a burst, more get 503.
    pub invites_per_second: u32,
    /// Requests per second from all strangers together; twice as many pass in a burst, more get
    /// nothing.
    pub strangers_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 1000,
            transactions: 20_000,
            invites_per_second: 50,
            strangers_per_second: 200,
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
    /// What strangers get to hear.
    pub strangers: Strangers,
    /// Parts of the names of scanners, who get to hear nothing.
    pub scanners: Vec<String>,
    /// How long a call may stand without a sign of life.
    pub session: SessionTimers,
}

impl EndpointConfig {
    /// RFC timers and default bounds.
    pub fn new(product: impl Into<String>) -> Self {
        Self {
            product: product.into(),
            timers: Timers::default(),
            limits: Limits::default(),
            strangers: Strangers::default(),
            scanners: SCANNERS.iter().map(|&name| name.to_owned()).collect(),
            session: SessionTimers::default(),
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody calls, and nothing is out yet: `admit` or `turn_away`.
    Invited(Invitation),
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
    /// A call of ours makes progress: 180, 183 and such, and 100, which says that somebody is there.
    Progress {
        /// The call.
        leg: LegId,
        /// The status.
        status: u16,
        /// Which phone, where a proxy rings several: its tag, or nothing.
        tag: String,
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
    /// A call of ours was refused; its end follows.
    Declined {
        /// The call.
        leg: LegId,
        /// The status.
        status: u16,
        /// The words beside it.
        reason: String,
        /// Headers of the refusal.
        headers: Box<Headers>,
    },
    /// A call of ours is to go elsewhere; it ends, and may be placed anew.
    Redirected {
        /// The call.
        leg: LegId,
        /// 300 to 399.
        status: u16,
        /// Where, first choice first.
        contacts: Vec<Uri>,
    },
    /// A re-INVITE of ours was answered, or one that only said that the call lives.
    Changed {
        /// The call.
        leg: LegId,
        /// The other side's description, or the status of the refusal.
        result: Result<Bytes, u16>,
    },
    /// A transfer that [`super::Endpoint::refer`] asked for goes on, or is over.
    Transfer {
        /// The call.
        leg: LegId,
        /// How it goes.
        news: TransferNews,
    },
    /// The other side wants us to call somebody: `accept_refer` and `notify`, or `refuse_refer`.
    Refer {
        /// The call.
        leg: LegId,
        /// Whom.
        referral: Box<Referral>,
    },
    /// A request of ours outside any call was answered.
    Responded {
        /// Which.
        request: RequestId,
        /// The final answer.
        response: Box<Response>,
    },
    /// Nobody answered a request of ours outside any call.
    Unanswered {
        /// Which.
        request: RequestId,
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
    /// The call it is about; an invitation is not one yet, and other requests never are.
    pub const fn leg(&self) -> Option<LegId> {
        match self {
            Self::Invited(_) | Self::Responded { .. } | Self::Unanswered { .. } => None,
            Self::Confirmed { leg, .. }
            | Self::Change { leg, .. }
            | Self::Info { leg, .. }
            | Self::Progress { leg, .. }
            | Self::Answered { leg, .. }
            | Self::Declined { leg, .. }
            | Self::Redirected { leg, .. }
            | Self::Changed { leg, .. }
            | Self::Transfer { leg, .. }
            | Self::Refer { leg, .. }
            | Self::Ended { leg, .. } => Some(*leg),
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
    RemoteCancel {
        /// The Reason header of its CANCEL.
        reason: Option<String>,
    },
    /// We hung up or withdrew.
    Local,
    /// We refused.
    Rejected(u16),
    /// The other side refused.
    Refused(u16),
    /// The other side never answered a request of ours.
    Timeout,
    /// Nobody takes connections where a call of ours was to go.
    Unreachable,
    /// The ACK of our 200 never came.
    NoAck,
    /// Nobody said in time that the call still lives.
    Expired,
}

/// How to refuse an INVITE.
#[derive(Clone, Debug, Default)]
pub struct Rejection {
    /// 300 to 699.
    pub status: u16,
    /// Words that say more than the usual ones.
    pub reason: Option<&'static str>,
    /// Headers to add: challenges, warnings, Retry-After.
    pub headers: Vec<(String, String)>,
}

impl Rejection {
    /// A status and nothing else.
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            reason: None,
            headers: Vec::new(),
        }
    }

    /// The same in words of its own.
    #[must_use]
    pub const fn saying(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Writes it into an answer.
    pub(super) fn write(&self, response: &mut Response) {
        if let Some(reason) = self.reason {
            reason.clone_into(&mut response.reason);
        }
        for (header, value) in &self.headers {
            response.headers.push(header, value.as_str());
        }
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
