//! The places that a call may go to, and which of them it is at.
//!
//! The next one is tried where the one before does not answer, takes no connection or says 503
//! (RFC 3263 4.3), and only while nobody was heard to work on the call: no two phones ring at once. What
//! failed is remembered for the calls and registrations after this one.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use trunkline_sip::endpoint::{EndCause, Flow, Transport};
use trunkline_sip::locate::{LocateError, Target};

use super::super::super::resolve::Resolver;
use super::super::super::signalling::{LegEvent, now};
use super::super::super::ways::{Ways, domain};
use super::super::setup::Shared;
use super::order::DialError;
use super::plan::Plan;

/// The places that a call may go to.
pub(super) struct Route {
    resolver: Resolver,
    /// Not tried yet, the next one first.
    rest: VecDeque<Stop>,
    at: Stop,
    since: Instant,
    heard: Heard,
}

/// One of them.
#[derive(Clone)]
pub(super) struct Stop {
    target: Target,
    pub(super) flow: Flow,
}

impl Stop {
    /// Who has to be there.
    pub(super) fn domain(&self) -> Option<String> {
        domain(&self.target)
    }
}

/// What was heard from where the call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Heard {
    Nothing,
    /// 100: somebody is there.
    Somebody,
    /// More than that: a phone may ring.
    Work,
}

impl Route {
    /// Looks for the places.
    pub(super) async fn find(plan: &Plan, shared: &Shared) -> Result<Self, DialError> {
        let found = shared.resolver.resolve(&plan.hop.uri).await;
        let nowhere = |why| DialError::Host {
            host: plan.hop.uri.host.clone(),
            why,
        };
        let found = found.map_err(nowhere)?;
        let mut ways = Ways::new(&shared.config, &shared.outside, shared.bound);
        let stop = |target: Target| {
            let flow = ways.to(&target)?;
            Some(Stop { target, flow })
        };
        let mut rest: VecDeque<Stop> = found.into_iter().filter_map(stop).collect();
        let host = || plan.hop.uri.host.clone();
        let first = rest.pop_front();
        let at = first.ok_or_else(|| nowhere(LocateError::Unknown(host())))?;
        Ok(Self {
            resolver: shared.resolver.clone(),
            rest,
            at,
            since: now(),
            heard: Heard::Nothing,
        })
    }

    /// Where a call is that was answered before this process began: it goes nowhere else.
    pub(super) fn settled(shared: &Shared, address: SocketAddr) -> Self {
        let target = Target {
            transport: Transport::Udp,
            address,
            name: address.ip().to_string(),
        };
        let flow = Flow {
            transport: Transport::Udp,
            local: shared.bound.udp,
            remote: address,
        };
        Self {
            resolver: shared.resolver.clone(),
            rest: VecDeque::new(),
            at: Stop { target, flow },
            since: now(),
            heard: Heard::Work,
        }
    }

    /// Where the call is.
    pub(super) const fn at(&self) -> &Stop {
        &self.at
    }

    /// An INVITE went out.
    pub(super) fn sent(&mut self) {
        self.since = now();
        self.heard = Heard::Nothing;
    }

    /// A provisional answer came, or the final one.
    pub(super) fn heard(&mut self, status: u16) {
        if status == UNAVAILABLE {
            return;
        }
        if self.heard == Heard::Nothing {
            self.resolver.works(&self.at.target);
        }
        let heard = if status == 100 {
            Heard::Somebody
        } else {
            Heard::Work
        };
        self.heard = self.heard.max(heard);
    }

    /// What is heard of the place itself.
    pub(super) fn hear(&mut self, event: &LegEvent) {
        match event {
            LegEvent::Progress { status, .. } | LegEvent::Declined { status, .. } => {
                self.heard(*status);
            }
            LegEvent::Answered { .. } => self.heard(200),
            _ => {}
        }
    }

    /// The place failed, and there is another.
    pub(super) fn goes_on(&mut self) -> bool {
        self.failed(None);
        self.next().is_some()
    }

    /// When the next place is tried though this one has not refused.
    pub(super) fn patience(&self) -> Option<Instant> {
        let waits = self.heard == Heard::Nothing && !self.rest.is_empty();
        waits.then(|| self.since + PATIENCE)
    }

    /// The place failed: others come first for a while, as long as it asked for if it did.
    pub(super) fn failed(&self, after: Option<Duration>) {
        self.resolver.failed(&self.at.target, after);
    }

    /// Goes on to the next place, if there is one and the call may go there.
    pub(super) fn next(&mut self) -> Option<&Stop> {
        if self.heard == Heard::Work {
            return None;
        }
        self.at = self.rest.pop_front()?;
        Some(&self.at)
    }
}

/// Does this end say nothing about whom we call, so that another place may do better?
pub(super) const fn is_of_place(cause: &EndCause) -> bool {
    matches!(
        cause,
        EndCause::Refused(UNAVAILABLE) | EndCause::Timeout | EndCause::Unreachable
    )
}

/// A server that is overloaded, or going down.
const UNAVAILABLE: u16 = 503;

/// How long a place is waited for while there is another. An answer takes a tenth of a second, and a
/// lost INVITE was repeated three times by then.
const PATIENCE: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use trunkline_sip::locate::Means;

    use super::*;

    fn stop(last: u8) -> Stop {
        let remote = ([192, 0, 2, last], 5060).into();
        Stop {
            target: Target {
                transport: Transport::Udp,
                address: remote,
                name: "provider.example".to_owned(),
            },
            flow: Flow {
                transport: Transport::Udp,
                local: ([192, 0, 2, 1], 5060).into(),
                remote,
            },
        }
    }

    fn route() -> Route {
        let means = Means {
            transports: vec![Transport::Udp],
            v4: true,
            v6: false,
        };
        Route {
            resolver: Resolver::new(&[([127, 0, 0, 1], 53).into()], means),
            rest: [stop(11), stop(12)].into(),
            at: stop(10),
            since: now(),
            heard: Heard::Nothing,
        }
    }

    #[tokio::test]
    async fn places_are_tried_one_after_another_until_somebody_rings() {
        let mut route = route();
        route.sent();
        assert!(route.patience().is_some());
        // Who says 100 is waited for, and may still be overloaded.
        route.heard(100);
        assert_eq!(route.patience(), None);
        route.heard(503);
        let next = route.next().map(|stop| stop.flow.remote.to_string());
        assert_eq!(next.as_deref(), Some("192.0.2.11:5060"));
        route.sent();
        assert!(route.patience().is_some());
        route.heard(180);
        assert!(route.next().is_none(), "a phone rings already");
    }

    #[tokio::test]
    async fn the_last_place_is_waited_for_as_long_as_the_caller_waits() {
        let mut route = route();
        assert!(route.next().is_some() && route.next().is_some());
        route.sent();
        assert_eq!(route.patience(), None);
        assert!(route.next().is_none());
    }
}
