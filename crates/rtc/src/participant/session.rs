//! The way of a session, and the way back when it is lost.

use std::time::{Duration, Instant};

use livekit_protocol as proto;
use livekit_protocol::signal_request::Message as Request;
use rand::Rng;

use super::Participant;
use super::config::{Dial, DialFailure};
use super::event::{End, Event};
use super::link::Links;
use super::phase::Phase;

/// First connections that may fail before the caller is told.
const FIRST_ATTEMPTS: u32 = 3;
/// Reconnections that may fail in a row.
const ATTEMPTS: u32 = 10;
/// Delay before the second reconnection; doubled each time.
const BACKOFF: Duration = Duration::from_millis(300);
/// Longest delay between reconnections.
const BACKOFF_MAX: Duration = Duration::from_secs(7);
/// Time for the socket to open.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the first message.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for media to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// LiveKit's reason codes of a reconnection.
const RR_SIGNAL_DISCONNECTED: i32 = proto::ReconnectReason::RrSignalDisconnected as i32;

impl Participant {
    /// The shell opened the socket.
    pub fn signal_opened(&mut self, now: Instant) {
        if let Phase::Dialing {
            attempt, resume, ..
        } = self.phase
        {
            let deadline = now + GREETING_TIMEOUT;
            self.phase = Phase::Greeting {
                attempt,
                resume,
                deadline,
            };
            self.pulse.heard(now);
        }
    }

    /// The shell could not open the socket.
    pub fn signal_failed(&mut self, failure: DialFailure, now: Instant) {
        match (failure, &self.phase) {
            (DialFailure::Refused(why), Phase::Dialing { resume: false, .. }) => {
                self.finish(End::Refused(why), now);
            }
            (DialFailure::Refused(why), Phase::Dialing { attempt, .. }) => {
                let attempt = *attempt;
                self.retry(attempt, false, &why, now);
            }
            (DialFailure::Unreachable(why), Phase::Dialing { attempt, .. }) => {
                let attempt = *attempt;
                let resume = self.may_resume();
                self.retry(attempt, resume, &why, now);
            }
            _ => {}
        }
    }

    /// The socket was lost without a word.
    pub fn signal_lost(&mut self, now: Instant) {
        match self.phase {
            Phase::Up => self.reconnect(true, now),
            Phase::Greeting { attempt, .. } => self.retry(attempt, false, "socket closed", now),
            Phase::Connecting {
                attempt, resume, ..
            } => {
                self.retry(attempt, !resume && self.may_resume(), "socket closed", now);
            }
            Phase::Dialing { .. } | Phase::Waiting { .. } | Phase::Over => {}
        }
    }

    /// Time has passed. Early, late and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.links.handle_timeout(now);
        self.pump(now);
        self.publish_due(now);
        self.negotiate_due(now);
        self.phase_due(now);
        self.check_connected(now);
        self.pump(now);
    }

    /// When to call [`Self::handle_timeout`], and why.
    #[must_use]
    pub fn poll_timeout(&self) -> (Instant, &'static str) {
        let alive = matches!(self.phase, Phase::Up | Phase::Connecting { .. });
        let pulse = alive.then(|| self.pulse.deadline());
        let own = [self.phase.deadline(), pulse, self.publish_deadline()];
        let wakes = own.into_iter().flatten().chain(self.links.deadlines());
        wakes
            .min_by_key(|(at, _)| *at)
            .unwrap_or_else(|| self.links.never())
    }

    /// Asks the shell to open the socket.
    pub(super) fn dial(&mut self, attempt: u32, resume: Option<String>, now: Instant) {
        self.phase = Phase::Dialing {
            attempt,
            resume: resume.is_some(),
            deadline: now + DIAL_TIMEOUT,
        };
        self.events.push_back(Event::Dial(Dial {
            attempt,
            resume,
            reason: RR_SIGNAL_DISCONNECTED,
            auto_subscribe: self.config.auto_subscribe,
        }));
    }

    /// The connection is lost; tries to get it back.
    pub(super) fn reconnect(&mut self, resume: bool, now: Instant) {
        if self.is_over() {
            return;
        }
        if !self.config.reconnect {
            self.finish(End::Unreachable("connection lost".to_owned()), now);
            return;
        }
        let resume = resume && self.may_resume();
        self.announce_reconnecting(resume);
        self.requests.retain(outlives_a_socket);
        self.events.push_back(Event::CloseSignal);
        self.phase = Phase::Waiting {
            attempt: 1,
            resume,
            until: now,
        };
    }

    /// An attempt failed; schedules the next or gives up.
    fn retry(&mut self, attempt: u32, resume: bool, why: &str, now: Instant) {
        let limit = if self.pulse.joined_once {
            ATTEMPTS
        } else {
            FIRST_ATTEMPTS
        };
        let hopeless = self.pulse.joined_once && !self.config.reconnect;
        self.events.push_back(Event::CloseSignal);
        if attempt + 1 >= limit || hopeless {
            self.finish(End::Unreachable(why.to_owned()), now);
            return;
        }
        if self.pulse.joined_once {
            self.announce_reconnecting(resume);
        }
        let ceiling = BACKOFF
            .saturating_mul(1 << attempt.min(16))
            .min(BACKOFF_MAX);
        let until = now + ceiling.mul_f64(self.rng.random_range(0.5..=1.0));
        self.phase = Phase::Waiting {
            attempt: attempt + 1,
            resume,
            until,
        };
    }

    fn announce_reconnecting(&mut self, resume: bool) {
        if self.pulse.reconnecting != Some(resume) {
            self.pulse.reconnecting = Some(resume);
            self.events.push_back(Event::Reconnecting { resume });
        }
    }

    fn may_resume(&self) -> bool {
        self.pulse.joined_once
            && self.pulse.reconnecting != Some(false)
            && self.roster.own.is_some()
            && self.links.alive()
    }

    /// The server let us in with a new session.
    pub(super) fn entered(&mut self, now: Instant) {
        let attempt = self.attempt();
        self.pulse.joined_once = true;
        let deadline = now + CONNECT_TIMEOUT;
        self.phase = Phase::Connecting {
            attempt,
            resume: false,
            deadline,
        };
    }

    /// The server continues our session.
    pub(super) fn resumed(&mut self, now: Instant) {
        let attempt = self.attempt();
        self.pulse.heard(now);
        let deadline = now + CONNECT_TIMEOUT;
        self.phase = Phase::Connecting {
            attempt,
            resume: true,
            deadline,
        };
    }

    /// Media is up: the session is whole.
    pub(super) fn check_connected(&mut self, now: Instant) {
        let Phase::Connecting { resume, .. } = self.phase else {
            return;
        };
        if !self.links.ready(resume) {
            return;
        }
        self.phase = Phase::Up;
        match self.pulse.reconnecting.take() {
            Some(_) => self.events.push_back(Event::Reconnected { resume }),
            None => self.events.push_back(Event::Connected),
        }
        self.flush_data(now);
    }

    pub(super) fn awaits_greeting(&self) -> bool {
        matches!(self.phase, Phase::Greeting { .. })
    }

    fn attempt(&self) -> u32 {
        match self.phase {
            Phase::Dialing { attempt, .. }
            | Phase::Greeting { attempt, .. }
            | Phase::Connecting { attempt, .. }
            | Phase::Waiting { attempt, .. } => attempt,
            Phase::Up | Phase::Over => 0,
        }
    }

    fn phase_due(&mut self, now: Instant) {
        if self.phase.deadline().is_some_and(|(at, _)| at <= now) {
            self.phase_expired(now);
        }
        if !matches!(self.phase, Phase::Up | Phase::Connecting { .. }) {
            return;
        }
        if self.pulse.last_heard + self.pulse.timeout <= now {
            self.signal_lost(now);
        } else if self.pulse.next_ping <= now {
            let ping = self.pulse.ping(now);
            self.request(ping);
        }
    }

    fn phase_expired(&mut self, now: Instant) {
        match self.phase {
            Phase::Dialing { attempt, .. } => {
                let resume = self.may_resume();
                self.retry(attempt, resume, "no connection in time", now);
            }
            Phase::Greeting { attempt, .. } => {
                self.retry(attempt, false, "no greeting in time", now);
            }
            Phase::Connecting {
                attempt, resume, ..
            } => {
                let again = !resume && self.may_resume();
                self.retry(attempt, again, "no media in time", now);
            }
            Phase::Waiting {
                attempt, resume, ..
            } => self.try_again(attempt, resume, now),
            Phase::Up | Phase::Over => {}
        }
    }

    fn try_again(&mut self, attempt: u32, resume: bool, now: Instant) {
        let own = self.roster.own.as_ref().map(|p| p.sid.clone());
        match own.filter(|_| resume) {
            Some(sid) => self.dial(attempt, Some(sid), now),
            None => {
                self.start_over(now);
                self.dial(attempt, None, now);
            }
        }
    }

    /// Forgets the old session: the next join begins a new one.
    fn start_over(&mut self, now: Instant) {
        self.links.close(now);
        self.pump(now);
        self.links = Links::new(&self.config, &mut self.rng, now);
        self.requests
            .retain(|r| matches!(r, Request::UpdateMetadata(_)));
        self.data.start_over();
        let ended = self.remotes.clear();
        self.events.extend(
            ended
                .into_iter()
                .map(|sid| Event::TrackUnsubscribed { sid }),
        );
        for local in self.locals.values_mut() {
            local.start_over();
        }
    }
}

/// Requests that make sense on another socket; negotiation and pings are made anew.
fn outlives_a_socket(request: &Request) -> bool {
    !matches!(
        request,
        Request::Offer(_)
            | Request::Answer(_)
            | Request::Trickle(_)
            | Request::PingReq(_)
            | Request::Ping(_)
            | Request::SyncState(_)
    )
}
