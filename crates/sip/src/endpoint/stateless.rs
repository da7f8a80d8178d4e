//! Answers that leave nothing behind (RFC 3261 8.2.7).
//!
//! Whoever asks may not be who the packet says, so what a stranger draws is one answer, not larger
//! than the question, and no repeats: a client that lost it asks again and gets the same, tag
//! included. What does not fit into that is not said at all.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::digest::Challenge;
use crate::message::{Request, Response, name};

use super::refusal::Refusal;
use super::way::Way;
use super::{Endpoint, Fate, Invitation, Rejection, Strangers, Transport};

impl Endpoint {
    /// Refuses an invitation. Strangers may be left without an answer; a challenge they get, since
    /// it is how they become known.
    pub fn turn_away(&mut self, invitation: &Invitation, rejection: &Rejection) -> Fate {
        let Invitation { request, way, .. } = invitation;
        let is_challenge = matches!(rejection.status, 401 | 407);
        if !is_challenge && way.is_strange && self.config.strangers == Strangers::Ignored {
            return Fate::Dropped("stranger");
        }
        let mut response = self.stateless(request, rejection.status);
        rejection.write(&mut response);
        self.send_once(way.owed(false), response, Fate::TurnedAway)
    }

    /// Refuses a request by what is written in it.
    pub(super) fn refuse(&mut self, way: Way, request: &Request, refusal: Refusal) -> Fate {
        if way.is_strange && self.config.strangers == Strangers::Ignored {
            return Fate::Dropped("stranger");
        }
        let mut response = self.stateless(request, refusal.status);
        if let Some(reason) = refusal.reason {
            response.reason = reason;
        }
        for (header, value) in refusal.headers {
            response.headers.push(header, value);
        }
        self.send_once(way, response, Fate::Refused(refusal.word))
    }

    /// The answer to a request that changes nothing.
    pub(super) fn inform(
        &mut self,
        way: Way,
        request: &Request,
        status: u16,
        headers: &[(&str, &str)],
    ) -> Fate {
        if way.is_strange && self.config.strangers == Strangers::Ignored {
            return Fate::Dropped("stranger");
        }
        let mut response = self.stateless(request, status);
        for (header, value) in headers {
            response.headers.push(header, *value);
        }
        self.send_once(way, response, Fate::Taken)
    }

    fn stateless(&self, request: &Request, status: u16) -> Response {
        let tag = self.stateless_tag(request);
        self.response(request, status, Some(&tag))
    }

    fn send_once(&mut self, way: Way, response: Response, sent: Fate) -> Fate {
        let most = match way.flow.transport {
            Transport::Udp if way.is_strange => way.asked.min(MAX_DATAGRAM),
            Transport::Udp => MAX_DATAGRAM,
            Transport::Tcp | Transport::Tls => usize::MAX,
        };
        let bytes = fit(response, most);
        match bytes {
            Some(bytes) => {
                self.send(way, bytes);
                sent
            }
            None => Fate::Dropped("answer_too_large"),
        }
    }

    /// The same for every repeat of a request, and nobody's guess: an HMAC of what names it.
    fn stateless_tag(&self, request: &Request) -> String {
        let mut inner = Sha256::new();
        inner.update(self.tag_secret);
        for header in [name::CALL_ID, name::FROM, name::CSEQ] {
            inner.update(request.headers.get(header).unwrap_or_default().as_bytes());
            inner.update([0]);
        }
        let mut outer = Sha256::new();
        outer.update(self.tag_secret);
        outer.update(inner.finalize());
        hex::encode(outer.finalize().get(..6).unwrap_or_default())
    }
}

/// What fits into a datagram over IPv4.
const MAX_DATAGRAM: usize = 65_507;

/// A response in at most `most` bytes: with what it need not say left out, one thing after another.
fn fit(mut response: Response, most: usize) -> Option<Bytes> {
    let fits = |bytes: Bytes| (bytes.len() <= most).then_some(bytes);
    if let Some(bytes) = fits(response.to_bytes()) {
        return Some(bytes);
    }
    for spare in [name::SERVER, name::WARNING, name::ACCEPT, name::SUPPORTED] {
        response.headers.remove(spare);
    }
    if let Some(bytes) = fits(response.to_compact_bytes()) {
        return Some(bytes);
    }
    // Of several challenges the first is the one every phone can answer.
    let challenge = response.headers.get(name::PROXY_AUTHENTICATE);
    if let Some(challenge) = challenge.and_then(Challenge::parse) {
        let brief = challenge.to_brief();
        response.headers.set(name::PROXY_AUTHENTICATE, brief);
    }
    response.headers.remove(name::RETRY_AFTER);
    if response.status == 200 {
        response.headers.remove(name::ALLOW);
    }
    if let Some(bytes) = fits(response.to_compact_bytes()) {
        return Some(bytes);
    }
    response.reason.clear();
    fits(response.to_compact_bytes())
}
