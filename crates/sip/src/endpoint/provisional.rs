//! Provisional answers that must arrive (RFC 3262), where we are called: each is repeated until its
//! PRACK comes, and what follows waits for that.

use std::time::Instant;

use bytes::Bytes;

use crate::message::{Headers, Method, Request, name};

use super::compose::set_sdp;
use super::key::Key;
use super::refusal::Refusal;
use super::ringing::{Answer, RELIABLE};
use super::way::Way;
use super::{CommandError, Endpoint, Fate, LegId, Rejection};

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
        let first = self.first_number();
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let key = leg.unanswered().ok_or(CommandError::State)?;
        let contact = Self::contact(leg.flow);
        let provisional = &mut leg.provisional;
        let reliable = provisional.is_reliable(sdp.is_some());
        if reliable && provisional.is_offerless && sdp.is_none() {
            // It would have to make an offer, and need not be said.
            return Ok(());
        }
        if reliable && provisional.waits() {
            provisional.next = Some((status, sdp));
            return Ok(());
        }
        if reliable {
            provisional.number = match provisional.number {
                0 => first,
                number => number + 1,
            };
        }
        let number = provisional.number;
        let sent = self.respond(&key, status, now, |response| {
            response.headers.push(name::CONTACT, contact);
            if reliable {
                response.headers.push(name::REQUIRE, RELIABLE);
                response.headers.push(name::RSEQ, number.to_string());
            }
            set_sdp(&mut response.headers, &mut response.body, sdp);
        });
        let sent = sent.ok_or(CommandError::State)?;
        let timers = self.config.timers;
        if let Some(leg) = self.legs.get_mut(&id).filter(|_| reliable) {
            leg.provisional.wait(sent, timers, now);
        }
        self.wake(id);
        Ok(())
    }

    /// Below 2^31, with room to count.
    fn first_number(&mut self) -> u32 {
        (rand::RngCore::next_u32(&mut self.rng) >> 2) | 1
    }

    /// PRACK: what waited for it goes out.
    pub(super) fn on_prack(
        &mut self,
        id: LegId,
        key: &Key,
        way: Way,
        request: &Request,
        now: Instant,
    ) -> Fate {
        let named = rack(&request.headers);
        let Some(leg) = self.legs.get_mut(&id) else {
            return self.refuse(way, request, Refusal::new(481, "no_call"));
        };
        let waits = leg.provisional.unconfirmed.as_ref().map(|wait| wait.number);
        let invite = leg.unanswered();
        let is_it = named.is_some_and(|(number, _)| Some(number) == waits)
            && named.map(|(_, cseq)| cseq) == invite.and_then(|key| self.table.cseq_of(&key));
        if !is_it {
            return self.refuse(way, request, Refusal::new(481, "no_prack"));
        }
        if !request.body.is_empty() {
            // An offer, and theirs in the INVITE is not answered yet.
            return self.refuse(way, request, Refusal::new(488, "body"));
        }
        let bytes = self.answer_plain(id, key, way, request, now);
        self.keep_answered(id, key, bytes);
        let Some(leg) = self.legs.get_mut(&id) else {
            return Fate::Taken;
        };
        leg.provisional.unconfirmed = None;
        let (answer, next) = (leg.provisional.answer.take(), leg.provisional.next.take());
        // Either was possible when it was asked for.
        let _late = match (answer, next) {
            (Some(Answer { sdp, headers }), _) => self.accept(id, sdp, &headers, now),
            (None, Some((status, sdp))) => self.ring(id, status, sdp, now),
            (None, None) => Ok(()),
        };
        Fate::Taken
    }

    /// Nobody confirmed it: the caller is gone, or can not what he requires.
    pub(super) fn on_no_prack(&mut self, id: LegId, now: Instant) {
        let _over = self.reject(id, &Rejection::status(504), now);
    }
}

/// Which provisional answer to which INVITE a PRACK confirms.
fn rack(headers: &Headers) -> Option<(u32, u32)> {
    let mut words = headers.get(name::RACK)?.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let cseq = words.next()?.parse().ok()?;
    let is_invite = words.next()? == Method::Invite.as_str();
    is_invite.then_some((number, cseq))
}
