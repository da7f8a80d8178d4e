//! Requests from outside.

use std::time::Instant;

use bytes::Bytes;

use crate::dialog::{Dialog, DialogKey, Order};
use crate::message::{Fault, Message, Method, Request, name, sdp_of};
use crate::transaction::{InviteServer, PlainServer};

use super::compose::{ACCEPT, ALLOW, SUPPORTED, return_path};
use super::key::Key;
use super::leg::{Leg, State};
use super::refusal::{Pending, Refusal, refusal};
use super::scanner::is_scanner;
use super::seat::takes_replaces;
use super::table::{Server, ServerEntry, server_key};
use super::way::Way;
use super::{
    CommandError, EndCause, Endpoint, Event, Fate, Flow, Invitation, LegId, Limits, Standing,
};

impl Endpoint {
    pub(super) fn on_request(
        &mut self,
        flow: Flow,
        size: usize,
        mut request: Request,
        fault: Option<Fault>,
        now: Instant,
    ) -> Fate {
        let Ok(via) = request.headers.via() else {
            return Fate::Dropped("no_via");
        };
        let key = server_key(&via, &request, &request.method);
        let invite = server_key(&via, &request, &Method::Invite);
        let way = Way {
            asked: size,
            is_strange: !self.knows(flow.remote.ip(), now),
            ..return_path(flow, &mut request, via)
        };
        if request.method == Method::Ack {
            let known = invite.is_some_and(|invite| self.on_ack(&invite, flow, &request, now));
            // The ACK of a stateless refusal comes this way too.
            return if known || fault.is_none() {
                Fate::Taken
            } else {
                Fate::Dropped("damaged_ack")
            };
        }
        if key
            .as_ref()
            .is_some_and(|key| self.on_repeated_request(key) || self.on_repeat_of_waiting(key, now))
        {
            return Fate::Taken;
        }
        let refusal = refusal(&request, fault, flow.transport, &self.config.session);
        let inside = self.call_of(&request);
        let is_ours = request.method == Method::Cancel
            && invite
                .as_ref()
                .is_some_and(|invite| self.can_cancel(invite, now));
        let unasked = inside.is_none() && !is_ours && way.is_strange;
        if unasked && is_scanner(&self.config.scanners, &request.headers) {
            return Fate::Dropped("scanner");
        }
        if unasked && !self.admission.bear_stranger(now) {
            return Fate::Dropped("flood");
        }
        let (Some(key), None) = (key, &refusal) else {
            let malformed = || Refusal::malformed("Via is malformed".to_owned());
            return self.refuse(
                way.owed(inside.is_some()),
                &request,
                refusal.unwrap_or_else(malformed),
            );
        };
        if request.method == Method::Cancel {
            return match invite {
                Some(invite) if is_ours => self.on_cancel(&invite, way, &request, now),
                _ => self.refuse(way.owed(false), &request, Refusal::new(481, "no_call")),
            };
        }
        match inside {
            Some(dialog) => self.on_inside(&dialog, key, way.owed(true), request, now),
            None => self.on_outside(key, way, flow, request, now),
        }
    }

    /// The call a request belongs to. One that began without a tag of theirs is known by ours,
    /// whatever tag they write later.
    fn call_of(&self, request: &Request) -> Option<DialogKey> {
        let key = DialogKey::of_request(&request.headers).ok().flatten()?;
        if self.dialogs.contains_key(&key) {
            return Some(key);
        }
        let tagless = DialogKey {
            remote_tag: String::new(),
            ..key
        };
        self.dialogs.contains_key(&tagless).then_some(tagless)
    }

    fn on_repeated_request(&mut self, key: &Key) -> bool {
        let Some(entry) = self.table.servers.get(key) else {
            return false;
        };
        let again = match &entry.machine {
            Server::Invite(machine) => machine.on_repeat(),
            Server::Plain(machine) => machine.on_repeat(),
        };
        let way = entry.way;
        if let Some(bytes) = again {
            self.send(way, bytes);
        }
        true
    }

    fn on_outside(
        &mut self,
        key: Key,
        way: Way,
        flow: Flow,
        request: Request,
        now: Instant,
    ) -> Fate {
        let is_new = request.headers.to().is_ok_and(|to| to.tag().is_none());
        match request.method {
            Method::Invite if is_new => self.on_invite(key, way, flow, request, now),
            Method::Options if is_new => self.tell_abilities(way.owed(false), &request),
            // A request of no call.
            _ => self.refuse(way.owed(false), &request, Refusal::new(481, "no_call")),
        }
    }

    /// What we can, and whether there is room for a call.
    fn tell_abilities(&mut self, way: Way, request: &Request) -> Fate {
        let status = if self.draining || self.full.is_some() {
            503
        } else {
            200
        };
        let later = self.full.map(|later| later.as_secs().to_string());
        let later = later.as_deref().map(|later| (name::RETRY_AFTER, later));
        let told: Vec<(&str, &str)> = ABILITIES.into_iter().chain(later).collect();
        self.inform(way, request, status, &told)
    }

    fn on_invite(
        &mut self,
        key: Key,
        way: Way,
        flow: Flow,
        mut request: Request,
        now: Instant,
    ) -> Fate {
        if self.is_merged(&request) {
            return self.refuse(way.owed(false), &request, Refusal::new(482, "merged"));
        }
        if self.draining || !self.admission.admit(flow.remote.ip(), now) {
            let word = if self.draining { "drain" } else { "flood" };
            let later = Refusal::new(503, word).with(name::RETRY_AFTER, RETRY_AFTER.to_string());
            return self.refuse(way.owed(false), &request, later);
        }
        describe(&mut request);
        self.events.push_back(Event::Invited(Invitation {
            request: Box::new(request),
            flow,
            key,
            way,
        }));
        Fate::Taken
    }

    /// Lets a caller in: 100 goes out, and the call exists. Returns it with our tag, which is also
    /// the call's LiveKit id.
    ///
    /// # Errors
    /// [`CommandError::Full`] when there is no room for one of this standing.
    pub fn admit(
        &mut self,
        invitation: &Invitation,
        standing: Standing,
        now: Instant,
    ) -> Result<(LegId, String), CommandError> {
        let Limits {
            calls,
            transactions,
            ..
        } = self.config.limits;
        let open_to = |limit: usize| match standing {
            Standing::Known => limit,
            Standing::Stranger => limit - limit / RESERVE,
        };
        if self.legs.len() >= open_to(calls) || self.table.len() >= open_to(transactions) {
            return Err(CommandError::Full);
        }
        let Invitation {
            request,
            flow,
            key,
            way,
        } = invitation;
        let tag = self.new_tag();
        let dialog =
            Dialog::answering(request, &tag, flow.remote).map_err(|_| CommandError::State)?;
        let id = self.add_leg(Leg::new(State::Incoming, standing, way.flow, tag.clone()));
        self.dialogs.insert(dialog.key().clone(), id);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.dialog = Some(dialog);
            leg.pending = Some(key.clone());
            leg.is_offerless = request.body.is_empty();
            leg.listens = way.otherwise;
            leg.session.hear(&request.headers);
            leg.takes_replaces = takes_replaces(&request.headers);
            leg.provisional.hear(request);
        }
        self.add_invite_server(key, way.owed(true), id, request);
        self.respond(key, 100, now, |_| {});
        Ok((id, tag))
    }

    fn add_invite_server(&mut self, key: &Key, way: Way, leg: LegId, request: &Request) {
        let reliable = way.flow.transport.is_stream();
        let machine = Server::Invite(InviteServer::new(self.config.timers, reliable));
        self.table.serve(key, machine, way, leg, request);
    }

    /// The same INVITE by another way (RFC 3261 8.2.2.2).
    fn is_merged(&self, request: &Request) -> bool {
        let headers = &request.headers;
        let same = |entry: &ServerEntry| {
            matches!(entry.machine, Server::Invite(_))
                && entry.request.headers.get(name::CALL_ID) == headers.get(name::CALL_ID)
                && entry.request.headers.get(name::CSEQ) == headers.get(name::CSEQ)
                && entry.request.headers.get(name::FROM) == headers.get(name::FROM)
        };
        let (Ok(call_id), Ok(from)) = (headers.call_id(), headers.from()) else {
            return false;
        };
        let tag = from.tag().unwrap_or_default();
        // Few calls share a Call-ID and tag, so look at those only.
        self.dialogs
            .iter()
            .skip_while(|(key, _)| key.call_id.as_str() < call_id)
            .take_while(|(key, _)| key.call_id == call_id)
            .filter(|(key, _)| key.remote_tag == tag)
            .filter_map(|(_, leg)| self.legs.get(leg)?.pending.as_ref())
            .filter_map(|key| self.table.servers.get(key))
            .any(same)
    }

    /// `false` for an ACK of nothing we know.
    fn on_ack(&mut self, invite: &Key, flow: Flow, request: &Request, now: Instant) -> bool {
        if let Some(entry) = self.table.servers.get_mut(invite)
            && let Server::Invite(machine) = &mut entry.machine
            && machine.on_ack(now)
        {
            self.table.schedule_server(invite);
            return true;
        }
        let Some(id) = self
            .call_of(request)
            .and_then(|key| self.dialogs.get(&key).copied())
        else {
            return false;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return false;
        };
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        if leg
            .unconfirmed
            .as_ref()
            .is_none_or(|wait| wait.cseq != number)
        {
            return true;
        }
        leg.unconfirmed = None;
        let hang_up = leg.bye_after_ack;
        self.admission.meet(flow.remote.ip(), now);
        if hang_up {
            self.send_bye(id, now);
        } else {
            let body = sdp_of(&request.headers, &request.body).unwrap_or_default();
            self.events.push_back(Event::Confirmed { leg: id, body });
        }
        true
    }

    fn on_inside(
        &mut self,
        dialog: &DialogKey,
        key: Key,
        way: Way,
        request: Request,
        now: Instant,
    ) -> Fate {
        let Some(id) = self.dialogs.get(dialog).copied() else {
            return self.refuse(way, &request, Refusal::new(481, "no_call"));
        };
        if !self.has_room_inside(id, &request.method) {
            let later = Refusal::new(503, "transactions");
            let later = later.with(name::RETRY_AFTER, RETRY_AFTER.to_string());
            return self.refuse(way, &request, later);
        }
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(leg) = self.legs.get_mut(&id) else {
            return self.refuse(way, &request, Refusal::new(481, "no_call"));
        };
        // A phone that rings ends that by its answer (RFC 3261 15).
        if leg.dialog.is_none() && request.method == Method::Bye {
            return self.refuse(way, &request, Refusal::new(481, "no_call"));
        }
        let early = leg.early.iter_mut().map(|early| &mut early.dialog);
        let mut known = leg.dialog.iter_mut().chain(early);
        let known = known.find(|known| known.key() == dialog);
        let order = known.map_or(Order::Stale, |dialog| dialog.accept(number));
        if order == Order::Stale {
            return self.refuse(way, &request, Refusal::new(500, "old_cseq"));
        }
        leg.flow = way.flow;
        leg.listens = way.otherwise;
        match request.method {
            Method::Invite => return self.on_reinvite(id, key, way, request, now),
            Method::Bye => self.on_bye(id, &key, way, &request, now),
            Method::Info => self.on_info(id, &key, way, request, now),
            Method::Update => return self.on_update(id, key, way, request, now),
            Method::Prack => return self.on_prack(id, &key, way, &request, now),
            Method::Refer => return self.on_refer(id, &key, way, &request),
            Method::Notify => return self.on_notify(id, &key, way, &request, now),
            _ => {
                return self.inform(way, &request, 200, &ABILITIES);
            }
        }
        Fate::Taken
    }

    fn on_reinvite(
        &mut self,
        id: LegId,
        key: Key,
        way: Way,
        mut request: Request,
        now: Instant,
    ) -> Fate {
        let Some(leg) = self.legs.get_mut(&id) else {
            return self.refuse(way, &request, Refusal::new(481, "no_call"));
        };
        if leg.pending.is_some() || leg.state == State::Incoming {
            let later = Refusal::overlap(Pending::Theirs, self.soon());
            return self.refuse_inside((&key, way, id), &request, later, now);
        }
        if leg.asking.is_some() || leg.unconfirmed.is_some() {
            let later = Refusal::overlap(Pending::Ours, 0);
            return self.refuse_inside((&key, way, id), &request, later, now);
        }
        if leg.state != State::Up {
            return self.refuse(way, &request, Refusal::new(481, "no_call"));
        }
        if let Some(dialog) = &mut leg.dialog {
            dialog.refresh_target(&request.headers);
        }
        leg.pending = Some(key.clone());
        describe(&mut request);
        leg.is_offerless = request.body.is_empty();
        leg.session.hear(&request.headers);
        self.add_invite_server(&key, way, id, &request);
        self.respond(&key, 100, now, |_| {});
        self.events.push_back(Event::Change {
            leg: id,
            request: Box::new(request),
        });
        Fate::Taken
    }

    fn on_bye(&mut self, id: LegId, key: &Key, way: Way, request: &Request, now: Instant) {
        if self.is_roomy() {
            self.answer_plain(id, key, way, request, now);
        } else {
            let response = self.response(request, 200, None);
            self.send(way, response.to_bytes());
        }
        if let Some(pending) = self.legs.get_mut(&id).and_then(|leg| leg.pending.take()) {
            self.respond(&pending, 487, now, |_| {});
        }
        let reason = request.headers.joined(name::REASON);
        self.end(id, EndCause::RemoteBye { reason });
    }

    fn on_info(&mut self, id: LegId, key: &Key, way: Way, request: Request, now: Instant) {
        let bytes = self.answer_plain(id, key, way, &request, now);
        self.keep_answered(id, key, bytes);
        let content_type = request.headers.content_type().unwrap_or_default();
        let body: Bytes = request.body;
        self.events.push_back(Event::Info {
            leg: id,
            content_type,
            body,
        });
    }

    /// 200 to a request inside a call, remembered for repeats. Returns its length.
    pub(super) fn answer_plain(
        &mut self,
        leg: LegId,
        key: &Key,
        way: Way,
        request: &Request,
        now: Instant,
    ) -> usize {
        let response = self.response(request, 200, None).to_bytes();
        let mut machine = PlainServer::new(self.config.timers, way.flow.transport.is_stream());
        machine.respond(&response, now);
        let machine = Server::Plain(machine);
        self.table.serve(key, machine, way, leg, request);
        self.table.schedule_server(key);
        let length = response.len();
        self.send(way, response);
        length
    }

    /// Answers an INVITE or UPDATE within its transaction. Returns what was sent.
    pub(super) fn respond(
        &mut self,
        key: &Key,
        status: u16,
        now: Instant,
        finish: impl FnOnce(&mut crate::message::Response),
    ) -> Option<(Way, Bytes)> {
        let entry = self.table.servers.get(key)?;
        let (way, leg, request) = (entry.way, entry.leg, entry.request.clone());
        let tag = self.legs.get(&leg).map(|leg| leg.local_tag.clone());
        let mut response = self.response(&request, status, tag.as_deref());
        finish(&mut response);
        let bytes = Message::Response(response).to_bytes();
        let taken = match &mut self.table.servers.get_mut(key)?.machine {
            Server::Invite(machine) => machine.respond(status, &bytes, now),
            Server::Plain(machine) => machine.respond(&bytes, now),
        };
        if !taken {
            return None;
        }
        self.table.schedule_server(key);
        self.send(way, bytes.clone());
        let is_inside = |leg: &Leg| leg.state != State::Incoming;
        if status >= 200 && self.legs.get(&leg).is_some_and(is_inside) {
            self.keep_answered(leg, key, bytes.len());
        }
        Some((way, bytes))
    }
}

/// Puts the description in the place of a body that holds it.
pub(super) fn describe(request: &mut Request) {
    if let Ok(sdp) = sdp_of(&request.headers, &request.body)
        && sdp != request.body
    {
        request.headers.set(name::CONTENT_TYPE, "application/sdp");
        request.body = sdp;
    }
}

/// What OPTIONS asks for.
const ABILITIES: [(&str, &str); 3] = [
    (name::ALLOW, ALLOW),
    (name::ACCEPT, ACCEPT),
    (name::SUPPORTED, SUPPORTED),
];

/// Seconds a refused caller should wait: a call or a burst has usually passed by then.
const RETRY_AFTER: u32 = 5;

/// One part in so many of all room is kept for those who are known.
const RESERVE: usize = 4;
