//! REFER, where we ask: the other side is to call somebody, and tells by NOTIFY how that goes.

use std::time::Instant;

use crate::message::{Method, NameAddr, Request, Response, name};

use super::compose::ALLOW;
use super::key::Key;
use super::leg::State;
use super::refusal::Refusal;
use super::transfer::{Ours, ReferRequest, TransferNews, TransferOutcome};
use super::way::Way;
use super::{CommandError, Endpoint, Event, Fate, LegId};

impl Endpoint {
    /// Asks the other side to call somebody else. How that goes is told by [`Event::Transfer`]; the
    /// call goes on meanwhile, and afterwards unless somebody hangs up.
    ///
    /// # Errors
    /// [`CommandError::State`] unless the call is up and no other transfer is under way.
    pub fn refer(
        &mut self,
        id: LegId,
        refer: &ReferRequest,
        now: Instant,
    ) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        if leg.state != State::Up || leg.transfers.is_under_way() {
            return Err(CommandError::State);
        }
        let way = leg.way();
        let dialog = leg.dialog.as_mut().ok_or(CommandError::State)?;
        let mut target = refer.target.clone();
        if let Some(replaces) = &refer.replaces {
            target.headers = Some(replaces.escaped());
        }
        let us = NameAddr::new(dialog.local().uri.clone());
        let mut request = dialog.request(Method::Refer, None);
        let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let headers = &mut request.headers;
        headers.push(name::CONTACT, Self::contact(way.flow));
        headers.push(name::REFER_TO, NameAddr::new(target).to_string());
        headers.push(name::REFERRED_BY, us.to_string());
        headers.push(name::ALLOW, ALLOW);
        for (header, value) in &refer.headers {
            headers.add_given(header, value);
        }
        let key = self.ask(id, request, way, now);
        if let Some(leg) = self.legs.get_mut(&id) {
            let until = Some(now + refer.patience);
            leg.transfers.ours = Some(Ours {
                key,
                number,
                until,
                agreed: false,
            });
        }
        self.wake(id);
        Ok(())
    }

    pub(super) fn on_refer_response(&mut self, id: LegId, key: &Key, response: &Response) {
        let is_current = |leg: &super::Leg| {
            let ours = leg.transfers.ours.as_ref();
            ours.is_some_and(|ours| ours.key == *key)
        };
        if !self.legs.get(&id).is_some_and(is_current) {
            return;
        }
        if response.status >= 300 {
            self.end_transfer(id, TransferOutcome::Rejected(response.status));
        } else if response.status >= 200 {
            // How it goes is told by NOTIFY.
            self.agree_to_transfer(id);
        }
    }

    fn agree_to_transfer(&mut self, id: LegId) {
        let leg = self.legs.get_mut(&id);
        if let Some(ours) = leg.and_then(|leg| leg.transfers.ours.as_mut()) {
            ours.agreed = true;
        }
    }

    pub(super) fn end_transfer(&mut self, id: LegId, outcome: TransferOutcome) {
        let leg = self.legs.get_mut(&id);
        let ours = leg.and_then(|leg| leg.transfers.ours.as_mut());
        if ours.is_some_and(|ours| ours.until.take().is_some()) {
            let news = TransferNews::Over(outcome);
            self.events.push_back(Event::Transfer { leg: id, news });
        }
    }

    /// NOTIFY about a REFER of ours.
    pub(super) fn on_notify(
        &mut self,
        id: LegId,
        key: &Key,
        way: Way,
        request: &Request,
        now: Instant,
    ) -> Fate {
        let event = request.headers.get(name::EVENT).unwrap_or_default();
        let mut words = event.split(';').map(str::trim);
        let package = words.next().unwrap_or_default();
        if !package.eq_ignore_ascii_case(REFER) {
            let bad = Refusal::new(489, "event").with("Allow-Events", REFER);
            return self.refuse(way, request, bad);
        }
        let subscription = words.find_map(identifier);
        let leg = self.legs.get(&id);
        let ours = leg.and_then(|leg| leg.transfers.ours.as_ref());
        if ours.is_none_or(|ours| !ours.is_told_by(subscription)) {
            return self.refuse(way, request, Refusal::new(481, "no_subscription"));
        }
        let bytes = self.answer_plain(id, key, way, request, now);
        self.keep_answered(id, key, bytes);
        self.agree_to_transfer(id);
        let state = request.headers.get(name::SUBSCRIPTION_STATE);
        let is_last = state.is_some_and(|state| {
            let word = state.split(';').next().unwrap_or_default().trim();
            word.eq_ignore_ascii_case("terminated")
        });
        match fragment(&request.body) {
            Some(status) if status >= 300 => {
                self.end_transfer(id, TransferOutcome::Rejected(status));
            }
            Some(200..) => self.end_transfer(id, TransferOutcome::Completed),
            _ if is_last => self.end_transfer(id, TransferOutcome::Untold),
            Some(status)
                if self
                    .legs
                    .get(&id)
                    .is_some_and(|leg| leg.transfers.is_under_way()) =>
            {
                let news = TransferNews::Progress(status);
                self.events.push_back(Event::Transfer { leg: id, news });
            }
            Some(_) | None => {}
        }
        Fate::Taken
    }
}

/// The value of `id=`.
fn identifier(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    let is_it = name.trim().eq_ignore_ascii_case("id");
    is_it.then(|| value.trim())
}

/// The status in a body of `message/sipfrag`.
fn fragment(body: &[u8]) -> Option<u16> {
    let line = body.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let version = words.next()?;
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return None;
    }
    let status = words.next()?.parse().ok()?;
    (100..700).contains(&status).then_some(status)
}

/// The event package.
pub(super) const REFER: &str = "refer";
