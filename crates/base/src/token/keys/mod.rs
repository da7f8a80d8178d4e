//! Keys, and signing with them.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::claims::{Claims, Issued};
use super::jws::{Mac, Parts, TOKEN_LIMIT};
use crate::class::{Class, Classified};
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

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims cannot be written as JSON.
    #[error("cannot write the token's claims")]
    Claims(#[source] serde_json::Error),
    /// The key's secret is empty.
    #[error("the API key has an empty secret; set one of 32 bytes or more")]
    NoSecret,
}

/// Why a token is not accepted. None of these carries any part of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not a JSON Web Token.
    #[error("not a JSON Web Token")]
    Malformed,
    /// Longer than is read.
    #[error("token is longer than {limit} bytes")]
    TooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// `iss` is no key of ours.
    #[error("signed by an unknown API key")]
    UnknownKey,
    /// The key of that `iss` has an empty secret here, which would accept anybody's signature.
    #[error("the API key that signed it has an empty secret here")]
    NoSecret,
    /// Another algorithm than HS256.
    #[error("signed with another algorithm than HS256")]
    Algorithm,
    /// The signature does not fit.
    #[error("signature does not match")]
    Signature,
    /// No `exp`.
    #[error("token has no expiry")]
    NoExpiry,
    /// Past `exp`.
    #[error("token is expired")]
    Expired,
    /// Before `nbf`.
    #[error("token is not valid yet")]
    NotYetValid,
}

impl Classified for VerifyError {
    fn class(&self) -> Class {
        Class::Denied
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "auth.token.malformed",
            Self::TooLong { .. } => "auth.token.too_long",
            Self::UnknownKey => "auth.token.unknown_key",
            Self::NoSecret => "auth.token.no_secret",
            Self::Algorithm => "auth.token.algorithm",
            Self::Signature => "auth.token.signature",
            Self::NoExpiry => "auth.token.no_expiry",
            Self::Expired => "auth.token.expired",
            Self::NotYetValid => "auth.token.not_yet_valid",
        }
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
