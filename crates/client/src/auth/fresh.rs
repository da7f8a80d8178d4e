//! A token that is always fresh, and the task that keeps it so.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;

use super::{AuthError, LIFE, TokenSpec, WallClock, sign_spec};

/// How long before its end a token is replaced at the latest. Whoever took the old one still has
/// this much time to use it.
const AHEAD: Duration = Duration::from_secs(120);

/// Replacements are spread over this long before that, so that a fleet started together does not
/// renew together.
const JITTER: Duration = Duration::from_secs(60);

/// How often clock and keys are looked at. A step of the clock is noticed within this time, which
/// is inside the one-minute leeway servers allow.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// How far the wall clock may stray from the steady one before it counts as stepped.
const STEP: Duration = Duration::from_secs(10);

/// Why a token was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is the first.
    First,
    /// The one before was getting old.
    Due,
    /// The wall clock was stepped, or the machine slept.
    ClockStepped,
    /// Another key signs now.
    KeysChanged,
}

/// What is known of the latest token without knowing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Tokens made, the first included.
    pub count: u64,
    /// Attempts that failed since the latest was made.
    pub failures: u64,
    /// Why it was made.
    pub why: Why,
    /// The id of the key that signed it.
    pub key: String,
    /// When it was made.
    pub made: UnixTime,
    /// When it ends.
    pub expires: UnixTime,
}

/// A token that is always fresh. Clones share the renewing task; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct FreshToken {
    current: watch::Receiver<Secret<String>>,
    renewals: watch::Receiver<Renewal>,
    #[expect(dead_code, reason = "held for its drop")]
    task: Arc<AbortOnDrop>,
}

impl FreshToken {
    /// The token to use now.
    pub fn current(&self) -> Secret<String> {
        self.current.borrow().clone()
    }

    /// Every later token.
    pub fn watch(&self) -> watch::Receiver<Secret<String>> {
        self.current.clone()
    }

    /// When and why the token was renewed, for health checks and measurements.
    pub fn renewals(&self) -> watch::Receiver<Renewal> {
        self.renewals.clone()
    }

    /// Makes the first token and starts the task.
    pub(super) fn start(
        spec: TokenSpec,
        keys: KeyRing,
        rotated: watch::Receiver<()>,
        clock: WallClock,
        seed: u64,
    ) -> Result<Self, AuthError> {
        let made = clock();
        let version = keys.version();
        let (token, key) = sign_spec(&keys, &spec, made, LIFE)?;
        let (sender, current) = watch::channel(token);
        let (log, renewals) = watch::channel(Renewal {
            count: 1,
            failures: 0,
            why: Why::First,
            key,
            made,
            expires: made.plus(LIFE),
        });
        let mut rng = SmallRng::seed_from_u64(seed);
        let keeper = Keeper {
            spec,
            keys,
            rotated,
            clock,
            version,
            made_wall: made,
            made_at: Instant::now(),
            due: due(&mut rng),
            rng,
            sender,
            log,
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "owned by FreshToken and aborted with it"
        )]
        let task = tokio::spawn(keeper.run());
        Ok(Self {
            current,
            renewals,
            task: Arc::new(AbortOnDrop(task)),
        })
    }
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn due(rng: &mut SmallRng) -> Duration {
    let early = JITTER.mul_f64(rng.random::<f64>());
    LIFE.saturating_sub(AHEAD).saturating_sub(early)
}

struct Keeper {
    spec: TokenSpec,
    keys: KeyRing,
    rotated: watch::Receiver<()>,
    clock: WallClock,
    /// The keys' version that signed.
    version: u64,
    made_wall: UnixTime,
    made_at: Instant,
    /// Age at which the token is replaced.
    due: Duration,
    rng: SmallRng,
    sender: watch::Sender<Secret<String>>,
    log: watch::Sender<Renewal>,
}

impl Keeper {
    async fn run(mut self) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Without a manager nobody says that the keys changed; the next look sees it.
        let mut managed = true;
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                changed = self.rotated.changed(), if managed => managed = changed.is_ok(),
            }
            let now = (self.clock)();
            if let Some(why) = self.reason(now) {
                self.renew(now, why);
            }
        }
    }

    fn reason(&self, now: UnixTime) -> Option<Why> {
        let age = self.made_at.elapsed();
        let told = self.made_wall.plus(age);
        let strayed = now.since(told).max(told.since(now));
        if self.keys.version() != self.version {
            Some(Why::KeysChanged)
        } else if strayed > STEP {
            Some(Why::ClockStepped)
        } else {
            (age >= self.due).then_some(Why::Due)
        }
    }

    fn renew(&mut self, now: UnixTime, why: Why) {
        // Read before signing: a change in between is seen at the next look.
        let version = self.keys.version();
        match sign_spec(&self.keys, &self.spec, now, LIFE) {
            Ok((token, key)) => {
                tracing::debug!(?why, key, role = %self.spec.role, "token renewed");
                self.version = version;
                self.made_wall = now;
                self.made_at = Instant::now();
                self.due = due(&mut self.rng);
                self.sender.send_replace(token);
                self.log.send_modify(|renewal| {
                    *renewal = Renewal {
                        count: renewal.count + 1,
                        failures: 0,
                        why,
                        key,
                        made: now,
                        expires: now.plus(LIFE),
                    };
                });
            }
            Err(error) => {
                tracing::warn!(%error, "token not renewed");
                self.log.send_modify(|renewal| renewal.failures += 1);
            }
        }
    }
}
