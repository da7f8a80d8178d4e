//! Tokens that are always fresh.
//!
//! [`LiveKitAuthManager`] holds the keys and signs. [`LiveKitAuthManager::keep`] returns a
//! [`FreshToken`]: a token that lives ten minutes, renewed well ahead of its end by a task the
//! value owns, read through a `watch`. The renewing task compares the wall clock at every wake, so
//! a clock that was stepped, or a machine that slept, renews at once instead of handing out a
//! token the server calls expired or not yet valid.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use trunkline_base::class::{Class, Classified};
use trunkline_base::id::ParticipantIdentity;
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, KeyRing, SipGrant, VideoGrant, sign};

mod spec;

pub use spec::{Role, TokenSpec};

/// How long a token lives: LiveKit's own SDKs mint ten minutes for API calls.
pub const LIFE: Duration = Duration::from_secs(600);

/// How long before its end a token is replaced. Whoever took the old one still has this much time
/// to use it.
const AHEAD: Duration = Duration::from_secs(120);

/// How often the wall clock is looked at. A step of the clock is noticed within this time, which
/// is inside the one-minute leeway servers allow.
const LOOK: Duration = Duration::from_secs(20);

/// The wall clock, as a function so that tests can step it.
pub type WallClock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// The system's wall clock.
pub fn system_clock() -> WallClock {
    Arc::new(|| UnixTime::from_system(SystemTime::now()))
}

/// Why no token could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The role needs a room and none was named.
    #[error("role {role} needs a room")]
    RoomMissing {
        /// The role.
        role: Role,
    },
    /// Signing failed.
    #[error("token cannot be signed")]
    Sign,
}

impl Classified for AuthError {
    fn class(&self) -> Class {
        match self {
            Self::RoomMissing { .. } => Class::Invalid,
            Self::Sign => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::RoomMissing { .. } => "client.auth.room_missing",
            Self::Sign => "client.auth.sign",
        }
    }
}

/// Signs tokens with the active key of a ring, and keeps them fresh.
#[derive(Clone)]
pub struct LiveKitAuthManager {
    keys: watch::Sender<KeyRing>,
    clock: WallClock,
}

impl fmt::Debug for LiveKitAuthManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveKitAuthManager").finish_non_exhaustive()
    }
}

impl LiveKitAuthManager {
    /// Signs with the active key of `keys`.
    pub fn new(keys: KeyRing) -> Self {
        Self::with_clock(keys, system_clock())
    }

    /// Signs by another clock.
    pub fn with_clock(keys: KeyRing, clock: WallClock) -> Self {
        Self {
            keys: watch::Sender::new(keys),
            clock,
        }
    }

    /// Replaces the keys; every kept token is renewed with the new active key at once.
    pub fn rotate(&self, keys: KeyRing) {
        self.keys.send_replace(keys);
    }

    /// The keys in use.
    pub fn keys(&self) -> KeyRing {
        self.keys.borrow().clone()
    }

    /// One token that lives [`LIFE`].
    ///
    /// # Errors
    /// [`AuthError`] without a room where the role needs one.
    pub fn mint(&self, spec: &TokenSpec) -> Result<Secret<String>, AuthError> {
        self.mint_for(spec, LIFE)
    }

    /// One token of another life.
    ///
    /// # Errors
    /// As [`LiveKitAuthManager::mint`].
    pub fn mint_for(&self, spec: &TokenSpec, life: Duration) -> Result<Secret<String>, AuthError> {
        mint(&self.keys.borrow(), spec, (self.clock)(), life)
    }

    /// The wall clock it signs by.
    pub(crate) fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// Tells of every rotation.
    pub(crate) fn rotations(&self) -> watch::Receiver<KeyRing> {
        self.keys.subscribe()
    }

    /// A token for server calls with exactly these grants.
    pub(crate) fn mint_call(
        &self,
        caller: &ParticipantIdentity,
        video: VideoGrant,
        sip: Option<SipGrant>,
        life: Duration,
    ) -> Result<Secret<String>, AuthError> {
        let mut claims =
            Claims::new(caller.as_str(), (self.clock)(), life.as_secs()).with_video(video);
        claims.sip = sip;
        sign(&claims, self.keys.borrow().active())
            .map(Secret::new)
            .map_err(|_| AuthError::Sign)
    }

    /// A token that is always fresh, for as long as the returned value lives.
    ///
    /// # Errors
    /// As [`LiveKitAuthManager::mint`].
    pub fn keep(&self, spec: TokenSpec) -> Result<FreshToken, AuthError> {
        let token = self.mint(&spec)?;
        let made = (self.clock)();
        let (sender, current) = watch::channel(token);
        let keeper = Keeper {
            spec,
            keys: self.keys.subscribe(),
            clock: Arc::clone(&self.clock),
            made,
            sender,
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "owned by FreshToken and aborted with it"
        )]
        let task = tokio::spawn(keeper.run());
        Ok(FreshToken {
            current,
            task: Arc::new(AbortOnDrop(task)),
        })
    }
}

fn mint(
    keys: &KeyRing,
    spec: &TokenSpec,
    now: UnixTime,
    life: Duration,
) -> Result<Secret<String>, AuthError> {
    let claims = spec.claims(now, life)?;
    sign(&claims, keys.active())
        .map(Secret::new)
        .map_err(|_| AuthError::Sign)
}

/// A token that is always fresh. Clones share the renewing task; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct FreshToken {
    current: watch::Receiver<Secret<String>>,
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
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Keeper {
    spec: TokenSpec,
    keys: watch::Receiver<KeyRing>,
    clock: WallClock,
    made: UnixTime,
    sender: watch::Sender<Secret<String>>,
}

impl Keeper {
    async fn run(mut self) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Without a manager no rotation can come, but renewal goes on by the clock.
        let mut managed = true;
        loop {
            let mut rotated = false;
            tokio::select! {
                _ = looks.tick() => {}
                changed = self.keys.changed(), if managed => {
                    managed = changed.is_ok();
                    rotated = managed;
                }
            }
            let now = (self.clock)();
            if rotated || self.is_due(now) {
                self.renew(now);
            }
        }
    }

    /// Old, or made in what is now the future: the clock was stepped.
    fn is_due(&self, now: UnixTime) -> bool {
        now < self.made || now.since(self.made) >= LIFE.saturating_sub(AHEAD)
    }

    fn renew(&mut self, now: UnixTime) {
        let minted = mint(&self.keys.borrow(), &self.spec, now, LIFE);
        match minted {
            Ok(token) => {
                self.made = now;
                self.sender.send_replace(token);
            }
            Err(error) => tracing::warn!(%error, "token not renewed"),
        }
    }
}

#[cfg(test)]
mod tests;
