//! One call: what an endpoint must remember besides transactions.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::dialog::{Dialog, DialogKey};
use crate::digest::Login;
use crate::message::Request;
use crate::transaction::{Repeat, Timers};

use super::Flow;
use super::table::Key;

pub(super) struct Leg {
    pub(super) state: State,
    /// How the other side is reached, as last seen.
    pub(super) flow: Flow,
    pub(super) local_tag: String,
    /// None until a call of ours is answered.
    pub(super) dialog: Option<Dialog>,
    /// The INVITE we have not answered yet.
    pub(super) pending: Option<Key>,
    /// Our 200 that waits for its ACK.
    pub(super) unconfirmed: Option<Unconfirmed>,
    /// Hang up as soon as the ACK is there (RFC 3261 15).
    pub(super) bye_after_ack: bool,
    /// Our own INVITE or re-INVITE under way.
    pub(super) asking: Option<Key>,
    /// The ACK of the last 2xx we got, for when that is repeated.
    pub(super) last_ack: Option<LastAck>,
    pub(super) login: Option<Login>,
    /// Challenges answered; one per request is enough unless the nonce was stale.
    pub(super) challenged: u8,
    /// Headers for 200 and BYE.
    pub(super) bye_headers: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// They called; we have not answered.
    Incoming,
    /// We called; nothing final yet.
    Calling,
    /// We called and changed our mind.
    Cancelling,
    /// It is answered.
    Up,
    /// Our BYE is out.
    Leaving,
}

pub(super) struct Unconfirmed {
    pub(super) cseq: u32,
    pub(super) bytes: Bytes,
    pub(super) flow: Flow,
    repeat: Repeat,
    deadline: Instant,
}

pub(super) struct LastAck {
    pub(super) remote_tag: String,
    pub(super) bytes: Bytes,
    pub(super) flow: Flow,
}

/// What the clock asks of a call.
pub(super) enum LegStep {
    Nothing,
    Repeat(Flow, Bytes),
    NoAck,
}

impl Leg {
    pub(super) fn new(state: State, flow: Flow, local_tag: String) -> Self {
        Self {
            state,
            flow,
            local_tag,
            dialog: None,
            pending: None,
            unconfirmed: None,
            bye_after_ack: false,
            asking: None,
            last_ack: None,
            login: None,
            challenged: 0,
            bye_headers: Vec::new(),
        }
    }

    pub(super) fn key(&self) -> Option<DialogKey> {
        self.dialog.as_ref().map(|dialog| dialog.key().clone())
    }

    /// Our 200 is repeated until its ACK comes, over TCP too: a proxy may lose it further on
    /// (RFC 3261 13.3.1.4).
    pub(super) fn wait_for_ack(
        &mut self,
        cseq: u32,
        bytes: Bytes,
        flow: Flow,
        timers: Timers,
        now: Instant,
    ) {
        self.unconfirmed = Some(Unconfirmed {
            cseq,
            bytes,
            flow,
            repeat: Repeat::new(now, timers.t1, timers.t2),
            deadline: now + timers.limit(),
        });
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.unconfirmed
            .as_ref()
            .map(|wait| wait.repeat.at.min(wait.deadline))
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> LegStep {
        let Some(wait) = &mut self.unconfirmed else {
            return LegStep::Nothing;
        };
        if wait.deadline <= now {
            self.unconfirmed = None;
            return LegStep::NoAck;
        }
        if wait.repeat.due(now) {
            return LegStep::Repeat(wait.flow, wait.bytes.clone());
        }
        LegStep::Nothing
    }
}

/// What a call of ours was asked with; needed to read its answer.
pub(super) type Asked = Arc<Request>;
