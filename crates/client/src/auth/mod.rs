//! Tokens: who may have which, signed, and always fresh.
//!
//! [`LiveKitAuthManager`] holds the keys and signs. What it signs is checked first
//! ([`faults`]): contradictory, over-wide and endless tokens are refused with the reason, unless a
//! [`TokenSpec`] says that it is wide deliberately. [`crate::api::RPCS`] is the least right for each call
//! of the server's API.
//!
//! [`LiveKitAuthManager::keep`] returns a [`FreshToken`]: a token that lives ten minutes, renewed
//! ahead of its end by a task the value owns, read through a `watch`. The renewing task compares
//! the wall clock with a steady one at every look, so a clock that was stepped, or a machine that
//! slept, renews at once instead of handing out a token the server calls expired or not yet valid.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use trunkline_base::class::{Class, Classified};
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, KeyRing, sign};

mod check;
mod fresh;
mod operation;
mod role;
mod spec;

pub use check::{Fault, Faults, faults};
pub use fresh::{FreshToken, Renewal, Why};
pub use operation::{ApiGrant, Scope};
pub use role::{Purpose, Role, UnknownRole};
pub use spec::TokenSpec;

/// How long a token lives: LiveKit's own SDKs mint ten minutes for API calls.
pub const LIFE: Duration = Duration::from_secs(600);

/// The bearer of tokens for the server's API; LiveKit does not look at it.
const API_CALLER: &str = "trunkline";

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
    #[error("role {role} needs a room; name one")]
    RoomMissing {
        /// The role.
        role: Role,
    },
    /// Its claims must not be signed.
    #[error("token refused: {0}")]
    Refused(Faults),
    /// Signing failed.
    #[error("token cannot be signed; check that the API key has a secret")]
    Sign,
}

impl From<Faults> for AuthError {
    fn from(faults: Faults) -> Self {
        Self::Refused(faults)
    }
}

impl Classified for AuthError {
    fn class(&self) -> Class {
        match self {
            Self::RoomMissing { .. } | Self::Refused(_) => Class::Invalid,
            Self::Sign => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::RoomMissing { .. } => "client.auth.room_missing",
            Self::Refused(_) => "client.auth.refused",
            Self::Sign => "client.auth.sign",
        }
    }
}

/// Signs tokens with the active key of a ring, and keeps them fresh.
#[derive(Clone)]
pub struct LiveKitAuthManager {
    keys: KeyRing,
    rotated: watch::Sender<()>,
    clock: WallClock,
}

impl fmt::Debug for LiveKitAuthManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveKitAuthManager").finish_non_exhaustive()
    }
}

impl LiveKitAuthManager {
    /// Signs with the active key of `keys`, and goes on with whatever replaces it there.
    pub fn new(keys: KeyRing) -> Self {
        Self::with_clock(keys, system_clock())
    }

    /// Signs by another clock.
    pub fn with_clock(keys: KeyRing, clock: WallClock) -> Self {
        Self {
            keys,
            rotated: watch::Sender::new(()),
            clock,
        }
    }

    /// Replaces the keys, for everyone who shares the ring; every kept token is renewed with the
    /// new active key at once.
    pub fn rotate(&self, keys: &KeyRing) {
        self.keys.replace(keys);
        self.rotated.send_replace(());
    }

    /// The keys in use.
    pub const fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// One token that lives [`LIFE`].
    ///
    /// # Errors
    /// [`AuthError`] for claims that must not be signed, or that cannot be.
    pub fn mint(&self, spec: &TokenSpec) -> Result<Secret<String>, AuthError> {
        self.mint_for(spec, LIFE)
    }

    /// One token of another life.
    ///
    /// # Errors
    /// As [`LiveKitAuthManager::mint`].
    pub fn mint_for(&self, spec: &TokenSpec, life: Duration) -> Result<Secret<String>, AuthError> {
        sign_spec(&self.keys, spec, (self.clock)(), life).map(|(token, _)| token)
    }

    /// A token for one call of the server's API, with the least right for it.
    ///
    /// # Errors
    /// [`AuthError::Refused`] when the right is for a room and the scope names none.
    pub fn mint_api(&self, grant: ApiGrant, scope: Scope<'_>) -> Result<Secret<String>, AuthError> {
        self.mint_api_at(grant, scope, self.now())
    }

    /// As [`LiveKitAuthManager::mint_api`], dated by a server whose clock is not ours.
    ///
    /// Without `nbf` and `iat`: the token is for this moment, and a server whose clock is behind
    /// would call it not yet valid, older ones by either.
    pub(crate) fn mint_api_at(
        &self,
        grant: ApiGrant,
        scope: Scope<'_>,
        now: UnixTime,
    ) -> Result<Secret<String>, AuthError> {
        let mut claims = grant.claims(scope)?.valid(now, grant.life().as_secs());
        (claims.nbf, claims.iat) = (None, None);
        API_CALLER.clone_into(&mut claims.sub);
        seal(&self.keys, &claims).map(|(token, _)| token)
    }

    /// The wall clock it signs by.
    pub(crate) fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// A token that is always fresh, for as long as the returned value lives.
    ///
    /// # Errors
    /// As [`LiveKitAuthManager::mint`].
    pub fn keep(&self, spec: TokenSpec) -> Result<FreshToken, AuthError> {
        self.keep_seeded(spec, rand::random())
    }

    /// As [`LiveKitAuthManager::keep`], with the moments of renewal decided by `seed`.
    ///
    /// # Errors
    /// As [`LiveKitAuthManager::mint`].
    pub fn keep_seeded(&self, spec: TokenSpec, seed: u64) -> Result<FreshToken, AuthError> {
        FreshToken::start(
            spec,
            self.keys.clone(),
            self.rotated.subscribe(),
            Arc::clone(&self.clock),
            seed,
        )
    }
}

/// A token, and the id of the key that signed it.
fn sign_spec(
    keys: &KeyRing,
    spec: &TokenSpec,
    now: UnixTime,
    life: Duration,
) -> Result<(Secret<String>, String), AuthError> {
    seal(keys, &spec.claims(now, life)?)
}

fn seal(keys: &KeyRing, claims: &Claims) -> Result<(Secret<String>, String), AuthError> {
    let key = keys.active();
    let token = sign(claims, &key).map_err(|_| AuthError::Sign)?;
    Ok((Secret::new(token), key.id().to_owned()))
}

#[cfg(test)]
mod tests;
