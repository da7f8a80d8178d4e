//! Why a token is not made, or not accepted.

use crate::class::{Class, Classified};

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
