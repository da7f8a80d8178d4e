//! All transactions, and one queue of deadlines for them and the calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::message::{CSeq, Headers, Method, Request, Via, name};
use crate::transaction::{InviteClient, InviteServer, PlainClient, PlainServer, Step};

use super::flow::Flow;
use super::key::{COOKIE, Key};
use super::types::LegId;
use super::way::Way;

#[derive(Default)]
pub(super) struct Table {
    pub(super) servers: BTreeMap<Key, ServerEntry>,
    pub(super) clients: BTreeMap<Key, ClientEntry>,
    deadlines: BTreeSet<(Instant, Timer)>,
}

/// Who wants to be woken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Server(Key),
    Client(Key),
    Leg(LegId),
}

pub(super) struct ServerEntry {
    pub(super) machine: Server,
    /// Where responses go.
    pub(super) way: Way,
    pub(super) leg: LegId,
    /// What responses are made of.
    pub(super) request: Arc<Request>,
}

pub(super) enum Server {
    Invite(InviteServer),
    Plain(PlainServer),
}

pub(super) struct ClientEntry {
    pub(super) machine: Client,
    pub(super) way: Way,
    pub(super) leg: LegId,
    /// What an ACK, a CANCEL or a retry with credentials is made of.
    pub(super) request: Arc<Request>,
    /// How many challenges it answers.
    pub(super) challenged: u8,
}

pub(super) enum Client {
    Invite(InviteClient),
    Plain(PlainClient),
}

impl ServerEntry {
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        match &self.machine {
            Server::Invite(machine) => machine.deadline(),
            Server::Plain(machine) => machine.deadline(),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Step {
        match &mut self.machine {
            Server::Invite(machine) => machine.handle_timeout(now),
            Server::Plain(machine) => machine.handle_timeout(now),
        }
    }
}

impl ClientEntry {
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        match &self.machine {
            Client::Invite(machine) => machine.deadline(),
            Client::Plain(machine) => machine.deadline(),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Step {
        match &mut self.machine {
            Client::Invite(machine) => machine.handle_timeout(now),
            Client::Plain(machine) => machine.handle_timeout(now),
        }
    }
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.servers.len() + self.clients.len()
    }

    /// Deadlines in the queue.
    #[cfg(test)]
    pub(super) fn waits(&self) -> usize {
        self.deadlines.len()
    }

    /// Requests of ours that went over a connection and were not answered.
    pub(super) fn unanswered_over(&self, flow: Flow) -> impl Iterator<Item = (Way, Bytes)> {
        let over = move |entry: &&ClientEntry| entry.way.flow == flow;
        self.clients.values().filter(over).filter_map(|entry| {
            let bytes = match &entry.machine {
                Client::Invite(machine) => machine.unanswered(),
                Client::Plain(machine) => machine.unanswered(),
            };
            Some((entry.way, bytes?))
        })
    }

    /// Requests of ours that went to where nobody takes connections, and were not answered.
    pub(super) fn unanswered_at(&self, flow: Flow) -> Vec<Key> {
        let there = |entry: &ClientEntry| {
            let unanswered = match &entry.machine {
                Client::Invite(machine) => machine.unanswered(),
                Client::Plain(machine) => machine.unanswered(),
            };
            let to = entry.way.otherwise.unwrap_or(entry.way.flow.remote);
            to == flow.remote && entry.way.flow.transport == flow.transport && unanswered.is_some()
        };
        let clients = self.clients.iter().filter(|(_, entry)| there(entry));
        clients.map(|(key, _)| key.clone()).collect()
    }

    /// The number of a request that came in.
    pub(super) fn cseq_of(&self, key: &Key) -> Option<u32> {
        let entry = self.servers.get(key)?;
        Some(entry.request.headers.cseq().ok()?.number)
    }

    /// Keeps a request of a call until it is answered, and its answer for repeats. Answers are made
    /// of a few of its headers.
    pub(super) fn serve(
        &mut self,
        key: &Key,
        machine: Server,
        way: Way,
        leg: LegId,
        request: &Request,
    ) {
        let mut headers = Headers::new();
        for header in ANSWERED {
            headers.copy(&request.headers, header, "");
        }
        let request = Request {
            method: request.method.clone(),
            uri: request.uri.clone(),
            headers,
            body: Bytes::new(),
        };
        let entry = ServerEntry {
            machine,
            way,
            leg,
            request: Arc::new(request),
        };
        self.servers.insert(key.clone(), entry);
    }

    /// Drops a request that is answered, and its deadline with it: there may be many.
    pub(super) fn forget(&mut self, key: &Key) {
        let entry = self.servers.remove(key);
        if let Some((at, _)) = entry.and_then(|entry| entry.deadline()) {
            self.deadlines.remove(&(at, Timer::Server(key.clone())));
        }
    }

    /// Drops a request that its call will not answer any more. An INVITE's has a deadline of its own.
    pub(super) fn forget_unanswered(&mut self, pending: Option<&Key>) {
        let Some(key) = pending else { return };
        let entry = self.servers.get(key);
        if entry.is_some_and(|entry| matches!(entry.machine, Server::Plain(_))) {
            self.servers.remove(key);
        }
    }

    /// The entry wakes at its deadline. Old deadlines stay in the queue and wake it for nothing,
    /// which is harmless and cheaper than finding them.
    pub(super) fn schedule(&mut self, timer: Timer, at: Option<Instant>) {
        if let Some(at) = at {
            self.deadlines.insert((at, timer));
        }
    }

    pub(super) fn schedule_server(&mut self, key: &Key) {
        let at = self
            .servers
            .get(key)
            .and_then(ServerEntry::deadline)
            .map(|d| d.0);
        self.schedule(Timer::Server(key.clone()), at);
    }

    pub(super) fn schedule_client(&mut self, key: &Key) {
        let at = self
            .clients
            .get(key)
            .and_then(ClientEntry::deadline)
            .map(|d| d.0);
        self.schedule(Timer::Client(key.clone()), at);
    }

    /// The next one that is due.
    pub(super) fn due(&mut self, now: Instant, calls: bool) -> Option<Timer> {
        let is_call = |timer: &Timer| matches!(timer, Timer::Leg(_));
        let found = self
            .deadlines
            .iter()
            .take_while(|(at, _)| *at <= now)
            .find(|(_, timer)| is_call(timer) == calls)
            .cloned()?;
        self.deadlines.remove(&found);
        Some(found.1)
    }

    pub(super) fn next_deadline(&self) -> Option<(Instant, &'static str)> {
        self.deadlines.first().map(|(at, timer)| {
            let reason = match timer {
                Timer::Server(_) => "server transaction",
                Timer::Client(_) => "client transaction",
                Timer::Leg(_) => "call",
            };
            (*at, reason)
        })
    }
}

/// The key of a request that came in. ACK and CANCEL look for their INVITE with `Method::Invite`.
pub(super) fn server_key(via: &Via, request: &Request, method: &Method) -> Option<Key> {
    let port = via.port.unwrap_or(5060);
    let branch = via.branch();
    if branch.len() > COOKIE.len() && branch.starts_with(COOKIE) {
        return Some(format!("{branch} {}:{port} {method}", via.host).into());
    }
    // A phone from before RFC 3261: the same call, number and top Via are the same transaction.
    let headers = &request.headers;
    let from = headers.from().ok()?;
    let cseq = headers.cseq().ok()?;
    let call_id = headers.call_id().ok()?;
    let tag = from.tag().unwrap_or_default();
    Some(
        format!(
            "- {call_id} {tag} {} {}:{port} {branch} {method}",
            cseq.number, via.host
        )
        .into(),
    )
}

/// The key of a response that came in, or of a request that goes out.
pub(super) fn client_key(branch: &str, cseq: &CSeq) -> Key {
    format!("{branch} {}", cseq.method).into()
}

/// What an answer has of its request.
const ANSWERED: [&str; 6] = [
    name::VIA,
    name::RECORD_ROUTE,
    name::FROM,
    name::TO,
    name::CALL_ID,
    name::CSEQ,
];
