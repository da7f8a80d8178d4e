//! Keys, and signing with them.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::claims::{Claims, Issued};
use super::error::{SignError, VerifyError};
use super::jws::{Mac, Parts, TOKEN_LIMIT};
use crate::secret::Secret;

mod ring;

pub use ring::{KeyRing, LEEWAY};

/// Bytes below which LiveKit calls a secret weak: HS256 has a key of 256 bits.
const STRONG: usize = 32;

/// Bytes reserved for a token's claims; most need fewer.
const USUAL_CLAIMS: usize = 384;

/// One API key with its secret, prepared for signing and verifying. Clones share both.
#[derive(Clone)]
pub struct ApiKey(Arc<Pair>);

struct Pair {
    id: String,
    secret: Secret<String>,
    mac: Option<Mac>,
}

impl ApiKey {
    /// A key and its secret.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        let secret = Secret::new(secret.into());
        Self(Arc::new(Pair {
            id: id.into(),
            mac: Mac::new(secret.expose().as_bytes()),
            secret,
        }))
    }

    /// The public half.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The secret half, for handing to another process.
    pub fn secret(&self) -> &Secret<String> {
        &self.0.secret
    }

    /// Whether the secret is shorter than the 32 bytes that HS256 asks for.
    pub fn is_weak(&self) -> bool {
        self.0.secret.expose().len() < STRONG
    }

    fn mac(&self) -> Option<&Mac> {
        self.0.mac.as_ref()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, [redacted])", self.id())
    }
}

/// Signs `claims` with `key`; `iss` becomes the key's id.
///
/// # Errors
/// [`SignError`] when the claims cannot be written as JSON or the secret is empty.
pub fn sign(claims: &Claims, key: &ApiKey) -> Result<String, SignError> {
    let mac = key.mac().ok_or(SignError::NoSecret)?;
    let mut payload = Vec::with_capacity(USUAL_CLAIMS);
    let issued = Issued {
        issuer: key.id(),
        claims,
    };
    serde_json::to_writer(&mut payload, &issued).map_err(SignError::Claims)?;
    Ok(mac.seal(&payload))
}

/// The `iss` a token claims, without any check. For choosing a key or a message, never for trust.
///
/// # Errors
/// [`VerifyError::Malformed`] when the text is not a token.
pub fn unverified_issuer(token: &str) -> Result<String, VerifyError> {
    #[derive(Deserialize)]
    struct Issuer {
        #[serde(default)]
        iss: String,
    }
    let issuer: Issuer = Parts::of(token, TOKEN_LIMIT)?.claims()?;
    Ok(issuer.iss)
}

#[cfg(test)]
mod tests;
