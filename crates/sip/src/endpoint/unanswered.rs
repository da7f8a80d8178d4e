//! INVITEs that have no final answer when their endpoint ends: what is to be written down of one, and
//! how another endpoint, in another process, brings it to an end. Nobody is left to ring, and nobody
//! is to be billed for a call that nobody wants any more: who called hears 503, and whom we called
//! hears CANCEL, or ACK and BYE where they pick up at that moment (RFC 3261 9.1 and 13.2.2.4).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dialog::Dialog;
use crate::message::{Headers, Message, Method, Request, name, parse};
use crate::transaction::{InviteClient, InviteServer};

use super::key::Key;
use super::leg::{Leg, State};
use super::table::{Client, ClientEntry, Server, client_key, server_key};
use super::way::Way;
use super::{Endpoint, Flow, LegId, Rejection, Standing, Transport};

/// An INVITE without a final answer. It names people, and may hold a login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptInvite {
    invite: String,
    transport: String,
    local: SocketAddr,
    remote: SocketAddr,
    otherwise: Option<SocketAddr>,
    tag: String,
    is_placed: bool,
}

impl KeptInvite {
    /// Where its other side was.
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }
}

/// Tells one such INVITE of a call from the next.
pub type InviteMark = Arc<str>;

impl Endpoint {
    /// Our tag in a call that rings, and which INVITE of it waits for its final answer.
    pub fn unanswered(&self, id: LegId) -> Option<(&str, InviteMark)> {
        let leg = self.legs.get(&id)?;
        Some((leg.local_tag.as_str(), leg.invite()?.clone()))
    }

    /// What is to be written down of it.
    pub fn keep_unanswered(&self, id: LegId) -> Option<KeptInvite> {
        let leg = self.legs.get(&id)?;
        let key = leg.invite()?;
        let (way, invite) = if leg.is_placed {
            let entry = self.table.clients.get(key)?;
            (entry.way, &entry.request)
        } else {
            let entry = self.table.servers.get(key)?;
            (entry.way, &entry.request)
        };
        let mut headers = Headers::new();
        for header in NEEDED {
            headers.copy(&invite.headers, header, "");
        }
        let invite = Request {
            method: Method::Invite,
            uri: invite.uri.clone(),
            headers,
            body: Bytes::new(),
        };
        Some(KeptInvite {
            invite: String::from_utf8_lossy(&invite.to_bytes()).into_owned(),
            transport: way.flow.transport.word().to_owned(),
            local: way.flow.local,
            remote: way.flow.remote,
            otherwise: way.otherwise,
            tag: leg.local_tag.clone(),
            is_placed: leg.is_placed,
        })
    }

    /// Brings an INVITE of another endpoint to its end. `None` where it cannot be read, or is here.
    pub fn bring_to_end(&mut self, kept: &KeptInvite, now: Instant) -> Option<LegId> {
        let Ok(Message::Request(invite)) = parse(kept.invite.as_bytes()) else {
            return None;
        };
        if invite.method != Method::Invite {
            return None;
        }
        let flow = Flow {
            transport: Transport::of_word(&kept.transport)?,
            local: kept.local,
            remote: kept.remote,
        };
        let way = Way::inside(flow, kept.otherwise);
        if kept.is_placed {
            self.take_back(invite, way, &kept.tag, now)
        } else {
            self.turn_down(invite, way, &kept.tag, now)
        }
    }

    /// CANCEL, as if somebody had rung a moment ago: whether somebody does is not known.
    fn take_back(&mut self, invite: Request, way: Way, tag: &str, now: Instant) -> Option<LegId> {
        let cseq = invite.headers.cseq().ok()?;
        let key = client_key(invite.headers.via().ok()?.branch(), &cseq);
        if self.table.clients.contains_key(&key) {
            return None;
        }
        let state = State::Cancelling;
        let mut leg = Leg::new(state, Standing::Known, way.flow, tag.to_owned());
        leg.is_placed = true;
        leg.asking = Some(key.clone());
        let id = self.add_leg(leg);
        let reliable = way.flow.transport.is_stream();
        let mut machine = InviteClient::new(Bytes::new(), self.config.timers, reliable, now);
        let _rings = machine.on_response(180, now);
        let entry = ClientEntry {
            machine: Client::Invite(machine),
            way,
            leg: id,
            request: Arc::new(invite),
            challenged: u8::MAX,
        };
        self.table.clients.insert(key, entry);
        self.cancel_if_possible(id, now);
        Some(id)
    }

    /// 503, by the tag that the caller has heard; it may try another way.
    fn turn_down(&mut self, invite: Request, way: Way, tag: &str, now: Instant) -> Option<LegId> {
        let via = invite.headers.via().ok()?;
        let key: Key = server_key(&via, &invite, &Method::Invite)?;
        if self.table.servers.contains_key(&key) {
            return None;
        }
        let dialog = Dialog::answering(&invite, tag, way.flow.remote).ok()?;
        if self.dialogs.contains_key(dialog.key()) {
            // It was answered after all, and goes on.
            return None;
        }
        let mut leg = Leg::new(State::Incoming, Standing::Known, way.flow, tag.to_owned());
        self.dialogs
            .insert(dialog.key().clone(), LegId(self.next_leg));
        leg.dialog = Some(dialog);
        leg.pending = Some(key.clone());
        let id = self.add_leg(leg);
        let reliable = way.flow.transport.is_stream();
        let machine = Server::Invite(InviteServer::new(self.config.timers, reliable));
        self.table.serve(&key, machine, way, id, &invite);
        self.reject(id, &Rejection::retry_after(SOON), now).ok()?;
        Some(id)
    }
}

impl Leg {
    /// The INVITE that begins the call, while it has no final answer.
    fn invite(&self) -> Option<&Key> {
        match self.state {
            State::Incoming => self.pending.as_ref(),
            State::Calling | State::Cancelling => self.asking.as_ref(),
            State::Up | State::Leaving => None,
        }
    }
}

/// What CANCEL, ACK and answers are made of. A description is not among it: it may hold keys.
const NEEDED: [&str; 9] = [
    name::VIA,
    name::ROUTE,
    name::RECORD_ROUTE,
    name::FROM,
    name::TO,
    name::CALL_ID,
    name::CSEQ,
    name::AUTHORIZATION,
    name::PROXY_AUTHORIZATION,
];

/// When a caller may try again here: we are back.
const SOON: Duration = Duration::from_secs(1);
