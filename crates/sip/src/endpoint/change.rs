//! Changes of a session that we ask for: by the owner's wish, or to say that the call lives. Two
//! sides that ask at once are both told 491, and each tries again after a pause that the other does
//! not take (RFC 3261 14.1).

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng as _;

use crate::message::{Method, Response, name};

use super::compose::{ALLOW, SUPPORTED, set_sdp};
use super::key::Key;
use super::leg::State;
use super::wish::{Again, Asking, Wish};
use super::{CommandError, EndCause, Endpoint, Event, LegId};

impl Endpoint {
    /// Proposes a change of the session.
    ///
    /// # Errors
    /// [`CommandError::State`] while another change is under way.
    pub fn change(&mut self, id: LegId, sdp: Bytes, now: Instant) -> Result<(), CommandError> {
        let leg = self.legs.get(&id).ok_or(CommandError::Gone)?;
        if leg.state != State::Up || leg.is_changing() || leg.again.is_some() {
            return Err(CommandError::State);
        }
        let wish = Wish::Change(sdp);
        self.ask_again(id, Asking { wish, met: 0 }, now)
    }

    /// Half an interval has passed: the call lives.
    pub(super) fn refresh(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.legs.get(&id).filter(|leg| leg.state == State::Up) else {
            return;
        };
        if leg.is_changing() || leg.again.is_some() || leg.session.asking.is_some() {
            self.postpone(id, now + PAUSE);
            return;
        }
        let asking = Asking {
            wish: Wish::Refresh,
            met: 0,
        };
        let sent = if leg.session.by_update {
            self.ask_by_update(id, now)
        } else {
            self.ask_again(id, asking, now)
        };
        if sent.is_err() {
            self.postpone(id, now + PAUSE);
        }
    }

    fn postpone(&mut self, id: LegId, at: Instant) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.session.postpone(at);
        }
    }

    /// The pause after a 491 is over.
    pub(super) fn try_again(&mut self, id: LegId, asking: Asking, now: Instant) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.state == State::Up) else {
            return;
        };
        if leg.is_changing() {
            let at = now + PAUSE;
            leg.again = Some(Again { asking, at });
            return;
        }
        // It was possible a moment ago.
        let _gone = self.ask_again(id, asking, now);
    }

    fn ask_again(&mut self, id: LegId, asking: Asking, now: Instant) -> Result<(), CommandError> {
        let timers = self.config.session;
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let way = leg.way();
        let sdp = match &asking.wish {
            Wish::Change(sdp) => sdp.clone(),
            Wish::Refresh => leg.sdp.clone(),
        };
        let dialog = leg.dialog.as_mut().ok_or(CommandError::State)?;
        let mut request = dialog.request(Method::Invite, None);
        request.headers.push(name::CONTACT, Self::contact(way.flow));
        request.headers.push(name::ALLOW, ALLOW);
        request.headers.push(name::SUPPORTED, SUPPORTED);
        for (header, value) in leg.session.ask(&timers) {
            request.headers.push(header, value);
        }
        set_sdp(&mut request.headers, &mut request.body, Some(sdp));
        let key = self.ask(id, request, way, now);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.asking = Some(key);
            leg.wish = Some(asking);
        }
        Ok(())
    }

    fn ask_by_update(&mut self, id: LegId, now: Instant) -> Result<(), CommandError> {
        let timers = self.config.session;
        let leg = self.legs.get_mut(&id).ok_or(CommandError::Gone)?;
        let way = leg.way();
        let dialog = leg.dialog.as_mut().ok_or(CommandError::State)?;
        let mut request = dialog.request(Method::Update, None);
        request.headers.push(name::CONTACT, Self::contact(way.flow));
        request.headers.push(name::ALLOW, ALLOW);
        request.headers.push(name::SUPPORTED, SUPPORTED);
        for (header, value) in leg.session.ask(&timers) {
            request.headers.push(header, value);
        }
        let key = self.ask(id, request, way, now);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.session.asking = Some(key);
        }
        Ok(())
    }

    /// The answer to our UPDATE, which says only that the call lives.
    pub(super) fn on_update_response(
        &mut self,
        id: LegId,
        key: &Key,
        response: &Response,
        now: Instant,
    ) {
        let timers = self.config.session;
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if leg.session.asking.take_if(|asking| asking == key).is_none() {
            return;
        }
        match response.status {
            200..=299 => {
                if let Some(dialog) = &mut leg.dialog {
                    dialog.refresh_target(&response.headers);
                }
                leg.session.agreed(&response.headers, &timers, now);
            }
            408 | 481 => self.give_up(id, EndCause::Timeout, now),
            405 | 501 => {
                leg.session.by_update = false;
                leg.session.postpone(now);
            }
            422 if leg.session.raise(&response.headers, &timers) => leg.session.postpone(now),
            _ => leg.session.postpone(now + PAUSE),
        }
        self.wake(id);
    }

    /// Our re-INVITE was refused; the session goes on as it was.
    pub(super) fn on_change_refused(&mut self, id: LegId, response: &Response, now: Instant) {
        let timers = self.config.session;
        let pause = self.pause(id);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let Some(mut asking) = leg.wish.take() else {
            return;
        };
        let status = response.status;
        let again = match status {
            491 if asking.met < MOST_MET => {
                asking.met += 1;
                Some(now + pause)
            }
            422 if leg.session.raise(&response.headers, &timers) => Some(now),
            _ => None,
        };
        if let Some(at) = again {
            leg.again = Some(Again { asking, at });
            self.wake(id);
            return;
        }
        let is_gone = matches!(status, 408 | 481);
        match asking.wish {
            // The other side has lost the call (RFC 3261 12.2.1.2).
            Wish::Refresh if is_gone => self.give_up(id, EndCause::Timeout, now),
            Wish::Refresh => leg.session.postpone(now + PAUSE),
            Wish::Change(_) => {
                let result = Err(status);
                self.events.push_back(Event::Changed { leg: id, result });
                if is_gone {
                    self.send_bye(id, now);
                }
            }
        }
        self.wake(id);
    }

    /// Who made the Call-ID waits longer than the other.
    fn pause(&mut self, id: LegId) -> Duration {
        let placed = self.legs.get(&id).is_some_and(|leg| leg.is_placed);
        let steps = if placed { 210..=400 } else { 0..=200 };
        Duration::from_millis(self.rng.random_range(steps) * 10)
    }

    /// Seconds after which they may try again.
    pub(super) fn soon(&mut self) -> u32 {
        self.rng.random_range(1..=9)
    }
}

/// Before another try where nobody says how long.
const PAUSE: Duration = Duration::from_secs(5);

/// Tries that may meet theirs; both sides draw their pauses, so the next seldom does.
const MOST_MET: u8 = 6;
