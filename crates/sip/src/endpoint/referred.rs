//! REFER, where we are asked: the owner of the call says yes or no, and how it goes.

use std::time::Instant;

use bytes::Bytes;

use crate::dialog::Replaces;
use crate::message::{Method, NameAddr, Request, name, reason_phrase};
use crate::transaction::PlainServer;
use crate::uri::{Scheme, Uri};

use super::key::Key;
use super::leg::State;
use super::refer::REFER;
use super::refusal::{Pending, REPLACES, Refusal};
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
            let early = Refusal::new(403, "not_up").with(name::REASON, NOT_UP);
            return self.refuse(way, request, early);
        }
        if leg.transfers.theirs.is_some() {
            let later = Refusal::overlap(Pending::Theirs, self.soon());
            return self.refuse(way, request, later);
        }
        let referral = match referral(request) {
            Ok(referral) => referral,
            Err(refusal) => return self.refuse(way, request, refusal),
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
fn referral(request: &Request) -> Result<Referral, Refusal> {
    let malformed = |reason: &str| Refusal::malformed(reason.to_owned());
    let mut targets = request.headers.values(name::REFER_TO);
    let (first, second) = (targets.next(), targets.next());
    let first = first.ok_or_else(|| malformed("Refer-To is missing"))?;
    if second.is_some() {
        return Err(malformed("Refer-To is there twice"));
    }
    let target = NameAddr::parse(&escaped(first));
    let mut target = target.ok_or_else(|| malformed("Refer-To is malformed"))?;
    if matches!(target.uri.scheme, Scheme::Other(_)) {
        return Err(Refusal::new(416, "refer_scheme"));
    }
    let has_headers = |user: &String| user.contains('?');
    if target.uri.scheme == Scheme::Tel && target.uri.user.as_ref().is_some_and(has_headers) {
        return Err(malformed("Refer-To is malformed"));
    }
    let methods = [&target.uri.params, &target.params].map(|params| params.get(METHOD));
    let is_call = |method: &str| method.is_empty() || method.eq_ignore_ascii_case("INVITE");
    if !methods.into_iter().flatten().all(is_call) {
        return Err(Refusal::new(403, "refer_method").saying("Refer-To may ask for INVITE only"));
    }
    target.uri.params.remove(METHOD);
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

/// A Call-ID among the headers of a URI often keeps its `@`, behind which the host would be looked for.
fn escaped(text: &str) -> String {
    let headers = text
        .split_once('@')
        .and_then(|(user, rest)| Some((user, rest.split_once('?')?)));
    match headers {
        Some((user, (host, headers))) => {
            format!("{user}@{host}?{}", headers.replace('@', "%40"))
        }
        None => text.to_owned(),
    }
}

/// The call that the headers of a URI name. Others would be the writer's in a request of ours, and
/// are not passed on (RFC 3261 19.1.5).
fn replaced(uri: &Uri, headers: &str) -> Result<Option<Replaces>, Refusal> {
    let mut found = None;
    for part in headers.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (name, value) = (crate::uri::unescape(name), crate::uri::unescape(value));
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is(name::REPLACES) && uri.is_sip() && found.is_none() {
            let malformed = || Refusal::malformed("Replaces is malformed".to_owned());
            found = Some(Replaces::parse(&value).ok_or_else(malformed)?);
        } else if !(is(name::REQUIRE) && value.trim().eq_ignore_ascii_case(REPLACES)) {
            let odd = Refusal::new(403, "refer_headers");
            return Err(odd.saying("Refer-To may bring Replaces and no other header"));
        }
    }
    Ok(found)
}

/// Says what the usual phrase does not.
const NOT_UP: &str = "SIP;cause=403;text=\"a call is passed on once it is answered\"";

/// The parameter of a URI that says what is to be sent to it.
const METHOD: &str = "method";
