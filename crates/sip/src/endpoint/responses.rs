//! Responses to requests of ours.

use std::time::Instant;

use crate::dialog::Dialog;
use crate::message::{Headers, Method, Request, Response, name};
use crate::transaction::OnResponse;

use super::early::{ahead, copy_credentials};
use super::key::Key;
use super::leg::{Asked, SentAck, State};
use super::redirect::contacts;
use super::seat::takes_replaces;
use super::table::{Client, client_key};
use super::transfer::TransferOutcome;
use super::way::Way;
use super::wish::Wish;
use super::{EndCause, Endpoint, Event, Fate, LegId};

impl Endpoint {
    pub(super) fn on_response(&mut self, response: &Response, now: Instant) -> Fate {
        let (Ok(via), Ok(cseq)) = (response.headers.via(), response.headers.cseq()) else {
            return Fate::Dropped("damaged_response");
        };
        let key = client_key(via.branch(), &cseq);
        let Some(entry) = self.table.clients.get_mut(&key) else {
            return Fate::Dropped("stray_response");
        };
        let (way, leg, request) = (entry.way, entry.leg, entry.request.clone());
        let (verdict, ack) = match &mut entry.machine {
            Client::Invite(machine) => (machine.on_response(response.status, now), machine.ack()),
            Client::Plain(machine) => (machine.on_response(response.status, now), None),
        };
        self.table.schedule_client(&key);
        match verdict {
            OnResponse::Ignore => {}
            OnResponse::AckAgain => {
                if let Some(ack) = ack {
                    self.send(way, ack);
                }
            }
            OnResponse::Deliver if request.method == Method::Invite => {
                self.on_invite_response(&key, (way, leg), &request, response, now);
            }
            OnResponse::Deliver if self.outside.contains(&leg) => {
                self.on_outside_response(leg, response);
            }
            OnResponse::Deliver => {
                self.on_plain_response((&key, way, leg), &request, response, now);
            }
        }
        Fate::Taken
    }

    fn on_invite_response(
        &mut self,
        key: &Key,
        (way, id): (Way, LegId),
        request: &Asked,
        response: &Response,
        now: Instant,
    ) {
        let status = response.status;
        match status {
            100..=199 => {
                if self
                    .legs
                    .get(&id)
                    .is_some_and(|leg| leg.state == State::Cancelling)
                {
                    self.cancel_if_possible(id, now);
                } else if status > 100 {
                    self.on_provisional((way, id), request, response, now);
                } else {
                    self.on_trying(id);
                }
            }
            200..=299 => self.on_answer(key, (way, id), request, response, now),
            _ => {
                let ack = ack_of_refusal(request, response).to_bytes();
                if let Some(entry) = self.table.clients.get_mut(key)
                    && let Client::Invite(machine) = &mut entry.machine
                {
                    machine.set_ack(ack.clone());
                }
                self.send(way, ack);
                self.on_refusal((key, way, id), request, response, now);
            }
        }
    }

    fn on_answer(
        &mut self,
        key: &Key,
        (way, id): (Way, LegId),
        request: &Asked,
        response: &Response,
        now: Instant,
    ) {
        let tag = response
            .headers
            .to()
            .ok()
            .and_then(|to| to.tag().map(str::to_owned));
        let tag = tag.unwrap_or_default();
        let Some(leg) = self.legs.get_mut(&id) else {
            // The call is over on our side; a late or second answer must not ring on.
            self.dismiss(way, request, response, now);
            return;
        };
        if leg.asking.as_ref() != Some(key) {
            // This INVITE has its answer: the same again, or another branch of a fork.
            let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
            let known = |ack: &&SentAck| ack.cseq == number && ack.remote_tag == tag;
            match leg.acks.iter().find(known) {
                Some(ack) => {
                    let (way, bytes) = (ack.way, ack.bytes.clone());
                    self.send(way, bytes);
                }
                // An ACK from long ago is gone, and the call is still the same one.
                None if leg.key().is_some_and(|key| key.remote_tag == tag) => {}
                None => self.dismiss(way, request, response, now),
            }
            return;
        }
        leg.asking = None;
        let timers = self.config.session;
        leg.session.agreed(&response.headers, &timers, now);
        let early = self.forget_early(id);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let first = leg.dialog.is_none();
        if first {
            let Ok(mut dialog) = Dialog::calling(request, response, way.flow.remote) else {
                self.end(id, EndCause::Refused(response.status));
                return;
            };
            if let Some(early) = early.iter().find(|early| early.tag == tag) {
                dialog.count_from(early.dialog.local_seq());
            }
            self.dialogs.insert(dialog.key().clone(), id);
            leg.dialog = Some(dialog);
            leg.takes_replaces = takes_replaces(&response.headers);
        } else if let Some(dialog) = &mut leg.dialog {
            dialog.refresh_target(&response.headers);
        }
        self.confirm(id, tag, request);
        self.wake(id);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if let Some(Wish::Change(sdp)) = leg.wish.take().map(|asking| asking.wish) {
            leg.sdp = sdp;
        }
        let cancelled = leg.state == State::Cancelling;
        let body = response.body.clone();
        if cancelled {
            leg.state = State::Up;
            self.send_bye(id, now);
        } else if first {
            leg.state = State::Up;
            let headers = Box::new(response.headers.clone());
            self.events.push_back(Event::Answered {
                leg: id,
                headers,
                body,
            });
        } else {
            self.events.push_back(Event::Changed {
                leg: id,
                result: Ok(body),
            });
        }
    }

    /// Sends the ACK of a 2xx and keeps it.
    fn confirm(&mut self, id: LegId, remote_tag: String, request: &Asked) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let way = leg.way();
        let Some(dialog) = &mut leg.dialog else {
            return;
        };
        let cseq = request.headers.cseq().map_or(1, |cseq| cseq.number);
        let mut ack = dialog.request(Method::Ack, Some(cseq));
        copy_credentials(request, &mut ack);
        self.dress(&mut ack, way.flow);
        let bytes = ack.to_bytes();
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.keep_ack(SentAck {
                cseq,
                remote_tag,
                bytes: bytes.clone(),
                way,
            });
        }
        self.send(way, bytes);
    }

    /// ACK and BYE for an answer nobody wants: a fork's second one, or one that crossed with our
    /// giving up.
    fn dismiss(&mut self, way: Way, request: &Asked, response: &Response, now: Instant) {
        let Ok(mut dialog) = Dialog::calling(request, response, way.flow.remote) else {
            return;
        };
        if self.table.len() >= self.config.limits.transactions {
            return;
        }
        let number = request.headers.cseq().map_or(1, |cseq| cseq.number);
        let way = ahead(&dialog, way);
        let mut ack = dialog.request(Method::Ack, Some(number));
        copy_credentials(request, &mut ack);
        self.dress(&mut ack, way.flow);
        self.send(way, ack.to_bytes());
        let bye = dialog.request(Method::Bye, None);
        self.ask(NOBODY, bye, way, now);
    }

    fn on_refusal(
        &mut self,
        (key, way, id): (&Key, Way, LegId),
        request: &Asked,
        response: &Response,
        now: Instant,
    ) {
        self.forget_early(id);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let cancelled = leg.state == State::Cancelling;
        if !cancelled && let Some(again) = self.ask_better((key, way, id), request, response, now) {
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.asking = Some(again);
            }
            return;
        }
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.asking = None;
        if leg.state == State::Up {
            self.on_change_refused(id, response, now);
            return;
        }
        if cancelled {
            self.end(id, EndCause::Local);
            return;
        }
        let status = response.status;
        if status < 400 {
            let contacts = contacts(&response.headers);
            self.events.push_back(Event::Redirected {
                leg: id,
                status,
                contacts,
            });
        }
        self.events.push_back(Event::Declined {
            leg: id,
            status: response.status,
            reason: response.reason.clone(),
            headers: Box::new(response.headers.clone()),
        });
        self.end(id, EndCause::Refused(response.status));
    }

    /// An answer to anything but INVITE.
    fn on_plain_response(
        &mut self,
        (key, way, id): (&Key, Way, LegId),
        request: &Asked,
        response: &Response,
        now: Instant,
    ) {
        if response.status < 200 || request.method == Method::Cancel {
            return;
        }
        if let Some(again) = self.ask_better((key, way, id), request, response, now) {
            let entry = self.table.clients.get(&again);
            let number = entry.and_then(|entry| entry.request.headers.cseq().ok());
            let number = number.map(|cseq| cseq.number);
            if let Some(leg) = self.legs.get_mut(&id) {
                if let Some(asking) = leg.session.asking.as_mut().filter(|asking| *asking == key) {
                    *asking = again.clone();
                }
                if let Some(ours) = leg.transfers.ours.as_mut().filter(|ours| ours.key == *key) {
                    ours.number = number.unwrap_or(ours.number);
                    ours.key = again;
                }
            }
            return;
        }
        match request.method {
            Method::Bye => self.end(id, EndCause::Local),
            Method::Update => self.on_update_response(id, key, response, now),
            Method::Refer => self.on_refer_response(id, key, response),
            Method::Notify if response.status == 481 => {
                // They do not want to know any more.
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.transfers.theirs = None;
                }
            }
            _ => {}
        }
    }

    /// Nobody answered a request of ours at all.
    pub(super) fn on_unanswered(&mut self, id: LegId, method: &Method, now: Instant) {
        if self.on_outside_unanswered(id) {
            return;
        }
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        match (method, leg.state) {
            (Method::Invite, State::Up) => {
                leg.asking = None;
                let wish = leg.wish.take().map(|asking| asking.wish);
                if wish == Some(Wish::Refresh) {
                    self.give_up(id, EndCause::Timeout, now);
                    return;
                }
                self.events.push_back(Event::Changed {
                    leg: id,
                    result: Err(408),
                });
                self.send_bye(id, now);
            }
            (Method::Invite, State::Cancelling) => self.end(id, EndCause::Local),
            (Method::Invite | Method::Bye, _) => self.end(id, EndCause::Timeout),
            // It was to say that the call lives.
            (Method::Update, State::Up) => self.give_up(id, EndCause::Timeout, now),
            (Method::Refer, _) => self.end_transfer(id, TransferOutcome::TimedOut),
            _ => {}
        }
    }
}

/// The ACK of a refusal is part of the INVITE's transaction: same branch, To of the response.
fn ack_of_refusal(invite: &Asked, response: &Response) -> Request {
    let mut headers = Headers::new();
    headers.push(
        name::VIA,
        invite.headers.values(name::VIA).next().unwrap_or_default(),
    );
    headers.push(name::MAX_FORWARDS, "70");
    headers.push(
        name::FROM,
        invite.headers.get(name::FROM).unwrap_or_default(),
    );
    headers.push(name::TO, response.headers.get(name::TO).unwrap_or_default());
    headers.push(
        name::CALL_ID,
        invite.headers.get(name::CALL_ID).unwrap_or_default(),
    );
    let number = invite.headers.cseq().map_or(1, |cseq| cseq.number);
    headers.push(name::CSEQ, format!("{number} ACK"));
    for route in invite.headers.lines(name::ROUTE) {
        headers.push(name::ROUTE, route);
    }
    Request {
        method: Method::Ack,
        uri: invite.uri.clone(),
        headers,
        body: bytes::Bytes::new(),
    }
}

/// Requests that belong to no call.
const NOBODY: LegId = LegId(0);
