//! REFER, where we are asked: the owner of the call says yes or no, and how it goes.

use std::time::Instant;

use bytes::Bytes;

use crate::dialog::Replaces;
use crate::message::{Method, NameAddr, Request, name, reason_phrase};
use crate::transaction::PlainServer;
use crate::uri::Uri;

use super::key::Key;
use super::leg::State;
use super::refer::REFER;
use super::refusal::{Pending, Refusal};
use super::table::Server;
use super::transfer::{Referral, Theirs};
use super::way::Way;
use super::{CommandError, Endpoint, Event, Fate, LegId, Rejection};

impl Endpoint {
    pub(super) fn on_refer(&mut self, id: LegId, key: &Key, way: Way, request: &Request) -> Fate {
        let Some(leg) = self.legs.get_mut(&id) else {
            return self.refuse(way, request, Refusal::new(481, "no_call"));
        };
        if leg.state != State::Up {
            return self.refuse(way, request, Refusal::new(403, "not_up"));
        }
        if leg.transfers.theirs.is_some() {
            let later = Refusal::overlap(Pending::Theirs, self.soon());
            return self.refuse(way, request, later);
        }
        let referral = match referral(request) {
            Ok(referral) => referral,
            Err(reason) => {
                return self.refuse(way, request, Refusal::malformed(reason.to_owned()));
            }
        };
        leg.transfers.theirs = Some(Theirs {
            pending: Some(key.clone()),
            number: request.headers.cseq().map_or(0, |cseq| cseq.number),
        });
        let reliable = way.flow.transport.is_stream();
        let machine = Server::Plain(PlainServer::new(self.config.timers, reliable));
        self.table.serve(key, machine, way, id, request);
        self.events.push_back(Event::Refer {
            leg: id,
            referral: Box::new(referral),
        });
        Fate::Taken
    }

    /// Agrees to call somebody else: 202, and a first NOTIFY.
    ///
    /// # Errors
    /// [`CommandError::State`] when nobody asked.
    pub fn accept_refer(&mut self, id: LegId, now: Instant) -> Result<(), CommandError> {
        let (key, contact) = self.asked_refer(id)?;
        self.respond(&key, 202, now, |response| {
            response.headers.push(name::CONTACT, contact);
        });
        self.notify(id, 100, now)
    }

    /// Does not: the call goes on.
    ///
    /// # Errors
    /// [`CommandError::State`] when nobody asked.
    pub fn refuse_refer(
        &mut self,
        id: LegId,
        rejection: &Rejection,
        now: Instant,
    ) -> Result<(), CommandError> {
        let (key, _) = self.asked_refer(id)?;
        self.respond(&key, rejection.status, now, |response| {
            rejection.write(response);
        });
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.transfers.theirs = None;
        }
        Ok(())
    }

    /// Tells how it goes with what was agreed to: what is heard of the new call. A final status is
    /// the last.
    ///
    /// # Errors
    /// [`CommandError::State`] when nothing was agreed to.
    pub fn notify(&mut self, id: LegId, status: u16, now: Instant) -> Result<(), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let theirs = leg.transfers.theirs.as_ref();
        let theirs = theirs.filter(|theirs| theirs.pending.is_none());
        let number = theirs.ok_or(CommandError::State)?.number;
        if leg.state != State::Up {
            return Err(CommandError::State);
        }
        let way = leg.way();
        let dialog = leg.dialog.as_mut().ok_or(CommandError::State)?;
        let is_last = status >= 200;
        let state = if is_last {
            "terminated;reason=noresource"
        } else {
            "active;expires=300"
        };
        let mut request = dialog.request(Method::Notify, None);
        let headers = &mut request.headers;
        headers.push(name::CONTACT, Self::contact(way.flow));
        headers.push(name::EVENT, format!("{REFER};id={number}"));
        headers.push(name::SUBSCRIPTION_STATE, state);
        headers.push(name::CONTENT_TYPE, "message/sipfrag;version=2.0");
        let line = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status));
        request.body = Bytes::from(line);
        if is_last {
            leg.transfers.theirs = None;
        }
        self.ask(id, request, way, now);
        Ok(())
    }

    /// The REFER that waits for an answer, which it gets now, and our Contact.
    fn asked_refer(&mut self, id: LegId) -> Result<(Key, String), CommandError> {
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let theirs = leg.transfers.theirs.as_mut();
        let key = theirs.and_then(|theirs| theirs.pending.take());
        let key = key.ok_or(CommandError::State)?;
        Ok((key, Self::contact(leg.flow)))
    }
}

/// What a REFER asks for.
fn referral(request: &Request) -> Result<Referral, &'static str> {
    let mut targets = request.headers.values(name::REFER_TO);
    let (first, second) = (targets.next(), targets.next());
    let first = first.ok_or("Refer-To is missing")?;
    if second.is_some() {
        return Err("Refer-To is there twice");
    }
    let mut target = NameAddr::parse(first).ok_or("Refer-To is malformed")?;
    let replaces = match target.uri.headers.take() {
        Some(headers) => replaced(&target.uri, &headers)?,
        None => None,
    };
    let by = request.headers.get(name::REFERRED_BY);
    Ok(Referral {
        target,
        replaces,
        by: by.and_then(NameAddr::parse),
    })
}

/// The call that the headers of a URI name.
fn replaced(uri: &Uri, headers: &str) -> Result<Option<Replaces>, &'static str> {
    let named = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default();
        name.eq_ignore_ascii_case(name::REPLACES)
    };
    let Some(part) = headers.split('&').find(named).filter(|_| uri.is_sip()) else {
        return Ok(None);
    };
    let value = part.split_once('=').map_or("", |(_, value)| value);
    let value = crate::uri::unescape(value);
    let replaces = Replaces::parse(&value).ok_or("Replaces is malformed")?;
    Ok(Some(replaces))
}
