//! UPDATE (RFC 3311): a change of the session outside an INVITE. Phones and providers hold with it,
//! and refresh.

use std::time::Instant;

use crate::dialog::DialogKey;
use crate::message::{Request, name};
use crate::transaction::PlainServer;

use super::incoming::describe;
use super::key::Key;
use super::leg::State;
use super::refusal::{Pending, Refusal};
use super::table::Server;
use super::way::Way;
use super::{Endpoint, Event, Fate, LegId};

impl Endpoint {
    pub(super) fn on_update(
        &mut self,
        id: LegId,
        key: Key,
        way: Way,
        mut request: Request,
        now: Instant,
    ) -> Fate {
        let Some(leg) = self.legs.get_mut(&id) else {
            return self.refuse(way, &request, Refusal::new(481, "no_call"));
        };
        if !matches!(leg.state, State::Up | State::Incoming | State::Calling) {
            return self.refuse(way, &request, Refusal::new(481, "no_call"));
        }
        let offers = !request.body.is_empty();
        if offers && (leg.pending.is_some() || leg.state == State::Incoming) {
            let later = Refusal::overlap(Pending::Theirs, self.soon());
            return self.refuse_inside((&key, way, id), &request, later, now);
        }
        let ours = leg.unconfirmed.as_ref().is_some_and(|wait| wait.offers);
        if offers && (leg.asking.is_some() || ours) {
            let later = Refusal::overlap(Pending::Ours, 0);
            return self.refuse_inside((&key, way, id), &request, later, now);
        }
        let key_of = DialogKey::of_request(&request.headers).ok().flatten();
        let early = leg.early.iter_mut().map(|early| &mut early.dialog);
        let early = early.filter(|early| key_of.as_ref() == Some(early.key()));
        for dialog in leg.dialog.iter_mut().chain(early) {
            dialog.refresh_target(&request.headers);
        }
        let is_up = leg.state == State::Up;
        if is_up {
            leg.session.hear(&request.headers);
        }
        if offers {
            leg.pending = Some(key.clone());
            describe(&mut request);
        }
        let reliable = way.flow.transport.is_stream();
        let machine = Server::Plain(PlainServer::new(self.config.timers, reliable));
        self.table.serve(&key, machine, way, id, &request);
        if offers {
            self.events.push_back(Event::Change {
                leg: id,
                request: Box::new(request),
            });
            return Fate::Taken;
        }
        let contact = Self::contact(way.flow);
        let timers = self.config.session;
        let leg = self.legs.get_mut(&id).filter(|_| is_up);
        let session = leg.map(|leg| leg.session.answer(&timers, now));
        self.respond(&key, 200, now, |response| {
            response.headers.push(name::CONTACT, contact);
            for (header, value) in session.unwrap_or_default() {
                response.headers.push(header, value);
            }
        });
        self.wake(id);
        Fate::Taken
    }
}
