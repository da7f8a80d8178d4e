//! What calls and the signalling task say to each other.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use trunkline_sip::endpoint::{
    CallRequest, CommandError, EndCause, EndpointConfig, Flow, LegId, ReferRequest, Referral,
    Rejection, Seat, TransferNews,
};
use trunkline_sip::message::{Headers, Request, Response};
use trunkline_sip::registration::Failure;

use super::unreached::Unreached;

/// What came of a request outside any call.
pub(crate) type Answered = Result<Box<Response>, Failure>;

/// A wish of a call.
pub(crate) enum Command {
    /// An INVITE of ours.
    Call {
        request: Box<CallRequest>,
        /// Who must be at the other end of its flow, inside TLS.
        domain: Option<String>,
        line: oneshot::Sender<Result<Line, NoLine>>,
    },
    /// 180.
    Ring(LegId),
    /// 200.
    Accept {
        leg: LegId,
        sdp: Bytes,
        headers: Vec<(String, String)>,
    },
    /// A refusal.
    Reject { leg: LegId, rejection: Rejection },
    /// 200 to a re-INVITE.
    AnswerChange { leg: LegId, sdp: Bytes },
    /// A refusal of a re-INVITE.
    RefuseChange { leg: LegId, rejection: Rejection },
    /// 202 to a REFER, and that it is being done.
    AcceptRefer(LegId),
    /// How it goes with that; a final status is the last.
    Notify { leg: LegId, status: u16 },
    /// A refusal of a REFER.
    RefuseRefer { leg: LegId, rejection: Rejection },
    /// A REFER of ours; what comes of it is told by events.
    Refer {
        leg: LegId,
        refer: Box<ReferRequest>,
        begun: oneshot::Sender<Result<(), CommandError>>,
    },
    /// Our place in a call, for another call's phone.
    Seat {
        leg: LegId,
        answer: oneshot::Sender<Result<Seat, CommandError>>,
    },
    /// BYE; before the answer CANCEL, or 480.
    Hangup {
        leg: LegId,
        headers: Vec<(String, String)>,
    },
    /// A request of no call, all but its Via made.
    Ask {
        request: Box<Request>,
        flow: Flow,
        /// Who must be at the other end, inside TLS.
        domain: Option<String>,
        answer: oneshot::Sender<Answered>,
    },
    /// A few bytes that keep a way open (RFC 5626 3.5.1).
    KeepAlive(Flow),
    /// Other settings from now on.
    GoBy(Box<EndpointConfig>),
    /// 503 to new calls from now on.
    Drain,
}

impl Command {
    /// The call whose dialog it changes.
    pub(super) const fn changes(&self) -> Option<LegId> {
        match self {
            Self::Accept { leg, .. }
            | Self::Reject { leg, .. }
            | Self::AnswerChange { leg, .. }
            | Self::Refer { leg, .. }
            | Self::Hangup { leg, .. } => Some(*leg),
            _ => None,
        }
    }
}

/// Why no INVITE goes out.
#[derive(Debug)]
pub(crate) enum NoLine {
    /// There is no room for it.
    Command(CommandError),
    /// It must not go that way.
    Way(Unreached),
}

/// What happened to a call.
pub(crate) enum LegEvent {
    /// They ring or work on it, perhaps with a description of early media.
    Progress { status: u16, body: Bytes },
    /// They answered.
    Answered { headers: Box<Headers>, body: Bytes },
    /// They refused; the end follows.
    Declined {
        status: u16,
        reason: String,
        headers: Box<Headers>,
    },
    /// There is no connection to them; the end follows.
    Unreached(Unreached),
    /// The ACK came, perhaps with the answer to our offer.
    Confirmed(Bytes),
    /// A re-INVITE.
    Change(Box<Request>),
    /// What the phone says to a re-INVITE of ours that says only that the call lives.
    Changed(Bytes),
    /// The phone wants us to call somebody else.
    Refer(Box<Referral>),
    /// Another phone wants the place of this one (RFC 3891), and may have it.
    Replaced(Box<Takeover>),
    /// How a REFER of ours goes.
    Transfer(TransferNews),
    /// INFO.
    Info { content_type: String, body: Bytes },
    /// It is over.
    Ended(EndCause),
}

/// A phone that wants the place of another one on a call.
pub(crate) struct Takeover {
    pub(crate) line: Line,
    /// Our tag.
    pub(crate) tag: String,
    pub(crate) invite: Box<Request>,
    pub(crate) flow: Flow,
}

/// A call's end of its SIP leg.
pub(crate) struct Line {
    pub(crate) leg: LegId,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) events: mpsc::Receiver<LegEvent>,
}

impl Line {
    /// Sends a command; `false` if signalling does not take it within a second, which means it is
    /// gone.
    pub(crate) async fn tell(&self, command: Command) -> bool {
        self.commands.send_timeout(command, PATIENCE).await.is_ok()
    }

    /// The next event; `Ended` if signalling is gone.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn next(&mut self) -> LegEvent {
        self.events
            .recv()
            .await
            .unwrap_or(LegEvent::Ended(EndCause::Timeout))
    }
}

const PATIENCE: Duration = Duration::from_secs(1);
