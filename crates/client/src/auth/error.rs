//! Why no token is made.

use trunkline_base::class::{Class, Classified};
use trunkline_base::token::VerifyError;

use super::check::Faults;
use super::role::Role;

/// Why no token could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The role needs a room and none was named.
    #[error("role {role} needs a room; name one")]
    RoomMissing { role: Role },
    /// Its claims must not be signed.
    #[error("token refused: {0}")]
    Refused(Faults),
    /// Signing failed.
    #[error("token cannot be signed; check that the API key has a secret")]
    Sign,
    /// None of our keys signed it, or it is over: it cannot be renewed.
    #[error("token is not ours to renew: {0}")]
    Foreign(VerifyError),
    /// It names no bearer.
    #[error("token names nobody who could join")]
    Nobody,
}

impl From<Faults> for AuthError {
    fn from(faults: Faults) -> Self {
        Self::Refused(faults)
    }
}

impl Classified for AuthError {
    fn class(&self) -> Class {
        match self {
            Self::RoomMissing { .. } | Self::Refused(_) | Self::Nobody => Class::Invalid,
            Self::Foreign(_) => Class::Denied,
            Self::Sign => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::RoomMissing { .. } => "client.auth.room_missing",
            Self::Refused(_) => "client.auth.refused",
            Self::Sign => "client.auth.sign",
            Self::Foreign(_) => "client.auth.foreign",
            Self::Nobody => "client.auth.nobody",
        }
    }
}
