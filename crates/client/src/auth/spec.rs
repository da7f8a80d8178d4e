//! What a token shall say, before there is a time or a key.

use std::time::Duration;

use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, ParticipantKind};

use super::check::{Allowed, Faults};
use super::error::AuthError;
use super::role::Role;

/// What a token shall say: a role, its bearer and room, and whatever else its claims hold.
///
/// ```
/// # use trunkline_base::id::{ParticipantIdentity, RoomName};
/// # use trunkline_client::auth::{Role, TokenSpec};
/// let spec = TokenSpec::new(Role::Participant, ParticipantIdentity::parse("ann")?)
///     .in_room(RoomName::parse("lobby")?)
///     .saying(|claims| claims.with_name("Ann").with_metadata("{}"));
/// # Ok::<(), trunkline_base::id::IdError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TokenSpec {
    pub role: Role,
    /// The bearer.
    pub identity: ParticipantIdentity,
    pub room: Option<RoomName>,
    claims: Claims,
    allowed: Allowed,
}

impl TokenSpec {
    /// A token for `identity` in `role`.
    pub fn new(role: Role, identity: ParticipantIdentity) -> Self {
        Self {
            role,
            identity,
            room: None,
            claims: Claims::default(),
            allowed: Allowed::default(),
        }
    }

    /// What a verified token says, to say it again.
    ///
    /// # Errors
    /// [`AuthError::Nobody`] when it names no bearer.
    pub(super) fn like(claims: Claims) -> Result<Self, AuthError> {
        let identity =
            ParticipantIdentity::parse(claims.identity()).map_err(|_| AuthError::Nobody)?;
        let grant = claims.video.as_ref();
        let room = grant.and_then(|grant| RoomName::parse(grant.room.as_str()).ok());
        let mut spec = Self::new(Role::of_kind(claims.kind), identity);
        spec.room = room;
        spec.claims = Claims {
            iss: String::new(),
            iat: None,
            nbf: None,
            exp: 0,
            video: Some(claims.video.unwrap_or_default()),
            ..claims
        };
        // Whoever signed it decided about that.
        Ok(spec.deliberately_wide().with_credentials())
    }

    /// Whether these claims are for the same bearer in the same room.
    pub(super) fn is_about(&self, claims: &Claims) -> bool {
        let room = claims.video.as_ref().map(|grant| grant.room.as_str());
        claims.identity() == self.identity.as_str()
            && room.unwrap_or_default() == self.room.as_ref().map_or("", RoomName::as_str)
    }

    /// Without the agents that the room's configuration would send for: they are for the first
    /// join alone. Who comes back finds his agents on their way back too.
    #[must_use]
    pub fn without_dispatch(mut self) -> Self {
        if let Some(serde_json::Value::Object(config)) = &mut self.claims.room_config {
            config.remove("agents");
        }
        self
    }

    #[must_use]
    pub fn in_room(mut self, room: RoomName) -> Self {
        self.room = Some(room);
        self
    }

    /// With more claims: name, metadata, attributes, room configuration, custom grants. A video
    /// grant said here stands in place of everything that the role allows by itself. Bearer and
    /// times are not said here.
    #[must_use]
    pub fn saying(mut self, say: impl FnOnce(Claims) -> Claims) -> Self {
        self.claims = say(self.claims);
        self
    }

    /// Signs rights wider than the role's purpose, or a longer life, as an operator's deliberate
    /// choice.
    #[must_use]
    pub const fn deliberately_wide(mut self) -> Self {
        self.allowed.wide = true;
        self
    }

    /// Signs a room configuration that carries storage credentials: for tokens that never leave
    /// this system.
    #[must_use]
    pub const fn with_credentials(mut self) -> Self {
        self.allowed.credentials = true;
        self
    }

    /// The claims at `now`.
    ///
    /// # Errors
    /// [`AuthError::RoomMissing`] where the role needs a room, [`AuthError::Refused`] for claims
    /// that contradict each other, are wider than the role's purpose, or too large.
    pub fn claims(&self, now: UnixTime, life: Duration) -> Result<Claims, AuthError> {
        if self.role.needs_room() && self.room.is_none() && self.claims.video.is_none() {
            return Err(AuthError::RoomMissing { role: self.role });
        }
        let mut claims = self.claims.clone().valid(now, life.as_secs());
        claims.sub = self.identity.as_str().to_owned();
        claims.jti.clone_from(&claims.sub);
        if claims.video.is_none() {
            claims.video = Some(self.role.grant(self.room.as_ref()));
            claims.sip = claims.sip.or_else(|| self.role.sip());
        }
        if claims.kind == ParticipantKind::Standard {
            claims.kind = self.role.kind();
        }
        Faults::of(&claims, self.role.purpose(), self.allowed)?;
        Ok(claims)
    }
}
