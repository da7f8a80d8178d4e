//! Requests of ours that belong to no call: REGISTER, OPTIONS.

use std::time::Instant;

use crate::message::{Request, Response};

use super::way::Way;
use super::{CommandError, Endpoint, Event, Flow, LegId, RequestId, Transport};

impl Endpoint {
    /// Sends a request, all but its Via made. [`Event::Responded`] or [`Event::Unanswered`] follows.
    ///
    /// # Errors
    /// [`CommandError::Full`] when the tables are full.
    pub fn request(
        &mut self,
        request: Request,
        flow: Flow,
        now: Instant,
    ) -> Result<RequestId, CommandError> {
        if self.table.len() >= self.config.limits.transactions {
            return Err(CommandError::Full);
        }
        let id = LegId(self.next_leg);
        self.next_leg += 1;
        self.outside.insert(id);
        let listens = (flow.transport != Transport::Udp).then_some(flow.remote);
        self.ask(id, request, Way::inside(flow, listens), now);
        Ok(RequestId(id))
    }

    pub(super) fn on_outside_response(&mut self, id: LegId, response: &Response) {
        if response.status >= 200 && self.outside.remove(&id) {
            self.events.push_back(Event::Responded {
                request: RequestId(id),
                response: Box::new(response.clone()),
            });
        }
    }

    /// `true` if it was one of these that nobody answered.
    pub(super) fn on_outside_unanswered(&mut self, id: LegId) -> bool {
        let was = self.outside.remove(&id);
        if was {
            let request = RequestId(id);
            self.events.push_back(Event::Unanswered { request });
        }
        was
    }
}
