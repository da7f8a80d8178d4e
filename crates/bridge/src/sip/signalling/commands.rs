//! What calls and the signalling task say to each other.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use trunkline_sip::endpoint::{EndCause, LegId, Rejection};
use trunkline_sip::message::Request;

/// A wish of a call.
pub(crate) enum Command {
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
    /// BYE, or 480 before the answer.
    Hangup {
        leg: LegId,
        headers: Vec<(String, String)>,
    },
    /// 503 to new calls from now on.
    Drain,
}

/// What happened to a call.
pub(crate) enum LegEvent {
    /// The ACK came, perhaps with the answer to our offer.
    Confirmed(Bytes),
    /// A re-INVITE.
    Change(Box<Request>),
    /// INFO.
    Info { content_type: String, body: Bytes },
    /// It is over.
    Ended(EndCause),
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
