//! Calls of our own.

use std::time::Instant;

use bytes::Bytes;

use crate::digest::Login;
use crate::message::{Headers, Method, NameAddr, Request, RequestUri, name};
use crate::uri::Uri;

use super::compose::{ALLOW, SUPPORTED, UNRELIABLE, set_sdp};
use super::leg::{Leg, State};
use super::session::Session;
use super::way::Way;
use super::{CommandError, Endpoint, Flow, LegId, Standing, Transport};

/// A call to place.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// Whom.
    pub target: Uri,
    /// What To says, where that is not the target.
    pub to: Option<NameAddr>,
    /// Who we are, without a tag.
    pub from: NameAddr,
    /// Our tag, by which others may know the call before it is placed; one is made where none is given.
    pub tag: Option<String>,
    /// Which way the INVITE goes; the shell has resolved it.
    pub flow: Flow,
    /// Proxies to go through, the first of which `flow` leads to.
    pub routes: Vec<NameAddr>,
    /// Our offer; empty asks the other side for one.
    pub sdp: Bytes,
    /// For a challenge.
    pub login: Option<Login>,
    /// Headers to add.
    pub headers: Vec<(String, String)>,
}

impl Endpoint {
    /// Places a call.
    ///
    /// # Errors
    /// [`CommandError::Full`] when the tables are full or we drain.
    pub fn call(&mut self, call: CallRequest, now: Instant) -> Result<LegId, CommandError> {
        let full = self.draining
            || self.legs.len() >= self.config.limits.calls
            || self.table.len() >= self.config.limits.transactions;
        if full {
            return Err(CommandError::Full);
        }
        let tag = call.tag.unwrap_or_else(|| self.new_tag());
        let mut leg = Leg::new(State::Calling, Standing::Known, call.flow, tag.clone());
        leg.login = call.login;
        let id = self.add_leg(leg);
        let mut headers = Headers::new();
        headers.push(name::MAX_FORWARDS, "70");
        for route in &call.routes {
            headers.push(name::ROUTE, route.to_string());
        }
        headers.push(name::FROM, call.from.with_tag(&tag).to_string());
        let to = call
            .to
            .unwrap_or_else(|| NameAddr::new(call.target.clone()));
        headers.push(name::TO, to.to_string());
        headers.push(name::CALL_ID, self.new_call_id(call.flow.local));
        headers.push(name::CSEQ, "1 INVITE");
        headers.push(name::CONTACT, Self::contact(call.flow));
        headers.push(name::ALLOW, ALLOW);
        // Who is asked for an offer would make it in a provisional answer that must arrive, and want
        // ours in its PRACK.
        let supported = if call.sdp.is_empty() {
            UNRELIABLE
        } else {
            SUPPORTED
        };
        headers.push(name::SUPPORTED, supported);
        for (header, value) in Session::default().ask(&self.config.session) {
            headers.push(header, value);
        }
        for (header, value) in call.headers {
            headers.add_given(&header, &value);
        }
        let mut request = Request {
            method: Method::Invite,
            uri: RequestUri::Known(call.target),
            headers,
            body: Bytes::new(),
        };
        let sdp = call.sdp.clone();
        set_sdp(&mut request.headers, &mut request.body, Some(call.sdp));
        // Where there is no connection yet, one is made.
        let listens = (call.flow.transport != Transport::Udp).then_some(call.flow.remote);
        let way = Way::inside(call.flow, listens);
        let key = self.ask(id, request, way, now);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.asking = Some(key);
            leg.sdp = sdp;
        }
        Ok(id)
    }
}
