//! Provisional answers to calls of ours. A proxy may ring several phones, each of which begins a
//! dialog of its own; what must be confirmed is (RFC 3262).

use std::time::Instant;

use bytes::Bytes;

use crate::dialog::Dialog;
use crate::message::{Method, Request, Response, name};

use super::leg::{Asked, State};
use super::ringing::{Early, RELIABLE};
use super::way::Way;
use super::{Endpoint, Event, Flow, LegId};

impl Endpoint {
    /// Somebody works on a call of ours, and nobody rings yet.
    pub(super) fn on_trying(&mut self, id: LegId) {
        if self
            .legs
            .get(&id)
            .is_some_and(|leg| leg.state == State::Calling)
        {
            self.events.push_back(Event::Progress {
                leg: id,
                status: 100,
                tag: String::new(),
                body: Bytes::new(),
            });
        }
    }

    pub(super) fn on_provisional(
        &mut self,
        (way, id): (Way, LegId),
        request: &Asked,
        response: &Response,
        now: Instant,
    ) {
        let headers = &response.headers;
        let to = headers.to().ok();
        let tag = to.and_then(|to| to.tag().map(str::to_owned));
        let tag = tag.unwrap_or_default();
        let number = headers.get(name::RSEQ).and_then(|n| n.trim().parse().ok());
        let number: Option<u32> = number.filter(|_| headers.lists(name::REQUIRE, RELIABLE));
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if leg.dialog.is_none() && !tag.is_empty() && !leg.early.iter().any(|e| e.tag == tag) {
            let dialog = Dialog::calling(request, response, way.flow.remote);
            if let Ok(dialog) = dialog
                && leg.early.len() < MAX_EARLY
            {
                self.dialogs.insert(dialog.key().clone(), id);
                leg.early.push(Early {
                    tag: tag.clone(),
                    dialog,
                    confirmed: None,
                });
            }
        }
        if let Some(number) = number
            && !self.confirm_provisional((way, id), &tag, number, request, now)
        {
            return;
        }
        // A session that is being changed does not ring.
        if self.legs.get(&id).is_some_and(|leg| leg.state != State::Up) {
            self.events.push_back(Event::Progress {
                leg: id,
                status: response.status,
                tag,
                body: response.body.clone(),
            });
        }
    }

    /// Whoever rang does no more.
    pub(super) fn forget_early(&mut self, id: LegId) -> Vec<Early> {
        let leg = self.legs.get_mut(&id);
        let early = leg.map(|leg| std::mem::take(&mut leg.early));
        let early = early.unwrap_or_default();
        for one in &early {
            self.dialogs.remove(one.dialog.key());
        }
        early
    }

    /// Sends the PRACK. `false` if it was sent before, or something before is missing.
    fn confirm_provisional(
        &mut self,
        (way, id): (Way, LegId),
        tag: &str,
        number: u32,
        invite: &Asked,
        now: Instant,
    ) -> bool {
        let Some(leg) = self.legs.get_mut(&id) else {
            return false;
        };
        let dialog = match leg.early.iter_mut().find(|early| early.tag == tag) {
            Some(early) => {
                let is_next = early
                    .confirmed
                    .is_none_or(|last| number == last.wrapping_add(1));
                if !is_next {
                    return false;
                }
                early.confirmed = Some(number);
                &mut early.dialog
            }
            None => match &mut leg.dialog {
                Some(dialog) => dialog,
                None => return false,
            },
        };
        let cseq = invite.headers.cseq().map_or(1, |cseq| cseq.number);
        let mut prack = dialog.request(Method::Prack, None);
        let way = ahead(dialog, way);
        prack
            .headers
            .push(name::RACK, format!("{number} {cseq} INVITE"));
        copy_credentials(invite, &mut prack);
        self.ask(id, prack, way, now);
        true
    }
}

/// The way of a dialog that is not the call's own.
pub(super) fn ahead(dialog: &Dialog, way: Way) -> Way {
    let hop = dialog.next_hop(way.flow.remote);
    let ahead = Flow {
        remote: hop,
        ..way.flow
    };
    Way::inside(ahead, way.otherwise)
}

/// An ACK cannot be challenged and brings what its INVITE brought (RFC 3261 22.1).
pub(super) fn copy_credentials(from: &Request, to: &mut Request) {
    for header in [name::AUTHORIZATION, name::PROXY_AUTHORIZATION] {
        to.headers.copy(&from.headers, header, "");
    }
}

/// Phones that ring at a time. A proxy that rings more loses nothing but early media.
const MAX_EARLY: usize = 16;
