//! The keys of a deployment. The algorithm is pinned to HS256; the key is looked up by the token's
//! `iss`; expiry is judged against the caller's `now`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::{ApiKey, VerifyError};
use crate::time::UnixTime;
use crate::token::claims::Claims;
use crate::token::jws::{Parts, TOKEN_LIMIT};

/// Seconds of clock difference forgiven on `exp` and `nbf`, as LiveKit forgives them.
pub const LEEWAY: u64 = 60;

/// The keys of a deployment: the first signs, all verify.
///
/// A ring is a handle: its clones share one set of keys, and [`KeyRing::replace`] swaps that set
/// for all of them at once. So a rotation reaches every signer and verifier of a process without
/// any of them knowing about it.
#[derive(Clone)]
pub struct KeyRing {
    shared: Arc<Shared>,
}

struct Shared {
    /// Never empty; held for a lookup, never across a call to anyone else.
    keys: RwLock<Arc<[ApiKey]>>,
    version: AtomicU64,
}

impl From<ApiKey> for KeyRing {
    fn from(key: ApiKey) -> Self {
        Self::new(key, [])
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().iter()).finish()
    }
}

impl KeyRing {
    /// A ring of one signing key and others that only verify.
    pub fn new(active: ApiKey, others: impl IntoIterator<Item = ApiKey>) -> Self {
        let keys = std::iter::once(active).chain(others).collect();
        Self {
            shared: Arc::new(Shared {
                keys: RwLock::new(keys),
                version: AtomicU64::new(0),
            }),
        }
    }

    /// Takes over the keys of `other`, here and in every clone.
    pub fn replace(&self, other: &Self) {
        let keys = other.keys();
        *self
            .shared
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner) = keys;
        self.shared.version.fetch_add(1, Ordering::Release);
    }

    /// How often the keys were replaced: whoever holds something signed can see that it is old.
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }

    /// The key that signs.
    pub fn active(&self) -> ApiKey {
        let keys = self.read();
        // A ring is never empty: every constructor takes the active key.
        #[expect(clippy::indexing_slicing, reason = "constructors put one key in first")]
        keys[0].clone()
    }

    pub fn find(&self, id: &str) -> Option<ApiKey> {
        self.read().iter().find(|key| key.id() == id).cloned()
    }

    /// The keys, the active one first.
    pub fn keys(&self) -> Arc<[ApiKey]> {
        Arc::clone(&self.read())
    }

    /// Checks a token of up to [`TOKEN_LIMIT`] bytes and gives its claims.
    ///
    /// # Errors
    /// [`VerifyError`] says which check failed.
    pub fn verify(&self, token: &str, now: UnixTime) -> Result<Claims, VerifyError> {
        self.verify_within(token, now, TOKEN_LIMIT)
    }

    /// As [`KeyRing::verify`], with another limit of bytes.
    ///
    /// # Errors
    /// [`VerifyError`] says which check failed.
    pub fn verify_within(
        &self,
        token: &str,
        now: UnixTime,
        limit: usize,
    ) -> Result<Claims, VerifyError> {
        let parts = Parts::of(token, limit)?;
        parts.check_header()?;
        // Read once, believed only after the signature fits.
        let claims: Claims = parts.claims()?;
        let key = self.find(&claims.iss).ok_or(VerifyError::UnknownKey)?;
        key.mac().ok_or(VerifyError::NoSecret)?.fits(&parts)?;
        check_times(&claims, now)?;
        Ok(claims)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Arc<[ApiKey]>> {
        self.shared
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_times(claims: &Claims, now: UnixTime) -> Result<(), VerifyError> {
    if claims.exp == 0 {
        return Err(VerifyError::NoExpiry);
    }
    if now.secs() > claims.exp.saturating_add(LEEWAY) {
        return Err(VerifyError::Expired);
    }
    if claims
        .nbf
        .is_some_and(|nbf| now.secs().saturating_add(LEEWAY) < nbf)
    {
        return Err(VerifyError::NotYetValid);
    }
    Ok(())
}
