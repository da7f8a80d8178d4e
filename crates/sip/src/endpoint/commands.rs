//! What the owner of a call may ask of it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::message::{Method, Request, name};
use crate::transaction::{InviteClient, PlainClient};

use super::compose::{ALLOW, SUPPORTED, set_sdp};
use super::key::Key;
use super::leg::{Leg, State};
use super::ringing::Answer;
use super::table::{Client, ClientEntry, client_key};
use super::transfer::TransferNews;
use super::way::Way;
use super::{CommandError, EndCause, Endpoint, Event, LegId, Rejection};

impl Endpoint {
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
        if leg.provisional.waits() {
            let headers = extra.to_vec();
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.provisional.keep_answer(Answer { sdp, headers });
            }
            return Ok(());
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
            rejection.write(response);
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
            rejection.write(response);
        });
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
                self.hush(id);
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

    /// An INVITE that nobody has answered at all is repeated no more: whoever hears of it only now
    /// would ring for nobody.
    fn hush(&mut self, id: LegId) {
        let asking = self.legs.get(&id).and_then(|leg| leg.asking.as_ref());
        let entry = asking.and_then(|key| self.table.clients.get_mut(key));
        if let Some(entry) = entry
            && let Client::Invite(machine) = &mut entry.machine
        {
            machine.hush();
        }
    }

    /// CANCEL may only follow a provisional answer (RFC 3261 9.1).
    pub(super) fn cancel_if_possible(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let Some(key) = leg.asking.clone() else {
            return;
        };
        // They stay for the BYE that an answer on its way may make of it.
        let is_reason = |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name::REASON);
        let reason = leg.bye_headers.iter().find(is_reason);
        let reason = reason.map(|(_, value)| value.clone());
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
        if let Some(reason) = reason {
            cancel.headers.push(name::REASON, reason);
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
        let mut bye = dialog.request(Method::Bye, None);
        for (header, value) in std::mem::take(&mut leg.bye_headers) {
            bye.headers.add_given(&header, &value);
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
            challenged: 0,
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
        let timers = self.config.session;
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let key = leg.pending.clone().ok_or(CommandError::State)?;
        let contact = Self::contact(leg.flow);
        let session = leg.session.answer(&timers, now);
        let offers = std::mem::take(&mut leg.is_offerless);
        leg.sdp = sdp.clone();
        let sent = self.respond(&key, 200, now, |response| {
            response.headers.push(name::CONTACT, contact);
            response.headers.push(name::ALLOW, ALLOW);
            response.headers.push(name::SUPPORTED, SUPPORTED);
            for (header, value) in session {
                response.headers.push(header, value);
            }
            for (header, value) in extra {
                response.headers.add_given(header, value);
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
                let timers = self.config.timers;
                leg.wait_for_ack((cseq.number, offers), (way, bytes), timers, now);
            }
        }
        self.wake(id);
        Ok(())
    }

    pub(super) fn add_leg(&mut self, leg: Leg) -> LegId {
        let id = LegId(self.next_leg);
        self.next_leg += 1;
        self.legs.insert(id, leg);
        id
    }

    pub(super) fn end(&mut self, id: LegId, cause: EndCause) {
        self.forget_early(id);
        if let Some(leg) = self.legs.remove(&id) {
            if let Some(key) = leg.key() {
                self.dialogs.remove(&key);
                if matches!(leg.state, State::Up | State::Leaving) {
                    self.departed.note(key);
                }
            }
            self.table.forget_unanswered(leg.pending.as_ref());
            let referred = leg.transfers.theirs.as_ref();
            let referred = referred.and_then(|theirs| theirs.pending.as_ref());
            self.table.forget_unanswered(referred);
            if leg.transfers.is_under_way() {
                let they_hung_up = matches!(cause, EndCause::RemoteBye { .. });
                let news = TransferNews::Over(leg.transfers.outlived(they_hung_up));
                self.events.push_back(Event::Transfer { leg: id, news });
            }
            self.forget_answered(leg.answered);
            self.events.push_back(Event::Ended { leg: id, cause });
        }
    }
}
