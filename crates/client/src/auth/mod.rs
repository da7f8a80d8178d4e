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
//! Whatever of ours lives longer than a token takes its token from one.
//!
//! Tokens made for the moment, kept ones and those for the API, are dated back ([`DATED_BACK`]) in
//! `iat` and `nbf`: LiveKit forgives a minute, other verifiers nothing, and a server whose clock is
//! behind ours by less than that must not call them not yet valid. One that is further off is
//! followed: its refusal tells its time, and the next token is dated by it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;

mod check;
mod error;
mod fresh;
mod operation;
mod role;
mod seal;
mod skew;
mod spec;

pub use check::{Fault, Faults, faults};
pub use error::AuthError;
pub use fresh::{FreshToken, Renewal, Why};
pub use operation::{ApiGrant, Scope};
pub use role::{Purpose, Role, UnknownRole};
pub use seal::{DATED_BACK, LIFE, WallClock, system_clock};
pub(crate) use skew::Skew;
pub use spec::TokenSpec;

use seal::seal;

/// The bearer of tokens for the server's API; LiveKit does not look at it.
const API_CALLER: &str = "trunkline";

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
        let claims = spec.claims((self.clock)(), life)?;
        seal(&self.keys, &claims).map(|(token, _)| token)
    }

    /// A token for one call of the server's API, with the least right for it.
    ///
    /// # Errors
    /// [`AuthError::Refused`] when the right is for a room and the scope names none.
    pub fn mint_api(&self, grant: ApiGrant, scope: Scope<'_>) -> Result<Secret<String>, AuthError> {
        self.mint_api_at(grant, scope, self.now())
    }

    /// As [`LiveKitAuthManager::mint_api`], dated by a server whose clock is not ours.
    pub(crate) fn mint_api_at(
        &self,
        grant: ApiGrant,
        scope: Scope<'_>,
        now: UnixTime,
    ) -> Result<Secret<String>, AuthError> {
        let claims = grant.claims(scope)?.valid(now, grant.life().as_secs());
        let mut claims = claims.dated_back(DATED_BACK);
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

    /// A token like this one, which one of our keys signed for somebody to join a room with: same
    /// bearer, room and rights, and fresh for as long as the returned value lives.
    ///
    /// # Errors
    /// [`AuthError::Foreign`] for a token that our keys do not verify.
    pub fn keep_like(&self, token: &Secret<String>) -> Result<FreshToken, AuthError> {
        let verified = self.keys.verify(token.expose(), self.now());
        self.keep(TokenSpec::like(verified.map_err(AuthError::Foreign)?)?)
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

#[cfg(test)]
mod tests;
