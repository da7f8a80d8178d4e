//! One server that calls go to: its addresses, its breakers, and what calls to it usually take.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Url;

use super::breaker::{Breaker, BreakerPolicy, Pass, Shut, Sign};
use super::observe::{Guard, Watch};
use super::rpc::RpcInfo;
use super::table::RPCS;
use crate::clock::now;
use crate::url::ServerUrl;

#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: ServerUrl,
    /// Parsed once: parsing costs more than looking up.
    addresses: HashMap<&'static str, Url>,
    /// By service. Held for a step of a breaker, never across an await.
    breakers: Mutex<BTreeMap<&'static str, Pair>>,
    policy: BreakerPolicy,
    watch: Watch,
    /// Microseconds, moving slowly.
    usual: AtomicU64,
}

/// A service's breakers.
#[derive(Debug)]
struct Pair {
    reach: Breaker,
    token: Breaker,
    /// The turn of the tokens that the token breaker has seen.
    turn: u64,
}

/// Leave for one attempt. Dropped without a report, it says nothing and gives its place back.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    target: &'a Target,
    service: &'static str,
    turn: u64,
    reach: Pass,
    token: Pass,
    is_reported: bool,
}

impl Target {
    pub(super) fn new(url: ServerUrl, policy: BreakerPolicy, watch: Watch) -> Self {
        let address = |rpc: &RpcInfo| Some((rpc.path, Url::parse(&url.http(rpc.path)).ok()?));
        Self {
            addresses: RPCS.iter().filter_map(address).collect(),
            url,
            breakers: Mutex::default(),
            policy,
            watch,
            usual: AtomicU64::new(0),
        }
    }

    pub(super) fn address(&self, rpc: &RpcInfo) -> Option<Url> {
        self.addresses.get(rpc.path).cloned()
    }

    /// What calls usually take.
    pub(super) fn usual(&self) -> Duration {
        Duration::from_micros(self.usual.load(Ordering::Relaxed))
    }

    /// A call took this long. One in eight moves the figure, so that one slow call does not.
    pub(super) fn took(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let old = self.usual.load(Ordering::Relaxed);
        let new = if old == 0 {
            took
        } else {
            old - old / 8 + took / 8
        };
        self.usual.store(new, Ordering::Relaxed);
    }

    /// Asks both breakers. `turn` is the token's: tokens of another one are others.
    pub(super) fn admit(
        &self,
        service: &'static str,
        turn: u64,
        now: Instant,
    ) -> Result<Leave<'_>, (Guard, Shut)> {
        self.with(service, |pair| {
            if pair.turn != turn {
                pair.turn = turn;
                pair.token.close();
            }
            let reach = pair.reach.admit(now).map_err(|shut| (Guard::Reach, shut))?;
            match pair.token.admit(now) {
                Ok(token) => Ok((reach, token)),
                Err(shut) => {
                    pair.reach.record(reach, Sign::Nothing, now);
                    Err((Guard::Token, shut))
                }
            }
        })
        .map(|(reach, token)| Leave {
            target: self,
            service,
            turn,
            reach,
            token,
            is_reported: false,
        })
    }

    fn with<T>(&self, service: &'static str, step: impl FnOnce(&mut Pair) -> T) -> T {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = breakers.entry(service).or_insert_with(|| Pair {
            reach: Breaker::new(self.policy),
            token: Breaker::new(self.policy),
            turn: 0,
        });
        let before = (pair.reach.state(), pair.token.state());
        let result = step(pair);
        let after = (pair.reach.state(), pair.token.state());
        drop(breakers);
        if before.0 != after.0 {
            self.watch.breaker(service, Guard::Reach, after.0);
        }
        if before.1 != after.1 {
            self.watch.breaker(service, Guard::Token, after.1);
        }
        result
    }
}

impl Leave<'_> {
    /// Reports what the attempt showed of the server, and of our token.
    pub(super) fn report(mut self, reach: Sign, token: Sign, now: Instant) {
        self.is_reported = true;
        self.tell(reach, token, now);
    }

    fn tell(&self, reach: Sign, token: Sign, now: Instant) {
        self.target.with(self.service, |pair| {
            pair.reach.record(self.reach, reach, now);
            // What was thought of an older token says nothing of those of now.
            let token = if pair.turn == self.turn {
                token
            } else {
                Sign::Nothing
            };
            pair.token.record(self.token, token, now);
        });
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if !self.is_reported {
            let now = now();
            self.tell(Sign::Nothing, Sign::Nothing, now);
        }
    }
}
