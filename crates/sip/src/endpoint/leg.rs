//! One call: what an endpoint must remember besides transactions.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::dialog::{Dialog, DialogKey};
use crate::digest::Login;
use crate::message::Request;
use crate::transaction::{Repeat, Timers};

use super::key::Key;
use super::ringing::{self, Early, Provisional};
use super::session::{self, Session};
use super::transfer::Transfers;
use super::way::Way;
use super::wish::{Again, Asking};
use super::{Flow, Standing};

/// An answer that is kept.
pub(super) struct Kept {
    pub(super) key: Key,
    pub(super) bytes: usize,
}

pub(super) struct Leg {
    pub(super) state: State,
    /// Who the other side is, as far as the trunks know.
    pub(super) standing: Standing,
    /// How the other side is reached, as last seen.
    pub(super) flow: Flow,
    /// Over TCP, where the other side takes connections, as far as its Via says.
    pub(super) listens: Option<SocketAddr>,
    pub(super) local_tag: String,
    /// None until a call of ours is answered.
    pub(super) dialog: Option<Dialog>,
    /// Their INVITE, or UPDATE with an offer, that we have not answered yet.
    pub(super) pending: Option<Key>,
    /// Did that bring no offer? Then our 200 makes one.
    pub(super) is_offerless: bool,
    /// Their requests inside the call that are answered and kept for repeats, oldest first.
    pub(super) answered: VecDeque<Kept>,
    /// Our 200 that waits for its ACK.
    pub(super) unconfirmed: Option<Unconfirmed>,
    /// Hang up as soon as the ACK is there (RFC 3261 15).
    pub(super) bye_after_ack: bool,
    /// Did we place it? Then the Call-ID is ours.
    pub(super) is_placed: bool,
    /// Our own INVITE or re-INVITE under way.
    pub(super) asking: Option<Key>,
    /// What that re-INVITE is for.
    pub(super) wish: Option<Asking>,
    /// A re-INVITE that met one of theirs and waits.
    pub(super) again: Option<Again>,
    /// Our description in force.
    pub(super) sdp: Bytes,
    /// The phones that a call of ours rings.
    pub(super) early: Vec<Early>,
    /// Answers before the answer that must arrive.
    pub(super) provisional: Provisional,
    pub(super) session: Session,
    pub(super) transfers: Transfers,
    /// Whether the other side says that it lets a call be replaced, if it says what it speaks.
    pub(super) takes_replaces: Option<bool>,
    /// The ACKs of the last 2xx we got, for when those are repeated.
    pub(super) acks: Vec<SentAck>,
    pub(super) login: Option<Login>,
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
    /// Does it hold an offer, which the ACK is to answer?
    pub(super) offers: bool,
    pub(super) bytes: Bytes,
    pub(super) way: Way,
    repeat: Repeat,
    deadline: Instant,
}

/// Our ACK of one INVITE's 2xx.
pub(super) struct SentAck {
    /// The number of the INVITE: a repeated 200 of an earlier one answers none of the later.
    pub(super) cseq: u32,
    pub(super) remote_tag: String,
    pub(super) bytes: Bytes,
    pub(super) way: Way,
}

/// What the clock asks of a call.
pub(super) enum LegStep {
    Repeat(Way, Bytes),
    NoAck,
    NoPrack,
    /// We have to say that the call lives.
    Refresh,
    /// Nobody did.
    Expired,
    TryAgain(Asking),
    /// Nobody tells how a transfer goes.
    NoTransfer,
}

impl Leg {
    pub(super) fn new(state: State, standing: Standing, flow: Flow, local_tag: String) -> Self {
        Self {
            state,
            standing,
            flow,
            listens: None,
            local_tag,
            dialog: None,
            pending: None,
            is_offerless: false,
            answered: VecDeque::new(),
            unconfirmed: None,
            bye_after_ack: false,
            is_placed: state == State::Calling,
            asking: None,
            wish: None,
            again: None,
            sdp: Bytes::new(),
            early: Vec::new(),
            provisional: Provisional::default(),
            session: Session::default(),
            transfers: Transfers::default(),
            takes_replaces: None,
            acks: Vec::new(),
            login: None,
            bye_headers: Vec::new(),
        }
    }

    pub(super) fn key(&self) -> Option<DialogKey> {
        self.dialog.as_ref().map(|dialog| dialog.key().clone())
    }

    /// The way to the other side. Over TCP the connection it last used is used on, whatever port
    /// its Contact names (RFC 5923, section 5); once that is gone, a new one goes to the Contact,
    /// or to where its Via says it listens.
    pub(super) fn way(&self) -> Way {
        let hop = self
            .dialog
            .as_ref()
            .map_or(self.flow.remote, |dialog| dialog.next_hop(self.flow.remote));
        let ahead = Flow {
            remote: hop,
            ..self.flow
        };
        if !self.flow.transport.is_stream() {
            return Way::inside(ahead, None);
        }
        if hop == self.flow.remote {
            return Way::inside(self.flow, self.listens);
        }
        let same_host = hop.ip() == self.flow.remote.ip();
        Way::inside(if same_host { self.flow } else { ahead }, Some(hop))
    }

    /// Their INVITE that begins the call, while it has no final answer.
    pub(super) fn unanswered(&self) -> Option<Key> {
        let pending = self.pending.clone();
        pending.filter(|_| self.state == State::Incoming)
    }

    /// Is a change of the session under way?
    pub(super) const fn is_changing(&self) -> bool {
        self.pending.is_some() || self.asking.is_some() || self.unconfirmed.is_some()
    }

    /// Remembers an ACK for repeats of what it confirmed.
    pub(super) fn keep_ack(&mut self, ack: SentAck) {
        if self.acks.len() == MAX_ACKS {
            self.acks.remove(0);
        }
        self.acks.push(ack);
    }

    /// Our 200 is repeated until its ACK comes, over TCP too: a proxy may lose it further on
    /// (RFC 3261 13.3.1.4).
    pub(super) fn wait_for_ack(
        &mut self,
        (cseq, offers): (u32, bool),
        (way, bytes): (Way, Bytes),
        timers: Timers,
        now: Instant,
    ) {
        self.unconfirmed = Some(Unconfirmed {
            cseq,
            offers,
            bytes,
            way,
            repeat: Repeat::new(now, timers.t1, timers.t2),
            deadline: now + timers.limit(),
        });
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let ack = self.unconfirmed.as_ref();
        [
            ack.map(|wait| wait.repeat.at.min(wait.deadline)),
            self.provisional.deadline(),
            self.session.deadline(),
            self.again.as_ref().map(|again| again.at),
            self.transfers.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next thing that is due; ask until there is none.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<LegStep> {
        if let Some(step) = self.unconfirmed_due(now) {
            return Some(step);
        }
        match self.provisional.due(now) {
            Some(ringing::Due::Repeat(way, bytes)) => {
                return Some(LegStep::Repeat(way, bytes));
            }
            Some(ringing::Due::Over) => return Some(LegStep::NoPrack),
            None => {}
        }
        match self.session.due(now) {
            Some(session::Due::Refresh) => return Some(LegStep::Refresh),
            Some(session::Due::Over) => return Some(LegStep::Expired),
            None => {}
        }
        if let Some(again) = self.again.take_if(|again| again.at <= now) {
            return Some(LegStep::TryAgain(again.asking));
        }
        self.transfers.is_due(now).then_some(LegStep::NoTransfer)
    }

    fn unconfirmed_due(&mut self, now: Instant) -> Option<LegStep> {
        let wait = self.unconfirmed.as_mut()?;
        if wait.deadline <= now {
            self.unconfirmed = None;
            return Some(LegStep::NoAck);
        }
        let due = wait.repeat.due(now);
        due.then(|| LegStep::Repeat(wait.way, wait.bytes.clone()))
    }
}

/// What a call of ours was asked with; needed to read its answer.
pub(super) type Asked = Arc<Request>;

/// ACKs remembered of one call: a 200 is repeated for 32 s, and nobody changes a session more often.
const MAX_ACKS: usize = 4;
