//! A token that is always fresh, and the task that keeps it so.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;

use super::error::AuthError;
use super::seal::{LIFE, WallClock, sign_fresh};
use super::skew::Skew;
use super::spec::TokenSpec;

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
    First,
    /// The one before was getting old.
    Due,
    /// The wall clock was stepped, or the machine slept.
    ClockStepped,
    /// Another key signs now.
    KeysChanged,
    /// It says something else: the server told a name, attributes or rights of its bearer, or the
    /// bearer is in and needs what brings him back.
    Told,
    /// The server's clock is not ours, and tokens follow it.
    ServerClock,
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
    /// When it was made, by the clock it is dated by.
    pub made: UnixTime,
    /// When it ends.
    pub expires: UnixTime,
}

/// A token that is always fresh. Clones share the renewing task; it ends with the last of them.
#[derive(Clone)]
pub struct FreshToken {
    renewing: Arc<Renewing>,
    #[expect(dead_code, reason = "held for its drop")]
    task: Arc<AbortOnDrop>,
}

impl FreshToken {
    /// The token to use now. Keys that changed since the last look have signed it already.
    pub fn current(&self) -> Secret<String> {
        self.renewing.look_at_keys();
        self.renewing.token.borrow().clone()
    }

    /// Every later token.
    pub fn watch(&self) -> watch::Receiver<Secret<String>> {
        self.renewing.token.subscribe()
    }

    /// When and why the token was renewed, for health checks and measurements.
    pub fn renewals(&self) -> watch::Receiver<Renewal> {
        self.renewing.log.subscribe()
    }

    /// Takes over what the server says of the bearer now: LiveKit sends a new token whenever a
    /// name, metadata, attributes or rights change. One that none of our keys signed, or that is
    /// for somebody else, changes nothing; later tokens say the same, signed by the key of the day.
    pub(crate) fn follow(&self, told: &Secret<String>) {
        let mut state = self.renewing.lock();
        let now = state.skew.at((self.renewing.clock)());
        let Ok(claims) = self.renewing.keys.verify(told.expose(), now) else {
            return tracing::debug!("a token from the server is not of our keys");
        };
        if !state.spec.is_about(&claims) {
            return tracing::debug!("a token from the server is for somebody else");
        }
        let Ok(spec) = TokenSpec::like(claims) else {
            return;
        };
        self.renewing.say(&mut state, spec.without_dispatch());
    }

    /// The bearer is in: from now on the token is for coming back.
    pub(crate) fn joined(&self) {
        let mut state = self.renewing.lock();
        let spec = state.spec.clone().without_dispatch();
        self.renewing.say(&mut state, spec);
    }

    /// After a server refused `used`, and told its time: whether there is another token now, by
    /// other keys or dated by the server's clock.
    pub(crate) fn is_cured(&self, used: &Secret<String>, server: Option<UnixTime>) -> bool {
        if let Some(server) = server {
            let mut state = self.renewing.lock();
            let skew = Skew::between(server, (self.renewing.clock)());
            if !state.skew.is_near(skew) {
                skew.tell();
                state.skew = skew;
                self.renewing.renew(&mut state, Why::ServerClock);
            }
        }
        self.current().expose() != used.expose()
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
        let (token, key) = sign_fresh(&keys, &spec, made)?;
        let log = watch::Sender::new(Renewal {
            count: 1,
            failures: 0,
            why: Why::First,
            key,
            made,
            expires: made.plus(LIFE),
        });
        let mut rng = SmallRng::seed_from_u64(seed);
        let state = State {
            spec,
            version,
            skew: Skew::default(),
            made_wall: made,
            made_at: Instant::now(),
            due: due(&mut rng),
            rng,
        };
        let renewing = Arc::new(Renewing {
            keys,
            clock,
            state: Mutex::new(state),
            token: watch::Sender::new(token),
            log,
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "owned by FreshToken and aborted with it"
        )]
        let task = tokio::spawn(look(Arc::clone(&renewing), rotated));
        Ok(Self {
            renewing,
            task: Arc::new(AbortOnDrop(task)),
        })
    }
}

impl fmt::Debug for FreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshToken").finish_non_exhaustive()
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

/// Renews when it is time to.
async fn look(renewing: Arc<Renewing>, mut rotated: watch::Receiver<()>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Without a manager nobody says that the keys changed; the next look sees it.
    let mut managed = true;
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            changed = rotated.changed(), if managed => managed = changed.is_ok(),
        }
        let mut state = renewing.lock();
        if let Some(why) = renewing.reason(&state) {
            renewing.renew(&mut state, why);
        }
    }
}

struct Renewing {
    keys: KeyRing,
    clock: WallClock,
    /// Shared, because whoever takes a token may find that it must be another: held for a look or
    /// a signature, never across an await.
    state: Mutex<State>,
    token: watch::Sender<Secret<String>>,
    log: watch::Sender<Renewal>,
}

struct State {
    spec: TokenSpec,
    /// The keys' version that signed.
    version: u64,
    skew: Skew,
    /// By our own clock.
    made_wall: UnixTime,
    made_at: Instant,
    /// Age at which the token is replaced.
    due: Duration,
    rng: SmallRng,
}

impl Renewing {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look_at_keys(&self) {
        let mut state = self.lock();
        if self.keys.version() != state.version {
            self.renew(&mut state, Why::KeysChanged);
        }
    }

    fn say(&self, state: &mut State, spec: TokenSpec) {
        if spec != state.spec {
            state.spec = spec;
            self.renew(state, Why::Told);
        }
    }

    fn reason(&self, state: &State) -> Option<Why> {
        let now = (self.clock)();
        let age = state.made_at.elapsed();
        let told = state.made_wall.plus(age);
        let strayed = now.since(told).max(told.since(now));
        if self.keys.version() != state.version {
            Some(Why::KeysChanged)
        } else if strayed > STEP {
            Some(Why::ClockStepped)
        } else {
            (age >= state.due).then_some(Why::Due)
        }
    }

    fn renew(&self, state: &mut State, why: Why) {
        // Read before signing: a change in between is seen at the next look.
        let version = self.keys.version();
        let ours = (self.clock)();
        if why == Why::ClockStepped {
            // What was off may have been our own clock.
            state.skew = Skew::default();
        }
        let now = state.skew.at(ours);
        match sign_fresh(&self.keys, &state.spec, now) {
            Ok((token, key)) => {
                tracing::debug!(?why, key, role = %state.spec.role, "token renewed");
                state.version = version;
                state.made_wall = ours;
                state.made_at = Instant::now();
                state.due = due(&mut state.rng);
                self.token.send_replace(token);
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
