//! Writing messages: responses from requests, requests of our own, and where each goes.

use std::net::SocketAddr;

use bytes::Bytes;
use rand::RngCore;
use trunkline_base::id::guid;

use crate::message::{Headers, Method, NameAddr, Request, Response, Via, name, reason_phrase};
use crate::uri::Uri;

use super::key::COOKIE;
use super::way::Way;
use super::{Endpoint, Flow, Transmit, Transport};

impl Endpoint {
    pub(super) fn send(&mut self, way: Way, bytes: Bytes) {
        // A shell that does not drain us must not make us grow.
        if self.transmits.len() < MAX_TRANSMITS {
            self.transmits.push_back(Transmit {
                flow: way.flow,
                otherwise: way.otherwise,
                bytes,
            });
        }
    }

    /// A response with everything it must copy. `tag` is added to To where there is none.
    pub(super) fn response(&self, request: &Request, status: u16, tag: Option<&str>) -> Response {
        let mut headers = Headers::new();
        let asked = &request.headers;
        headers.copy(asked, name::VIA, "");
        if status < 300 {
            headers.copy(asked, name::RECORD_ROUTE, "");
        }
        headers.copy(asked, name::FROM, "");
        let to = asked.to().ok();
        let tagged = to.as_ref().is_some_and(|to| to.tag().is_some());
        match (tag.filter(|_| status > 100 && !tagged), to) {
            // It has an empty one, which must not stand beside ours.
            (Some(tag), Some(to)) if to.params.has("tag") => {
                headers.push(name::TO, to.with_tag(tag).to_string());
            }
            (Some(tag), _) => headers.copy(asked, name::TO, &format!(";tag={tag}")),
            (None, _) => headers.copy(asked, name::TO, ""),
        }
        headers.copy(asked, name::CALL_ID, "");
        headers.copy(asked, name::CSEQ, "");
        headers.push(name::SERVER, self.config.product.as_str());
        Response {
            status,
            reason: reason_phrase(status).to_owned(),
            headers,
            body: Bytes::new(),
        }
    }

    /// Finishes a request: Via with a new branch, and who we are.
    pub(super) fn dress(&mut self, request: &mut Request, flow: Flow) -> String {
        let branch = format!("{COOKIE}{}", token(&mut self.rng));
        self.dress_with(request, flow, &branch);
        branch
    }

    pub(super) fn dress_with(&self, request: &mut Request, flow: Flow, branch: &str) {
        let local = flow.local;
        let via = format!(
            "SIP/2.0/{} {local};branch={branch};rport",
            flow.transport.as_str()
        );
        request.headers.push_front(name::VIA, via);
        request
            .headers
            .push(name::USER_AGENT, self.config.product.as_str());
    }

    /// Our Contact on a flow.
    pub(super) fn contact(flow: Flow) -> String {
        let mut uri = Uri::sip(None, flow.local);
        if let Some(word) = flow.transport.parameter() {
            uri.params.set("transport", Some(word));
        }
        NameAddr::new(uri).to_string()
    }

    pub(super) fn new_tag(&mut self) -> String {
        guid("SCL_", &mut self.rng)
    }

    pub(super) fn new_call_id(&mut self, host: SocketAddr) -> String {
        format!("{}@{}", token(&mut self.rng), host.ip())
    }

    pub(super) fn cnonce(&mut self) -> String {
        token(&mut self.rng)
    }
}

/// Where a response goes, with `received` and `rport` written into the Via (RFC 3261 18.2,
/// RFC 3581). A sender whose Via names another address than it sends from is behind a NAT and is
/// answered where it sends from, whether it asked for that or not. Over TCP it is answered on its
/// connection, or, when that is gone, at the port its Via names.
pub(super) fn return_path(flow: Flow, request: &mut Request, mut via: Via) -> Way {
    let mut back = flow;
    let source = flow.remote;
    let usual = flow.transport.default_port();
    let listens = SocketAddr::new(source.ip(), via.port.unwrap_or(usual));
    let direct = via.host.parse() == Ok(source.ip()) && via.odd_port.is_none();
    if !direct {
        via.params.set("received", Some(&source.ip().to_string()));
    }
    if via.params.has("rport") {
        via.params.set("rport", Some(&source.port().to_string()));
        via.params.set("received", Some(&source.ip().to_string()));
    } else if flow.transport == Transport::Udp && direct {
        back.remote = listens;
    }
    request.headers.replace_first(name::VIA, via.to_string());
    Way::inside(back, flow.transport.is_stream().then_some(listens))
}

/// The methods we answer with something else than 405 or 501.
pub(super) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY";

/// Extensions we speak.
pub(super) const SUPPORTED: &str = "100rel, timer, replaces";

/// The same without what has provisional answers arrive.
pub(super) const UNRELIABLE: &str = "timer, replaces";

/// Bodies we read.
pub(super) const ACCEPT: &str = "application/sdp, application/dtmf-relay, message/sipfrag";

pub(super) const fn is_call_method(method: &Method) -> bool {
    matches!(
        method,
        Method::Invite
            | Method::Ack
            | Method::Cancel
            | Method::Bye
            | Method::Options
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Refer
            | Method::Notify
    )
}

/// 96 random bits in hex.
fn token(rng: &mut impl RngCore) -> String {
    let mut bytes = [0; 12];
    rng.fill_bytes(&mut bytes);
    hex::encode(bytes)
}

/// Messages waiting for the shell. Filling it means the shell stopped draining.
const MAX_TRANSMITS: usize = 50_000;

pub(super) fn set_sdp(headers: &mut Headers, body: &mut Bytes, sdp: Option<Bytes>) {
    if let Some(sdp) = sdp.filter(|sdp| !sdp.is_empty()) {
        headers.push(name::CONTENT_TYPE, "application/sdp");
        *body = sdp;
    }
}
