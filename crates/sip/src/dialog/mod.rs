//! What two ends of a call agree on: tags, sequence numbers, where to send, by which route
//! (RFC 3261 section 12).

use std::net::{IpAddr, SocketAddr};

use crate::message::{HeaderError, Headers, Method, NameAddr, Request, Response, name};
use crate::uri::Uri;

mod kept;
mod replaces;

pub use kept::KeptDialog;
pub use replaces::Replaces;

/// Names a dialog from our side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogKey {
    /// Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Theirs; empty for the few phones that send none.
    pub remote_tag: String,
}

impl DialogKey {
    /// The dialog a request from the other side belongs to, if its To has a tag.
    ///
    /// # Errors
    /// [`HeaderError`] when a header it needs is missing or unreadable.
    pub fn of_request(headers: &Headers) -> Result<Option<Self>, HeaderError> {
        let to = headers.to()?;
        let Some(local_tag) = to.tag() else {
            return Ok(None);
        };
        Ok(Some(Self {
            call_id: headers.call_id()?.to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: headers.from()?.tag().unwrap_or_default().to_owned(),
        }))
    }
}

/// The state of a dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    key: DialogKey,
    local: NameAddr,
    remote: NameAddr,
    target: Uri,
    routes: Vec<NameAddr>,
    local_seq: u32,
    remote_seq: Option<u32>,
}

/// Why a dialog cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// A header it needs.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// More proxies want to stay on the way than a request can pass.
    #[error("Record-Route is too long")]
    Routes,
}

/// How a request inside a dialog stands in the order of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Newer than all before.
    Fresh,
    /// Older: answer 500.
    Stale,
}

impl Dialog {
    /// The dialog an INVITE starts at the side that answers it.
    ///
    /// # Errors
    /// [`DialogError`] when the INVITE lacks what a dialog needs. A Contact it can do without:
    /// whoever sends none, or none that can be used, is reached where `seen` says.
    pub fn answering(
        invite: &Request,
        local_tag: &str,
        seen: SocketAddr,
    ) -> Result<Self, DialogError> {
        let headers = &invite.headers;
        let remote = headers.from()?;
        let key = DialogKey {
            call_id: headers.call_id()?.to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: remote.tag().unwrap_or_default().to_owned(),
        };
        Ok(Self {
            key,
            local: headers.to()?.with_tag(local_tag),
            remote,
            target: target_of(headers, seen),
            routes: routes_of(headers)?,
            local_seq: 0,
            remote_seq: Some(headers.cseq()?.number),
        })
    }

    /// The dialog a response from `seen` starts at the side that called.
    ///
    /// # Errors
    /// [`DialogError`] when the response lacks what a dialog needs.
    pub fn calling(
        invite: &Request,
        answer: &Response,
        seen: SocketAddr,
    ) -> Result<Self, DialogError> {
        let local = invite.headers.from()?;
        let remote = answer.headers.to()?;
        let key = DialogKey {
            call_id: invite.headers.call_id()?.to_owned(),
            local_tag: local.tag().unwrap_or_default().to_owned(),
            remote_tag: remote.tag().unwrap_or_default().to_owned(),
        };
        let mut routes = routes_of(&answer.headers)?;
        routes.reverse();
        Ok(Self {
            key,
            local,
            remote,
            target: target_of(&answer.headers, seen),
            routes,
            local_seq: invite.headers.cseq()?.number,
            remote_seq: None,
        })
    }

    /// Its name.
    pub const fn key(&self) -> &DialogKey {
        &self.key
    }

    /// Takes note of a request's number.
    pub fn accept(&mut self, number: u32) -> Order {
        if self.remote_seq.is_some_and(|last| number <= last) {
            return Order::Stale;
        }
        self.remote_seq = Some(number);
        Order::Fresh
    }

    /// A re-INVITE, or its 2xx, may move the other side.
    pub fn refresh_target(&mut self, headers: &Headers) {
        if let Some(target) = usable_contact(headers) {
            self.target = target;
        }
    }

    /// A request to the other side. ACK takes the number of what it confirms; others count on.
    pub fn request(&mut self, method: Method, ack_of: Option<u32>) -> Request {
        let number = ack_of.unwrap_or_else(|| {
            self.local_seq = self.local_seq.saturating_add(1);
            self.local_seq
        });
        let mut headers = Headers::new();
        headers.push(name::MAX_FORWARDS, "70");
        headers.push(name::FROM, self.local.to_string());
        headers.push(name::TO, self.remote.to_string());
        headers.push(name::CALL_ID, self.key.call_id.as_str());
        headers.push(name::CSEQ, format!("{number} {method}"));
        let uri = self.route(&mut headers);
        Request {
            method,
            uri: crate::message::RequestUri::Known(uri),
            headers,
            body: bytes::Bytes::new(),
        }
    }

    /// The number of the last request we sent.
    pub const fn local_seq(&self) -> u32 {
        self.local_seq
    }

    /// Requests of ours went out beside this one: it counts on from theirs.
    pub fn count_from(&mut self, number: u32) {
        self.local_seq = self.local_seq.max(number);
    }

    /// Us.
    pub const fn local(&self) -> &NameAddr {
        &self.local
    }

    /// Where the next request goes. `seen` is where the other side's requests come from.
    ///
    /// The route set or the target decides, as the RFC says, unless that is a name (we do not
    /// resolve names inside a call) or a private address of someone who reaches us from a public
    /// one: then the way the other side came is the way back.
    pub fn next_hop(&self, seen: SocketAddr) -> SocketAddr {
        let hop = self.routes.first().map_or(&self.target, |route| &route.uri);
        match hop.socket_addr() {
            Some(address) if is_private(address.ip()) && !is_private(seen.ip()) => seen,
            Some(address) => address,
            None => seen,
        }
    }

    /// Where a third party finds the other side: where it takes requests, by its own word (RFC 5589 7.3).
    /// A private address of someone who reaches us from a public one leads others nowhere: then it is
    /// where the other side was `seen`, or behind a proxy the name it goes by.
    pub fn address(&self, seen: SocketAddr) -> Uri {
        let mut uri = self.target.clone();
        let named = self.target.socket_addr();
        if named.is_some_and(|named| is_private(named.ip()) && !is_private(seen.ip())) {
            if self.routes.is_empty() {
                uri.host = seen.ip().to_string();
                uri.port = Some(seen.port());
            } else if is_usable(&self.remote.uri) {
                uri = self.remote.uri.clone();
            }
        }
        // It is called, and brings no headers but ours.
        uri.params.remove("method");
        uri.headers = None;
        uri
    }

    /// Writes Route headers and returns the Request-URI (RFC 3261 12.2.1.1).
    fn route(&self, headers: &mut Headers) -> Uri {
        let Some(first) = self.routes.first() else {
            return self.target.clone();
        };
        if first.uri.params.has("lr") {
            for route in &self.routes {
                headers.push(name::ROUTE, route.to_string());
            }
            return self.target.clone();
        }
        // A strict router wants itself in the Request-URI and the target at the end.
        for route in self.routes.iter().skip(1) {
            headers.push(name::ROUTE, route.to_string());
        }
        headers.push(name::ROUTE, NameAddr::new(self.target.clone()).to_string());
        first.uri.clone()
    }
}

/// Where requests of ours go. What cannot stand in a request of ours is replaced by where the other
/// side was seen, as for those who send no Contact at all; whom they name there is kept.
fn target_of(headers: &Headers, seen: SocketAddr) -> Uri {
    usable_contact(headers).unwrap_or_else(|| {
        let named = headers.contact().map(|contact| contact.uri);
        let user = named.filter(Uri::is_sip).and_then(|uri| uri.user);
        let short = user.filter(|user| user.len() <= MAX_TARGET);
        Uri {
            user: short,
            ..Uri::sip(None, seen)
        }
    })
}

/// The Contact, if a request can be sent to it.
fn usable_contact(headers: &Headers) -> Option<Uri> {
    let contact = headers.contact()?.uri;
    is_usable(&contact).then_some(contact)
}

fn is_usable(uri: &Uri) -> bool {
    uri.is_sip() && !uri.host.is_empty() && uri.to_string().len() <= MAX_TARGET
}

/// The proxies that want to see every request, nearest to the sender first.
pub(crate) fn routes_of(headers: &Headers) -> Result<Vec<NameAddr>, DialogError> {
    let routes = headers.values(name::RECORD_ROUTE);
    let routes = routes.filter_map(NameAddr::parse);
    let routes: Vec<NameAddr> = routes
        .filter(|route| is_usable(&route.uri))
        .take(MAX_ROUTES + 1)
        .collect();
    if routes.len() > MAX_ROUTES {
        return Err(DialogError::Routes);
    }
    Ok(routes)
}

/// Bytes of a URI that requests of ours repeat. It is written by the other side, and a datagram has
/// room for that much.
const MAX_TARGET: usize = 2048;

/// A request passes no more proxies than Max-Forwards allows (RFC 3261 8.1.1.6).
const MAX_ROUTES: usize = 70;

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
