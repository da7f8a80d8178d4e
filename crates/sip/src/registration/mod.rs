//! Keeping an address registered with somebody (RFC 3261 section 10).
//!
//! ```text
//! Locate ─targets─► asking ─200─► registered ─half to four fifths of its time─► asking …
//!    ▲                │ 401, 407: again with credentials; 423: again for longer
//!    │                │ no answer, refused, 5xx: the next target at once
//!    └──── pause ◄────┴ all of them failed, or 403, 404 and such: later and later
//! ```
//! The machine says what to do ([`Registration::poll_action`]) and is told what came of it; requests
//! are carried by whoever owns transactions. `now` and the seed are arguments: the same inputs give
//! the same requests. What a registrar says is bounded: it can neither have us ask without pause
//! nor keep us from asking for good.

mod answer;
mod auth;
mod pace;
mod request;
mod state;

pub use state::{Failure, Place, Settings, State, Trouble, made_contact_user};

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::locate::LocateError;
use crate::message::{Request, Response};
use crate::uri::Uri;

use answer::{Granted, Learnt};
use auth::{Auth, Challenged};
use pace::Pace;

/// A registration and all it takes to keep it.
#[derive(Debug)]
pub struct Registration {
    settings: Settings,
    rng: StdRng,
    call_id: String,
    tag: String,
    sequence: u32,
    auth: Auth,
    /// What we ask for; a registrar may have us ask for more.
    expires: Duration,
    places: Vec<Place>,
    /// The one in use, or in turn.
    at: usize,
    stage: Stage,
    pace: Pace,
    /// How long all those that were asked wish to be left alone.
    wish: Option<Duration>,
    /// The address others see us at, where it is not ours.
    seen: Option<SocketAddr>,
    /// A contact of ours that is to be taken back: it was right before.
    stale: Option<Uri>,
    /// How often this try was asked to last longer.
    raises: u8,
    keep_alive: Option<Instant>,
    leaving: bool,
    state: State,
    actions: VecDeque<Action>,
}

/// What to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Find out where the registrar is, and tell [`Registration::located`].
    Locate,
    /// Send this, and tell [`Registration::answered`] or [`Registration::failed`].
    Send {
        /// Where.
        place: Place,
        /// All but its Via.
        request: Box<Request>,
    },
    /// Send a few bytes, so that the way stays open.
    KeepAlive(Place),
    /// It is over: nothing is registered any more, or nobody says so in time.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Locating,
    Asking,
    /// Until then there is nothing to do.
    Waiting(Instant),
    Over,
}

impl Registration {
    /// Begins by asking where the registrar is. `seed` makes tags and the jitter of refreshes.
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let mut token = || format!("{:016x}", rng.random::<u64>());
        let (call_id, tag) = (token(), token());
        Self {
            expires: settings.expires.clamp(SHORTEST, LONGEST),
            settings,
            rng,
            call_id,
            tag,
            sequence: 0,
            auth: Auth::default(),
            places: Vec::new(),
            at: 0,
            stage: Stage::Locating,
            pace: Pace::default(),
            wish: None,
            seen: None,
            stale: None,
            raises: 0,
            keep_alive: None,
            leaving: false,
            state: State::default(),
            actions: VecDeque::from([Action::Locate]),
        }
    }

    /// How it stands.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`Self::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let turn = match self.stage {
            Stage::Waiting(at) => Some((at, "register")),
            Stage::Locating | Stage::Asking | Stage::Over => None,
        };
        let alive = self.keep_alive.map(|at| (at, "keep alive"));
        let lapse = self.state.registered_until.map(|at| (at, "lapse"));
        [turn, alive, lapse].into_iter().flatten().min()
    }

    /// The clock moved.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.state.registered_until.is_some_and(|at| at <= now) {
            self.lose();
        }
        if self.keep_alive.is_some_and(|at| at <= now) {
            self.keep_alive = Some(now + self.settings.keep_alive);
            if let Some(place) = self.place() {
                self.actions.push_back(Action::KeepAlive(place));
            }
        }
        if matches!(self.stage, Stage::Waiting(at) if at <= now) {
            self.state.next_try = None;
            if self.state.is_registered() && !self.places.is_empty() {
                self.ask();
            } else {
                self.locate();
            }
        }
    }

    /// Where the registrar is, in the order to try.
    pub fn located(&mut self, found: Result<Vec<Place>, LocateError>, now: Instant) {
        if self.stage != Stage::Locating {
            return;
        }
        match found {
            Ok(places) if !places.is_empty() => {
                self.places = places;
                self.at = 0;
                self.wish = None;
                self.ask();
            }
            Ok(_) => self.pause(Trouble::Nowhere, now),
            Err(error) => self.pause(Trouble::Unknown(error), now),
        }
    }

    /// A response to the last request.
    pub fn answered(&mut self, response: &Response, now: Instant) {
        if self.stage != Stage::Asking || response.status < 200 {
            return;
        }
        match response.status {
            200..=299 => self.on_granted(response, now),
            401 | 407 => match self.auth.challenged(response) {
                Challenged::Answer => self.ask(),
                Challenged::Wrong => self.refused(Trouble::Password, now),
                Challenged::Unreadable => self.refused(Trouble::Challenge, now),
            },
            423 => match self.longer(response) {
                Some(expires) => {
                    self.expires = expires;
                    self.ask();
                }
                None => self.refused(Trouble::Answered(423), now),
            },
            408 | 430 | 500..=599 => {
                let after = answer::retry_after(response);
                self.next(Trouble::Answered(response.status), after, now);
            }
            status => self.refused(Trouble::Answered(status), now),
        }
    }

    /// The last request got no answer.
    pub fn failed(&mut self, failure: Failure, now: Instant) {
        if self.stage == Stage::Asking {
            self.next(Trouble::from(failure), None, now);
        }
    }

    /// The way to the registrar is gone: calls cannot come over it any more.
    pub fn flow_lost(&mut self, now: Instant) {
        self.keep_alive = None;
        if matches!(self.stage, Stage::Waiting(_)) && self.state.is_registered() {
            self.state.trouble = Some(Trouble::FlowLost);
            let soon = Duration::from_millis(self.rng.random_range(0..FLOW_JITTER));
            self.wait(now + soon);
        }
    }

    /// Takes the registration back; [`Action::Left`] when that is done.
    pub fn leave(&mut self) {
        if self.leaving {
            return;
        }
        self.leaving = true;
        self.keep_alive = None;
        // What is on its way may still be granted.
        let may_be = self.state.is_registered() || self.stage == Stage::Asking;
        if may_be && !self.places.is_empty() {
            self.ask();
        } else {
            self.over();
        }
    }

    /// The place in use.
    pub fn place(&self) -> Option<Place> {
        self.places.get(self.at).cloned()
    }

    /// Our contact at the place in use.
    pub fn address(&self) -> Option<Uri> {
        Some(self.contact(self.places.get(self.at)?))
    }

    /// Every place the registrar was found at.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    fn on_granted(&mut self, response: &Response, now: Instant) {
        self.auth.accepted();
        self.raises = 0;
        let is_corrected = self.stale.take().is_some();
        if self.leaving {
            self.over();
            return;
        }
        let Granted { expires, routes } =
            answer::granted(response, &self.settings.contact_user, self.expires);
        let Some(place) = self.place() else { return };
        if expires.is_zero() {
            self.next(Trouble::NotKept, None, now);
            return;
        }
        self.pace.reset();
        self.wish = None;
        let expires = expires.min(LONGEST);
        let state = &mut self.state;
        state.registered_until = Some(now + expires);
        state.since.get_or_insert(now);
        state.trouble = None;
        state.target = Some(place.target.clone());
        state.routes = routes;
        self.keep_alive =
            (!self.settings.keep_alive.is_zero()).then(|| now + self.settings.keep_alive);
        match answer::learnt(response, &place, self.seen) {
            // The registrar sees us elsewhere than we said: calls would go nowhere. Once: one that
            // sees us elsewhere each time would be asked without end.
            Learnt::Elsewhere(seen) if !self.settings.is_fixed && !is_corrected => {
                self.stale = Some(self.contact(&place));
                self.seen = seen;
                self.ask();
            }
            Learnt::Elsewhere(_) | Learnt::Nothing => {
                let share = self.rng.random_range(0.5..0.8);
                self.wait(now + expires.mul_f64(share).max(SOONEST));
            }
        }
    }

    /// Min-Expires, unless it is no more than we asked for or beyond all measure.
    fn longer(&mut self, response: &Response) -> Option<Duration> {
        let least = answer::seconds(&response.headers, "Min-Expires")?;
        self.raises += 1;
        let is_fair = least > self.expires && least <= LONGEST && self.raises <= MAX_RAISES;
        is_fair.then_some(least)
    }

    /// This place does not serve us now; another may.
    fn next(&mut self, trouble: Trouble, after: Option<Duration>, now: Instant) {
        if self.leaving {
            self.over();
            return;
        }
        self.auth.forget();
        self.raises = 0;
        // All of them must ask for it; the shortest wish counts.
        self.wish = if self.at == 0 {
            after
        } else {
            self.wish.zip(after).map(|(a, b)| a.min(b))
        };
        self.at += 1;
        if self.at < self.places.len() {
            self.state.trouble = Some(trouble);
            self.ask();
        } else {
            self.pause(trouble, now);
        }
    }

    /// No place would answer otherwise.
    fn refused(&mut self, trouble: Trouble, now: Instant) {
        if self.leaving {
            self.over();
            return;
        }
        self.auth.forget();
        self.raises = 0;
        self.expires = self.settings.expires.clamp(SHORTEST, LONGEST);
        self.state.trouble = Some(trouble);
        let pause = self.pace.refused(&mut self.rng);
        self.begin_anew(now + pause);
    }

    fn pause(&mut self, trouble: Trouble, now: Instant) {
        if self.leaving {
            self.over();
            return;
        }
        self.state.trouble = Some(trouble);
        let wish = self.wish.take().unwrap_or_default().min(MAX_WISH);
        let pause = self.pace.failed(&mut self.rng).max(wish);
        self.begin_anew(now + pause);
    }

    /// Looks for the registrar again then; the DNS may say something else by that time.
    fn begin_anew(&mut self, at: Instant) {
        self.at = 0;
        self.places.clear();
        self.keep_alive = None;
        self.wait(at);
    }

    fn wait(&mut self, at: Instant) {
        self.stage = Stage::Waiting(at);
        self.state.next_try = Some(at);
    }

    fn locate(&mut self) {
        self.stage = Stage::Locating;
        self.actions.push_back(Action::Locate);
    }

    fn ask(&mut self) {
        let Some(place) = self.place() else {
            self.locate();
            return;
        };
        self.stage = Stage::Asking;
        self.state.next_try = None;
        let request = Box::new(self.request(&place));
        self.actions.push_back(Action::Send { place, request });
    }

    fn lose(&mut self) {
        self.state.registered_until = None;
        self.state.since = None;
        self.state.target = None;
        self.state.routes.clear();
    }

    fn over(&mut self) {
        self.lose();
        self.stage = Stage::Over;
        self.actions.push_back(Action::Left);
    }
}

/// We ask for no less.
const SHORTEST: Duration = Duration::from_secs(20);

/// A registrar that grants seconds is not asked more often than this.
const SOONEST: Duration = Duration::from_secs(2);

/// How often one try may be asked to last longer.
const MAX_RAISES: u8 = 3;

/// Nor for more: after a day a binding that nobody remembers should be gone.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The longest pause a registrar may ask for.
const MAX_WISH: Duration = Duration::from_secs(3600);

/// Milliseconds in which all trunks come back after a proxy restarted.
const FLOW_JITTER: u64 = 1000;

#[cfg(test)]
mod tests;
