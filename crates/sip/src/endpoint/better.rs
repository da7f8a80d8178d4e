//! Asking once more in a better way: with credentials where a request of ours was challenged, with a
//! longer interval where a call of ours was begun with one too short.

use std::sync::Arc;
use std::time::Instant;

use crate::digest::{Challenge, answer};
use crate::message::{Request, RequestUri, Response, name};

use super::key::Key;
use super::leg::{Asked, State};
use super::way::Way;
use super::{Endpoint, LegId};

impl Endpoint {
    /// The same request once more, if there is a way to make it better.
    pub(super) fn ask_better(
        &mut self,
        (key, way, id): (&Key, Way, LegId),
        asked: &Asked,
        response: &Response,
        now: Instant,
    ) -> Option<Key> {
        let challenged = self
            .table
            .clients
            .get(key)
            .map_or(0, |entry| entry.challenged);
        let request = match response.status {
            401 | 407 => self.authorize(id, asked, response, challenged)?,
            422 => self.ask_longer(id, asked, response)?,
            _ => return None,
        };
        let again = self.ask(id, request, way, now);
        if let Some(entry) = self.table.clients.get_mut(&again) {
            entry.challenged = challenged + 1;
        }
        Some(again)
    }

    /// The same request with credentials, if we have a login.
    fn authorize(
        &mut self,
        id: LegId,
        asked: &Asked,
        response: &Response,
        challenged: u8,
    ) -> Option<Request> {
        let (ask, reply) = match response.status {
            401 => (name::WWW_AUTHENTICATE, name::AUTHORIZATION),
            _ => (name::PROXY_AUTHENTICATE, name::PROXY_AUTHORIZATION),
        };
        let challenge = Challenge::best(response.headers.lines(ask))?;
        let cnonce = self.cnonce();
        let login = self.legs.get(&id)?.login.clone()?;
        // A second challenge of the same kind means the password is wrong, unless only the nonce was
        // old. A proxy and whoever is behind it may each want to know.
        let answered = asked.headers.get(reply).is_some();
        if (answered && !challenge.stale) || challenged >= MAX_CHALLENGES {
            return None;
        }
        let mut request = self.renumbered(id, asked)?;
        let uri = match &request.uri {
            RequestUri::Known(uri) => uri.to_string(),
            RequestUri::Foreign(text) => text.clone(),
        };
        let method = request.method.as_str();
        let credentials = answer(&challenge, &login, method, &uri, (1, &cnonce));
        request.headers.set(reply, credentials.to_string());
        Some(request)
    }

    /// A call of ours was begun with an interval that is too short for the other side.
    fn ask_longer(&mut self, id: LegId, asked: &Asked, response: &Response) -> Option<Request> {
        let timers = self.config.session;
        let leg = self.legs.get_mut(&id)?;
        if leg.state != State::Calling || !leg.session.raise(&response.headers, &timers) {
            return None;
        }
        let session = leg.session.ask(&timers);
        let mut request = self.renumbered(id, asked)?;
        for (header, value) in session {
            request.headers.set(header, value);
        }
        Some(request)
    }

    /// The same request, to be sent anew.
    fn renumbered(&mut self, id: LegId, asked: &Asked) -> Option<Request> {
        let mut request = Request::clone(Arc::as_ref(asked));
        let method = request.method.clone();
        let number = request.headers.cseq().ok()?.number;
        let to = request.headers.to().ok()?;
        let leg = self.legs.get_mut(&id)?;
        let tag = to.tag();
        let early = leg
            .early
            .iter_mut()
            .find(|early| Some(early.tag.as_str()) == tag);
        let dialog = leg
            .dialog
            .as_mut()
            .or_else(|| early.map(|early| &mut early.dialog));
        let number = match dialog {
            Some(dialog) => {
                dialog
                    .request(method.clone(), None)
                    .headers
                    .cseq()
                    .ok()?
                    .number
            }
            None => number + 1,
        };
        request
            .headers
            .set(name::CSEQ, format!("{number} {method}"));
        request.headers.remove(name::VIA);
        request.headers.remove(name::USER_AGENT);
        Some(request)
    }
}

/// Tries of one request: proxies on the way, whoever is behind them, and nonces that were too old.
const MAX_CHALLENGES: u8 = 4;
