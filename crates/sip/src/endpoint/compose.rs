//! Writing messages: responses from requests, requests of our own, and where each goes.

use std::net::SocketAddr;

use bytes::Bytes;
use rand::RngCore;
use sha2::{Digest, Sha256};
use trunkline_base::id::guid;

use crate::message::{Headers, Method, NameAddr, Request, Response, Via, name, reason_phrase};
use crate::uri::Uri;

use super::table::COOKIE;
use super::{Endpoint, Flow, Transmit, Transport};

impl Endpoint {
    pub(super) fn send(&mut self, flow: Flow, bytes: Bytes) {
        // A shell that does not drain us must not make us grow.
        if self.transmits.len() < MAX_TRANSMITS {
            self.transmits.push_back(Transmit { flow, bytes });
        }
    }

    /// A response with everything it must copy. `tag` is added to To where there is none.
    pub(super) fn response(&self, request: &Request, status: u16, tag: Option<&str>) -> Response {
        let mut headers = Headers::new();
        for via in request.headers.lines(name::VIA) {
            headers.push(name::VIA, via);
        }
        if status < 300 {
            for route in request.headers.lines(name::RECORD_ROUTE) {
                headers.push(name::RECORD_ROUTE, route);
            }
        }
        headers.push(
            name::FROM,
            request.headers.get(name::FROM).unwrap_or_default(),
        );
        headers.push(name::TO, to_with_tag(request, tag.filter(|_| status > 100)));
        headers.push(
            name::CALL_ID,
            request.headers.get(name::CALL_ID).unwrap_or_default(),
        );
        headers.push(
            name::CSEQ,
            request.headers.get(name::CSEQ).unwrap_or_default(),
        );
        headers.push(name::SERVER, self.config.product.as_str());
        Response {
            status,
            reason: reason_phrase(status).to_owned(),
            headers,
            body: Bytes::new(),
        }
    }

    /// Answers without remembering anything (RFC 3261 8.2.7); the same question gets the same
    /// answer, tag included.
    pub(super) fn answer_statelessly(
        &mut self,
        flow: Flow,
        request: &Request,
        status: u16,
        extra: &[(&str, String)],
    ) {
        let tag = self.stateless_tag(request);
        let mut response = self.response(request, status, Some(&tag));
        for (header, value) in extra {
            response.headers.push(header, value.as_str());
        }
        self.send(flow, response.to_bytes());
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
        if flow.transport == Transport::Tcp {
            uri.params.set("transport", Some("tcp"));
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

    fn stateless_tag(&self, request: &Request) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.tag_secret);
        for header in [name::CALL_ID, name::FROM, name::CSEQ] {
            hasher.update(request.headers.get(header).unwrap_or_default().as_bytes());
            hasher.update([0]);
        }
        let hash = hasher.finalize();
        hex::encode(hash.get(..8).unwrap_or_default())
    }
}

fn to_with_tag(request: &Request, tag: Option<&str>) -> String {
    let to = request.headers.get(name::TO).unwrap_or_default();
    let tagged = request.headers.to().is_ok_and(|to| to.tag().is_some());
    match tag {
        Some(tag) if !tagged => format!("{to};tag={tag}"),
        _ => to.to_owned(),
    }
}

/// Where a response over UDP goes, with `received` and `rport` written into the Via
/// (RFC 3261 18.2, RFC 3581). A sender whose Via names another address than it sends from is
/// behind a NAT and is answered where it sends from, whether it asked for that or not.
pub(super) fn return_path(flow: Flow, request: &mut Request, mut via: Via) -> Flow {
    let mut back = flow;
    let source = flow.remote;
    let direct = via.host.parse() == Ok(source.ip());
    if !direct {
        via.params.set("received", Some(&source.ip().to_string()));
    }
    if via.params.has("rport") {
        via.params.set("rport", Some(&source.port().to_string()));
        via.params.set("received", Some(&source.ip().to_string()));
    } else if flow.transport == Transport::Udp && direct {
        back.remote.set_port(via.port.unwrap_or(5060));
    }
    replace_top_via(&mut request.headers, &via);
    back
}

fn replace_top_via(headers: &mut Headers, via: &Via) {
    let rest: Vec<String> = headers
        .values(name::VIA)
        .skip(1)
        .map(str::to_owned)
        .collect();
    headers.remove(name::VIA);
    for value in rest.iter().rev() {
        headers.push_front(name::VIA, value.as_str());
    }
    headers.push_front(name::VIA, via.to_string());
}

/// The methods we answer with something else than 405.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";

/// Bodies we read.
pub(super) const ACCEPT: &str = "application/sdp, application/dtmf-relay";

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
