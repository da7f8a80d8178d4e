//! Keys, signing and verification. The algorithm is pinned to HS256; the key is looked up by the
//! token's `iss`; expiry is judged against the caller's `now`.

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::Deserialize;

use super::claims::Claims;
use crate::class::{Class, Classified};
use crate::secret::Secret;
use crate::time::UnixTime;

/// Seconds of clock difference forgiven on `exp` and `nbf`, as LiveKit forgives them.
pub const LEEWAY: u64 = 60;

/// One API key with its secret, prepared for signing and verifying.
#[derive(Clone)]
pub struct ApiKey {
    id: String,
    secret: Secret<String>,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl ApiKey {
    /// A key and its secret.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        let secret = Secret::new(secret.into());
        Self {
            id: id.into(),
            encoding: EncodingKey::from_secret(secret.expose().as_bytes()),
            decoding: DecodingKey::from_secret(secret.expose().as_bytes()),
            secret,
        }
    }

    /// The public half.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret half, for handing to another process.
    pub const fn secret(&self) -> &Secret<String> {
        &self.secret
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, [redacted])", self.id)
    }
}

/// Why a token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign the token")]
pub struct SignError(#[source] jsonwebtoken::errors::Error);

/// Why a token is not accepted. None of these carries any part of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not a JSON Web Token.
    #[error("not a JSON Web Token")]
    Malformed,
    /// `iss` is no key of ours.
    #[error("signed by an unknown API key")]
    UnknownKey,
    /// Another algorithm than HS256.
    #[error("signed with another algorithm than HS256")]
    Algorithm,
    /// The signature does not fit.
    #[error("signature does not match")]
    Signature,
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
            Self::UnknownKey => "auth.token.unknown_key",
            Self::Algorithm => "auth.token.algorithm",
            Self::Signature => "auth.token.signature",
            Self::Expired => "auth.token.expired",
            Self::NotYetValid => "auth.token.not_yet_valid",
        }
    }
}

/// Signs `claims` with `key`; `iss` becomes the key's id.
///
/// # Errors
/// [`SignError`] when the claims cannot be written as JSON.
pub fn sign(claims: &Claims, key: &ApiKey) -> Result<String, SignError> {
    let header = Header::new(Algorithm::HS256);
    if claims.iss == key.id {
        return encode(&header, claims, &key.encoding).map_err(SignError);
    }
    let issued = Claims {
        iss: key.id.clone(),
        ..claims.clone()
    };
    encode(&header, &issued, &key.encoding).map_err(SignError)
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
    jsonwebtoken::dangerous::insecure_decode::<Issuer>(token)
        .map(|data| data.claims.iss)
        .map_err(|_| VerifyError::Malformed)
}

/// The keys of a deployment: the first signs, all verify.
#[derive(Clone, Debug)]
pub struct KeyRing {
    keys: Arc<[ApiKey]>,
}

impl From<ApiKey> for KeyRing {
    fn from(key: ApiKey) -> Self {
        Self {
            keys: Arc::from(vec![key]),
        }
    }
}

impl KeyRing {
    /// A ring of one signing key and others that only verify.
    pub fn new(active: ApiKey, others: impl IntoIterator<Item = ApiKey>) -> Self {
        Self {
            keys: std::iter::once(active).chain(others).collect(),
        }
    }

    /// The key that signs.
    pub fn active(&self) -> &ApiKey {
        // A ring is never empty: every constructor takes the active key.
        #[expect(clippy::indexing_slicing, reason = "constructors put one key in first")]
        &self.keys[0]
    }

    /// The key of this id.
    pub fn find(&self, id: &str) -> Option<&ApiKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// Checks a token and gives its claims.
    ///
    /// # Errors
    /// [`VerifyError`] says which check failed.
    pub fn verify(&self, token: &str, now: UnixTime) -> Result<Claims, VerifyError> {
        let issuer = unverified_issuer(token)?;
        let key = self.find(&issuer).ok_or(VerifyError::UnknownKey)?;
        let mut validation = Validation::new(Algorithm::HS256);
        // Time is judged below against the caller's clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let claims = decode::<Claims>(token, &key.decoding, &validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => VerifyError::Signature,
                ErrorKind::InvalidAlgorithm => VerifyError::Algorithm,
                _ => VerifyError::Malformed,
            })?
            .claims;
        check_times(&claims, now)?;
        Ok(claims)
    }
}

fn check_times(claims: &Claims, now: UnixTime) -> Result<(), VerifyError> {
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

#[cfg(test)]
mod tests;
