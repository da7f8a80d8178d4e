//! What a room is joined with, and joined again with after a loss.
//!
//! A session may outlive every token: the server sends newer ones, but those are signed by the key
//! of their day. So whoever has keys of his own gives a [`FreshToken`], which says what the server
//! last said of its bearer and is signed by the key of today.

use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;

use crate::auth::FreshToken;

/// What a room is joined with.
#[derive(Clone, Debug)]
pub struct RoomToken(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Somebody else's, or the server's latest in its place.
    Given(Secret<String>),
    /// Ours, always fresh.
    Renewed(FreshToken),
}

impl RoomToken {
    /// The one to use now.
    pub(super) fn current(&self) -> Secret<String> {
        match &self.0 {
            Kind::Given(token) => token.clone(),
            Kind::Renewed(kept) => kept.current(),
        }
    }

    /// We are in.
    pub(super) fn on_joined(&self) {
        if let Kind::Renewed(kept) = &self.0 {
            kept.joined();
        }
    }

    /// The server sent a newer one.
    pub(super) fn on_told(&mut self, token: Secret<String>) {
        match &mut self.0 {
            Kind::Given(given) => *given = token,
            Kind::Renewed(kept) => kept.follow(&token),
        }
    }

    /// The server refused `used`, and told its time: whether there is another one to try.
    pub(super) fn is_cured(&self, used: &Secret<String>, server: Option<UnixTime>) -> bool {
        match &self.0 {
            Kind::Given(_) => false,
            Kind::Renewed(kept) => kept.is_cured(used, server),
        }
    }

    /// Whether keys of our own sign it, so that waiting may bring a better one.
    pub(super) const fn is_kept(&self) -> bool {
        matches!(self.0, Kind::Renewed(_))
    }
}

impl From<Secret<String>> for RoomToken {
    fn from(token: Secret<String>) -> Self {
        Self(Kind::Given(token))
    }
}

impl From<FreshToken> for RoomToken {
    fn from(token: FreshToken) -> Self {
        Self(Kind::Renewed(token))
    }
}
