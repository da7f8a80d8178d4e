//! What the owner of a call may ask of it, and the clock.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::message::{Method, Request, name};
use crate::transaction::{InviteClient, PlainClient};

use super::compose::ALLOW;
use super::key::Key;
use super::leg::{Leg, LegStep, State};
use super::table::{Client, ClientEntry, Timer, client_key};
use super::way::Way;
use super::{CommandError, EndCause, Endpoint, Event, LegId, Rejection};

impl Endpoint {
    /// Sends a provisional answer: 180, or 183 with a description.
    ///
    /// # Errors
    /// [`CommandError`] when the call is over or answered.
    pub fn ring(
        &mut self,
        id: LegId,
        status: u16,
        sdp: Option<Bytes>,
        now: Instant,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get(&id).ok_or(CommandError::Gone)?;
        let key = leg.pending.clone().filter(|_| leg.state == State::Incoming);
        let key = key.ok_or(CommandError::State)?;
        let contact = Self::contact(leg.flow);
        let sent = self.respond(&key, status, now, |response| {
            response.headers.push(name::CONTACT, contact);
            set_sdp(&mut response.headers, &mut response.body, sdp);
        });
        sent.map(|_| ()).ok_or(CommandError::State)
    }

    /// Answers the call.
    ///
    /// # Errors
    /// [`CommandError`] when the call is over or answered.
    pub fn accept(
        &mut self,
        id: LegId,
        sdp: Bytes,
        extra: &[(String, String)],
        now: Instant,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get(&id).ok_or(CommandError::Gone)?;
        if leg.state != State::Incoming {
            return Err(CommandError::State);
        }
        self.send_ok(id, sdp, extra, now)?;
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.state = State::Up;
        }
        Ok(())
    }

    /// Refuses the call, which is over then.
    ///
    /// # Errors
    /// [`CommandError`] when the call is over or answered.
    pub fn reject(
        &mut self,
        id: LegId,
        rejection: &Rejection,
        now: Instant,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        if leg.state != State::Incoming {
            return Err(CommandError::State);
        }
        let key = leg.pending.take().ok_or(CommandError::State)?;
        self.respond(&key, rejection.status, now, |response| {
            if let Some(reason) = rejection.reason {
                reason.clone_into(&mut response.reason);
            }
            for (header, value) in &rejection.headers {
                response.headers.push(header, value.as_str());
            }
        });
        self.end(id, EndCause::Rejected(rejection.status));
        Ok(())
    }

    /// Answers a re-INVITE or UPDATE.
    ///
    /// # Errors
    /// [`CommandError`] when there is none.
    pub fn answer_change(
        &mut self,
        id: LegId,
        sdp: Bytes,
        now: Instant,
    ) -> Result<(), CommandError> {
        self.legs.get(&id).ok_or(CommandError::Gone)?;
        self.send_ok(id, sdp, &[], now)
    }

    /// Refuses a re-INVITE or UPDATE; the session goes on as it was.
    ///
    /// # Errors
    /// [`CommandError`] when there is none.
    pub fn refuse_change(
        &mut self,
        id: LegId,
        rejection: &Rejection,
        now: Instant,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let key = leg.pending.take().ok_or(CommandError::State)?;
        self.respond(&key, rejection.status, now, |response| {
            if let Some(reason) = rejection.reason {
                reason.clone_into(&mut response.reason);
            }
            for (header, value) in &rejection.headers {
                response.headers.push(header, value.as_str());
            }
        });
        Ok(())
    }

    /// Proposes a change of the session.
    ///
    /// # Errors
    /// [`CommandError::State`] while another change is under way.
    pub fn change(&mut self, id: LegId, sdp: Bytes, now: Instant) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let busy = leg.pending.is_some() || leg.asking.is_some() || leg.unconfirmed.is_some();
        if leg.state != State::Up || busy {
            return Err(CommandError::State);
        }
        let way = leg.way();
        let dialog = leg.dialog.as_mut().ok_or(CommandError::State)?;
        let mut request = dialog.request(Method::Invite, None);
        request.headers.push(name::CONTACT, Self::contact(way.flow));
        request.headers.push(name::ALLOW, ALLOW);
        set_sdp(&mut request.headers, &mut request.body, Some(sdp));
        let key = self.ask(id, request, way, now);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.asking = Some(key);
            leg.challenged = 0;
        }
        Ok(())
    }

    /// Ends the call in whatever state it is: CANCEL, BYE, or 480 to a caller who still waits.
    ///
    /// # Errors
    /// [`CommandError::Gone`] when it is over already.
    pub fn hangup(
        &mut self,
        id: LegId,
        headers: Vec<(String, String)>,
        now: Instant,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        leg.bye_headers = headers;
        match leg.state {
            State::Incoming => self.reject(id, &Rejection::status(480), now),
            State::Calling => {
                leg.state = State::Cancelling;
                self.cancel_if_possible(id, now);
                Ok(())
            }
            State::Up if leg.unconfirmed.is_some() => {
                leg.bye_after_ack = true;
                Ok(())
            }
            State::Up => {
                self.send_bye(id, now);
                Ok(())
            }
            State::Cancelling | State::Leaving => Ok(()),
        }
    }

    /// CANCEL may only follow a provisional answer (RFC 3261 9.1).
    pub(super) fn cancel_if_possible(&mut self, id: LegId, now: Instant) {
        let Some(key) = self.legs.get(&id).and_then(|leg| leg.asking.clone()) else {
            return;
        };
        let limit = self.config.timers.limit();
        let Some(entry) = self.table.clients.get_mut(&key) else {
            return;
        };
        let Client::Invite(machine) = &mut entry.machine else {
            return;
        };
        if !machine.has_progress() {
            return;
        }
        machine.give_up_at(now + limit);
        let (way, invite) = (entry.way, entry.request.clone());
        self.table.schedule_client(&key);
        let Ok(via) = invite.headers.via() else {
            return;
        };
        let mut cancel = Request {
            method: Method::Cancel,
            uri: invite.uri.clone(),
            headers: crate::message::Headers::new(),
            body: Bytes::new(),
        };
        cancel.headers.push(name::MAX_FORWARDS, "70");
        for header in [name::FROM, name::TO, name::CALL_ID] {
            cancel
                .headers
                .push(header, invite.headers.get(header).unwrap_or_default());
        }
        let number = invite.headers.cseq().map_or(1, |cseq| cseq.number);
        cancel.headers.push(name::CSEQ, format!("{number} CANCEL"));
        for route in invite.headers.lines(name::ROUTE) {
            cancel.headers.push(name::ROUTE, route);
        }
        self.dress_with(&mut cancel, way.flow, via.branch());
        self.start_client(id, cancel, way, via.branch(), now);
    }

    pub(super) fn send_bye(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let way = leg.way();
        let Some(dialog) = leg.dialog.as_mut() else {
            return;
        };
        leg.state = State::Leaving;
        leg.challenged = 0;
        let mut bye = dialog.request(Method::Bye, None);
        for (header, value) in std::mem::take(&mut leg.bye_headers) {
            bye.headers.push(&header, value);
        }
        if let Some(pending) = leg.pending.take() {
            self.respond(&pending, 487, now, |_| {});
        }
        self.ask(id, bye, way, now);
    }

    /// Sends a request of ours and follows it.
    pub(super) fn ask(&mut self, id: LegId, mut request: Request, way: Way, now: Instant) -> Key {
        let branch = self.dress(&mut request, way.flow);
        self.start_client(id, request, way, &branch, now)
    }

    fn start_client(
        &mut self,
        leg: LegId,
        request: Request,
        way: Way,
        branch: &str,
        now: Instant,
    ) -> Key {
        let bytes = request.to_bytes();
        let (timers, reliable) = (self.config.timers, way.flow.transport.is_stream());
        let machine = if request.method == Method::Invite {
            Client::Invite(InviteClient::new(bytes.clone(), timers, reliable, now))
        } else {
            Client::Plain(PlainClient::new(bytes.clone(), timers, reliable, now))
        };
        let cseq = crate::message::CSeq {
            number: 0,
            method: request.method.clone(),
        };
        let key = client_key(branch, &cseq);
        let entry = ClientEntry {
            machine,
            way,
            leg,
            request: Arc::new(request),
        };
        self.table.clients.insert(key.clone(), entry);
        self.table.schedule_client(&key);
        self.send(way, bytes);
        key
    }

    fn send_ok(
        &mut self,
        id: LegId,
        sdp: Bytes,
        extra: &[(String, String)],
        now: Instant,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let key = leg.pending.clone().ok_or(CommandError::State)?;
        let contact = Self::contact(leg.flow);
        let sent = self.respond(&key, 200, now, |response| {
            response.headers.push(name::CONTACT, contact);
            response.headers.push(name::ALLOW, ALLOW);
            for (header, value) in extra {
                response.headers.push(header, value.as_str());
            }
            set_sdp(&mut response.headers, &mut response.body, Some(sdp));
        });
        let (way, bytes) = sent.ok_or(CommandError::State)?;
        let entry = self.table.servers.get(&key);
        let cseq = entry.and_then(|e| e.request.headers.cseq().ok());
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.pending = None;
            // Only an INVITE's 200 is confirmed.
            if let Some(cseq) = cseq.filter(|cseq| cseq.method == Method::Invite) {
                leg.wait_for_ack(cseq.number, bytes, way, self.config.timers, now);
                self.table.schedule(Timer::Leg(id), leg.deadline());
            }
        }
        Ok(())
    }

    pub(super) fn add_leg(&mut self, leg: Leg) -> LegId {
        let id = LegId(self.next_leg);
        self.next_leg += 1;
        self.legs.insert(id, leg);
        id
    }

    pub(super) fn end(&mut self, id: LegId, cause: EndCause) {
        if let Some(leg) = self.legs.remove(&id) {
            if let Some(key) = leg.key() {
                self.dialogs.remove(&key);
            }
            self.table.forget_unanswered(leg.pending.as_ref());
            self.forget_answered(leg.answered);
            self.events.push_back(Event::Ended { leg: id, cause });
        }
    }

    pub(super) fn run_transactions(&mut self, now: Instant) {
        while let Some(timer) = self.table.due(now, false) {
            match timer {
                Timer::Server(key) => self.run_server(&key, now),
                Timer::Client(key) => self.run_client(&key, now),
                Timer::Leg(_) => {}
            }
        }
    }

    pub(super) fn run_legs(&mut self, now: Instant) {
        while let Some(Timer::Leg(id)) = self.table.due(now, true) {
            let Some(leg) = self.legs.get_mut(&id) else {
                continue;
            };
            match leg.handle_timeout(now) {
                LegStep::Nothing => {}
                LegStep::Repeat(way, bytes) => self.send(way, bytes),
                LegStep::NoAck => {
                    self.send_bye(id, now);
                    self.end(id, EndCause::NoAck);
                    continue;
                }
            }
            let at = self.legs.get(&id).and_then(Leg::deadline);
            self.table.schedule(Timer::Leg(id), at);
        }
    }

    fn run_server(&mut self, key: &Key, now: Instant) {
        let Some(entry) = self.table.servers.get_mut(key) else {
            return;
        };
        let way = entry.way;
        let step = entry.handle_timeout(now);
        if let Some(bytes) = step.send {
            self.send(way, bytes);
        }
        if step.done {
            self.table.servers.remove(key);
        } else {
            self.table.schedule_server(key);
        }
    }

    fn run_client(&mut self, key: &Key, now: Instant) {
        let Some(entry) = self.table.clients.get_mut(key) else {
            return;
        };
        let (way, leg) = (entry.way, entry.leg);
        let method = entry.request.method.clone();
        let step = entry.handle_timeout(now);
        if let Some(bytes) = step.send {
            self.send(way, bytes);
        }
        if !step.done {
            self.table.schedule_client(key);
            return;
        }
        self.table.clients.remove(key);
        if step.failed {
            self.on_unanswered(leg, &method, now);
        }
    }
}

pub(super) fn set_sdp(headers: &mut crate::message::Headers, body: &mut Bytes, sdp: Option<Bytes>) {
    if let Some(sdp) = sdp.filter(|sdp| !sdp.is_empty()) {
        headers.push(name::CONTENT_TYPE, "application/sdp");
        *body = sdp;
    }
}
