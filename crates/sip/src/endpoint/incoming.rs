//! Requests from outside.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::dialog::{Dialog, DialogKey, Order};
use crate::message::{Message, Method, Request, name};
use crate::transaction::{InviteServer, PlainServer};

use super::compose::{ACCEPT, ALLOW, is_call_method, return_path};
use super::leg::{Leg, State};
use super::table::{Key, Server, ServerEntry, server_key};
use super::{EndCause, Endpoint, Event, Flow, LegId};

impl Endpoint {
    pub(super) fn on_request(&mut self, flow: Flow, mut request: Request, now: Instant) {
        let Ok(via) = request.headers.via() else {
            return;
        };
        let Some(key) = server_key(&via, &request, &request.method) else {
            return;
        };
        let back = return_path(flow, &mut request, via.clone());
        if request.method == Method::Ack {
            if let Some(invite) = server_key(&via, &request, &Method::Invite) {
                self.on_ack(&invite, &request, now);
            }
            return;
        }
        if self.on_repeated_request(&key) {
            return;
        }
        if let Some((status, extra)) = refusal(&request) {
            self.answer_statelessly(back, &request, status, &extra);
            return;
        }
        if request.method == Method::Cancel {
            if let Some(invite) = server_key(&via, &request, &Method::Invite) {
                self.on_cancel(&invite, back, &request, now);
            }
            return;
        }
        match DialogKey::of_request(&request.headers) {
            Ok(Some(dialog)) => self.on_inside(&dialog, key, back, request, now),
            Ok(None) => self.on_outside(key, back, request, now),
            Err(_) => self.answer_statelessly(back, &request, 400, &[]),
        }
    }

    fn on_repeated_request(&mut self, key: &Key) -> bool {
        let Some(entry) = self.table.servers.get(key) else {
            return false;
        };
        let again = match &entry.machine {
            Server::Invite(machine) => machine.on_repeat(),
            Server::Plain(machine) => machine.on_repeat(),
        };
        let flow = entry.flow;
        if let Some(bytes) = again {
            self.send(flow, bytes);
        }
        true
    }

    fn on_outside(&mut self, key: Key, flow: Flow, request: Request, now: Instant) {
        match request.method {
            Method::Invite => self.on_invite(key, flow, request, now),
            Method::Options => {
                let status = if self.draining { 503 } else { 200 };
                let extra = [
                    (name::ALLOW, ALLOW.to_owned()),
                    (name::ACCEPT, ACCEPT.to_owned()),
                ];
                self.answer_statelessly(flow, &request, status, &extra);
            }
            // BYE and INFO of no call.
            _ => self.answer_statelessly(flow, &request, 481, &[]),
        }
    }

    fn on_invite(&mut self, key: Key, flow: Flow, request: Request, now: Instant) {
        if self.is_merged(&request) {
            self.answer_statelessly(flow, &request, 482, &[]);
            return;
        }
        let full = self.draining
            || self.legs.len() >= self.config.limits.calls
            || self.table.len() >= self.config.limits.transactions;
        if full || !self.admission.admit(flow.remote.ip(), now) {
            let later = [(name::RETRY_AFTER, RETRY_AFTER.to_string())];
            self.answer_statelessly(flow, &request, 503, &later);
            return;
        }
        let tag = self.new_tag();
        let Ok(dialog) = Dialog::answering(&request, &tag) else {
            self.answer_statelessly(flow, &request, 400, &[]);
            return;
        };
        let leg = self.add_leg(Leg::new(State::Incoming, flow, tag.clone()));
        self.dialogs.insert(dialog.key().clone(), leg);
        if let Some(slot) = self.legs.get_mut(&leg) {
            slot.dialog = Some(dialog);
            slot.pending = Some(key.clone());
        }
        self.add_invite_server(&key, flow, leg, &request);
        self.respond(&key, 100, now, |_| {});
        self.events.push_back(Event::Incoming {
            leg,
            tag,
            request: Box::new(request),
            flow,
        });
    }

    fn add_invite_server(&mut self, key: &Key, flow: Flow, leg: LegId, request: &Request) {
        let reliable = flow.transport.is_reliable();
        let machine = Server::Invite(InviteServer::new(self.config.timers, reliable));
        let request = Arc::new(request.clone());
        self.table.servers.insert(
            key.clone(),
            ServerEntry {
                machine,
                flow,
                leg,
                request,
            },
        );
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

    fn on_ack(&mut self, invite: &Key, request: &Request, now: Instant) {
        if let Some(entry) = self.table.servers.get_mut(invite)
            && let Server::Invite(machine) = &mut entry.machine
            && machine.on_ack(now)
        {
            self.table.schedule_server(invite);
            return;
        }
        let Ok(Some(key)) = DialogKey::of_request(&request.headers) else {
            return;
        };
        let Some(id) = self.dialogs.get(&key).copied() else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        if leg
            .unconfirmed
            .as_ref()
            .is_none_or(|wait| wait.cseq != number)
        {
            return;
        }
        leg.unconfirmed = None;
        if leg.bye_after_ack {
            self.send_bye(id, now);
        } else {
            self.events.push_back(Event::Confirmed {
                leg: id,
                body: request.body.clone(),
            });
        }
    }

    fn on_cancel(&mut self, invite: &Key, flow: Flow, request: &Request, now: Instant) {
        let Some(entry) = self.table.servers.get(invite) else {
            self.answer_statelessly(flow, request, 481, &[]);
            return;
        };
        let (id, pending) = (entry.leg, is_pending(entry));
        let tag = self.legs.get(&id).map(|leg| leg.local_tag.clone());
        let response = self.response(request, 200, tag.as_deref());
        self.send(flow, response.to_bytes());
        if !pending {
            return;
        }
        self.respond(invite, 487, now, |_| {});
        match self.legs.get_mut(&id).map(|leg| leg.state) {
            // A re-INVITE was withdrawn; the call goes on.
            Some(State::Up) => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.pending = None;
                }
            }
            _ => self.end(id, EndCause::RemoteCancel),
        }
    }

    fn on_inside(
        &mut self,
        dialog: &DialogKey,
        key: Key,
        flow: Flow,
        request: Request,
        now: Instant,
    ) {
        let Some(id) = self.dialogs.get(dialog).copied() else {
            self.answer_statelessly(flow, &request, 481, &[]);
            return;
        };
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let order = leg
            .dialog
            .as_mut()
            .map_or(Order::Stale, |dialog| dialog.accept(number));
        if order == Order::Stale {
            self.answer_statelessly(flow, &request, 500, &[]);
            return;
        }
        leg.flow = Flow {
            local: flow.local,
            ..flow
        };
        match request.method {
            Method::Invite => self.on_reinvite(id, key, flow, request, now),
            Method::Bye => self.on_bye(id, &key, flow, &request, now),
            Method::Info => self.on_info(id, &key, flow, request, now),
            Method::Update => self.on_update(id, key, flow, request, now),
            _ => {
                let extra = [
                    (name::ALLOW, ALLOW.to_owned()),
                    (name::ACCEPT, ACCEPT.to_owned()),
                ];
                self.answer_statelessly(flow, &request, 200, &extra);
            }
        }
    }

    fn on_reinvite(&mut self, id: LegId, key: Key, flow: Flow, request: Request, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if leg.pending.is_some() || leg.state == State::Incoming {
            // One at a time (RFC 3261 14.2); the pause keeps two sides from meeting again.
            let later = [(name::RETRY_AFTER, "2".to_owned())];
            self.answer_statelessly(flow, &request, 500, &later);
            return;
        }
        if leg.asking.is_some() || leg.unconfirmed.is_some() {
            self.answer_statelessly(flow, &request, 491, &[]);
            return;
        }
        if leg.state != State::Up {
            self.answer_statelessly(flow, &request, 481, &[]);
            return;
        }
        if let Some(dialog) = &mut leg.dialog {
            dialog.refresh_target(&request.headers);
        }
        leg.pending = Some(key.clone());
        self.add_invite_server(&key, flow, id, &request);
        self.respond(&key, 100, now, |_| {});
        self.events.push_back(Event::Change {
            leg: id,
            request: Box::new(request),
        });
    }

    fn on_bye(&mut self, id: LegId, key: &Key, flow: Flow, request: &Request, now: Instant) {
        self.answer_plain(id, key, flow, request, now);
        if let Some(pending) = self.legs.get_mut(&id).and_then(|leg| leg.pending.take()) {
            self.respond(&pending, 487, now, |_| {});
        }
        let reason = request.headers.get(name::REASON).map(str::to_owned);
        self.end(id, EndCause::RemoteBye { reason });
    }

    fn on_info(&mut self, id: LegId, key: &Key, flow: Flow, request: Request, now: Instant) {
        self.answer_plain(id, key, flow, &request, now);
        let content_type = request.headers.content_type().unwrap_or_default();
        let body: Bytes = request.body;
        self.events.push_back(Event::Info {
            leg: id,
            content_type,
            body,
        });
    }

    /// 200 to a request inside a call, remembered for repeats.
    fn answer_plain(&mut self, leg: LegId, key: &Key, flow: Flow, request: &Request, now: Instant) {
        let response = self.response(request, 200, None).to_bytes();
        let mut machine = PlainServer::new(self.config.timers, flow.transport.is_reliable());
        machine.respond(&response, now);
        let request = Arc::new(request.clone());
        let machine = Server::Plain(machine);
        self.table.servers.insert(
            key.clone(),
            ServerEntry {
                machine,
                flow,
                leg,
                request,
            },
        );
        self.table.schedule_server(key);
        self.send(flow, response);
    }

    /// Answers an INVITE or UPDATE within its transaction. Returns what was sent.
    pub(super) fn respond(
        &mut self,
        key: &Key,
        status: u16,
        now: Instant,
        finish: impl FnOnce(&mut crate::message::Response),
    ) -> Option<(Flow, Bytes)> {
        let entry = self.table.servers.get(key)?;
        let (flow, request) = (entry.flow, entry.request.clone());
        let tag = self.legs.get(&entry.leg).map(|leg| leg.local_tag.clone());
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
        self.send(flow, bytes.clone());
        Some((flow, bytes))
    }
}

fn is_pending(entry: &ServerEntry) -> bool {
    match &entry.machine {
        Server::Invite(machine) => machine.is_pending(),
        Server::Plain(_) => false,
    }
}

/// Requests nobody needs to look at twice.
fn refusal(request: &Request) -> Option<(u16, Vec<(&'static str, String)>)> {
    let headers = &request.headers;
    let complete = headers.from().is_ok()
        && headers.to().is_ok()
        && headers.call_id().is_ok()
        && headers
            .cseq()
            .is_ok_and(|cseq| cseq.method == request.method);
    if !complete {
        return Some((400, Vec::new()));
    }
    if !is_call_method(&request.method) {
        return Some((405, vec![(name::ALLOW, ALLOW.to_owned())]));
    }
    if request.uri.known().is_none() {
        return Some((416, Vec::new()));
    }
    if request.method == Method::Cancel {
        return None;
    }
    let required: Vec<&str> = headers.values(name::REQUIRE).collect();
    if !required.is_empty() {
        return Some((420, vec![(name::UNSUPPORTED, required.join(", "))]));
    }
    let foreign_body = matches!(request.method, Method::Invite | Method::Update)
        && !request.body.is_empty()
        && headers.content_type().as_deref() != Some("application/sdp");
    foreign_body.then(|| (415, vec![(name::ACCEPT, ACCEPT.to_owned())]))
}

/// Seconds a refused caller should wait: a call or a burst has usually passed by then.
const RETRY_AFTER: u32 = 5;
