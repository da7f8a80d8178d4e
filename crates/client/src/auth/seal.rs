//! Signing, and the clock that tokens are dated by.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, KeyRing, LEEWAY, sign};

use super::error::AuthError;
use super::spec::TokenSpec;

/// How long a token lives: LiveKit's own SDKs mint ten minutes for API calls.
pub const LIFE: Duration = Duration::from_secs(600);

/// How far back tokens for the moment are dated. Servers further behind are followed.
pub const DATED_BACK: Duration = Duration::from_secs(LEEWAY);

/// The wall clock, as a function so that tests can step it.
pub type WallClock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// The system's wall clock.
pub fn system_clock() -> WallClock {
    Arc::new(|| UnixTime::from_system(SystemTime::now()))
}

/// A token for the moment.
pub(super) fn sign_fresh(
    keys: &KeyRing,
    spec: &TokenSpec,
    now: UnixTime,
) -> Result<(Secret<String>, String), AuthError> {
    seal(keys, &spec.claims(now, LIFE)?.dated_back(DATED_BACK))
}

/// A token, and the id of the key that signed it.
pub(super) fn seal(keys: &KeyRing, claims: &Claims) -> Result<(Secret<String>, String), AuthError> {
    let key = keys.active();
    let token = sign(claims, &key).map_err(|_| AuthError::Sign)?;
    Ok((Secret::new(token), key.id().to_owned()))
}
