//! UPDATE (RFC 3311): a change of the session outside an INVITE. Phones and providers hold with it,
//! and refresh.

use std::sync::Arc;
use std::time::Instant;

use crate::message::{Request, name};
use crate::transaction::PlainServer;

use super::leg::State;
use super::table::{Key, Server, ServerEntry};
use super::{Endpoint, Event, Flow, LegId};

impl Endpoint {
    pub(super) fn on_update(
        &mut self,
        id: LegId,
        key: Key,
        flow: Flow,
        request: Request,
        now: Instant,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let offers = !request.body.is_empty();
        if offers && (leg.pending.is_some() || leg.state == State::Incoming) {
            // An offer of theirs is not answered yet.
            let later = [(name::RETRY_AFTER, "2".to_owned())];
            self.answer_statelessly(flow, &request, 500, &later);
            return;
        }
        if offers && leg.asking.is_some() {
            self.answer_statelessly(flow, &request, 491, &[]);
            return;
        }
        if let Some(dialog) = &mut leg.dialog {
            dialog.refresh_target(&request.headers);
        }
        if offers {
            leg.pending = Some(key.clone());
        }
        let reliable = flow.transport.is_reliable();
        let machine = Server::Plain(PlainServer::new(self.config.timers, reliable));
        let shared = Arc::new(request.clone());
        self.table.servers.insert(
            key.clone(),
            ServerEntry {
                machine,
                flow,
                leg: id,
                request: shared,
            },
        );
        if offers {
            self.events.push_back(Event::Change {
                leg: id,
                request: Box::new(request),
            });
            return;
        }
        let contact = Self::contact(flow);
        self.respond(&key, 200, now, |response| {
            response.headers.push(name::CONTACT, contact);
        });
    }
}
