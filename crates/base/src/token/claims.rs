//! The claims of an access token.
//!
//! This type owns what a token can say: whoever makes one starts from [`Claims::new`] and adds to
//! it with the `with_*` methods. Times are read as RFC 7519 writes them, whole or with a fraction.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::Visitor;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::grants::{AgentGrant, InferenceGrant, ObservabilityGrant, SipGrant, VideoGrant};
use super::kind::ParticipantKind;
use crate::time::UnixTime;

/// The claims of an access token. Times are whole seconds since the epoch, as JWT has them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    /// The API key that signs; filled in by signing.
    pub iss: String,
    /// The participant's identity.
    pub sub: String,
    /// When it was issued.
    #[serde(deserialize_with = "some_date")]
    pub iat: Option<u64>,
    /// Not valid before.
    #[serde(deserialize_with = "some_date")]
    pub nbf: Option<u64>,
    /// Not valid after. Zero stands for a token without one, which nobody accepts.
    #[serde(deserialize_with = "date")]
    pub exp: u64,
    /// Names this token; stands in for an absent `sub`.
    pub jti: String,
    /// The participant's display name.
    pub name: String,
    /// What sort of participant.
    pub kind: ParticipantKind,
    /// Finer kinds.
    pub kind_details: Vec<String>,
    /// The participant's metadata.
    pub metadata: String,
    /// The participant's attributes.
    pub attributes: BTreeMap<String, String>,
    /// Room rights.
    pub video: Option<VideoGrant>,
    /// Telephony rights.
    pub sip: Option<SipGrant>,
    /// Agent-management rights.
    pub agent: Option<AgentGrant>,
    /// Rights to model inference.
    pub inference: Option<InferenceGrant>,
    /// Rights to report observations.
    pub observability: Option<ObservabilityGrant>,
    /// `RoomConfiguration` in protobuf JSON, for a room this join creates.
    pub room_config: Option<serde_json::Value>,
    /// A room configuration by name.
    pub room_preset: String,
    /// Base64 SHA-256 of a message body.
    pub sha256: String,
}

impl Claims {
    /// Claims for `identity`, valid from `now` for `ttl_secs`.
    pub fn new(identity: impl Into<String>, now: UnixTime, ttl_secs: u64) -> Self {
        let sub = identity.into();
        Self {
            jti: sub.clone(),
            sub,
            ..Self::default()
        }
        .valid(now, ttl_secs)
    }

    /// Valid from `now` for `ttl_secs`.
    #[must_use]
    pub const fn valid(mut self, now: UnixTime, ttl_secs: u64) -> Self {
        self.iat = Some(now.secs());
        self.nbf = Some(now.secs());
        self.exp = now.secs().saturating_add(ttl_secs);
        self
    }

    /// Issued and valid this much earlier, for servers whose clock is behind; the end stays.
    #[must_use]
    pub const fn dated_back(mut self, by: Duration) -> Self {
        if let Some(iat) = self.iat {
            self.iat = Some(iat.saturating_sub(by.as_secs()));
        }
        if let Some(nbf) = self.nbf {
            self.nbf = Some(nbf.saturating_sub(by.as_secs()));
        }
        self
    }

    /// With room rights.
    #[must_use]
    pub fn with_video(mut self, grant: VideoGrant) -> Self {
        self.video = Some(grant);
        self
    }

    /// With telephony rights.
    #[must_use]
    pub const fn with_sip(mut self, grant: SipGrant) -> Self {
        self.sip = Some(grant);
        self
    }

    /// With agent-management rights.
    #[must_use]
    pub const fn with_agent(mut self, grant: AgentGrant) -> Self {
        self.agent = Some(grant);
        self
    }

    /// With rights to model inference.
    #[must_use]
    pub const fn with_inference(mut self, grant: InferenceGrant) -> Self {
        self.inference = Some(grant);
        self
    }

    /// With rights to report observations.
    #[must_use]
    pub const fn with_observability(mut self, grant: ObservabilityGrant) -> Self {
        self.observability = Some(grant);
        self
    }

    /// With a display name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// As this kind of participant.
    #[must_use]
    pub const fn with_kind(mut self, kind: ParticipantKind) -> Self {
        self.kind = kind;
        self
    }

    /// With participant metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: impl Into<String>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// With participant attributes.
    #[must_use]
    pub fn with_attributes(mut self, attributes: BTreeMap<String, String>) -> Self {
        self.attributes = attributes;
        self
    }

    /// With a room configuration in protobuf JSON.
    #[must_use]
    pub fn with_room_config(mut self, config: serde_json::Value) -> Self {
        self.room_config = Some(config);
        self
    }

    /// With a room configuration by name.
    #[must_use]
    pub fn with_room_preset(mut self, preset: impl Into<String>) -> Self {
        self.room_preset = preset.into();
        self
    }

    /// With the base64 SHA-256 of the message that the token goes with.
    #[must_use]
    pub fn with_sha256(mut self, digest: impl Into<String>) -> Self {
        self.sha256 = digest.into();
        self
    }

    /// Who the bearer is: `sub`, or `jti` where that is absent.
    pub fn identity(&self) -> &str {
        if self.sub.is_empty() {
            &self.jti
        } else {
            &self.sub
        }
    }

    /// Seconds from `nbf`, or from `iat` without one, to `exp`.
    pub fn life_secs(&self) -> Option<u64> {
        let start = self.nbf.or(self.iat)?;
        (self.exp > 0).then(|| self.exp.saturating_sub(start))
    }
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Issued {
            issuer: &self.iss,
            claims: self,
        }
        .serialize(serializer)
    }
}

/// Claims as one key issues them, whatever their own `iss` says.
pub(super) struct Issued<'a> {
    pub(super) issuer: &'a str,
    pub(super) claims: &'a Claims,
}

impl Serialize for Issued<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let claims = self.claims;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", self.issuer)?;
        text(&mut map, "sub", &claims.sub)?;
        some(&mut map, "iat", claims.iat.as_ref())?;
        some(&mut map, "nbf", claims.nbf.as_ref())?;
        map.serialize_entry("exp", &claims.exp)?;
        text(&mut map, "jti", &claims.jti)?;
        text(&mut map, "name", &claims.name)?;
        if claims.kind != ParticipantKind::Standard {
            map.serialize_entry("kind", &claims.kind)?;
        }
        if !claims.kind_details.is_empty() {
            map.serialize_entry("kindDetails", &claims.kind_details)?;
        }
        text(&mut map, "metadata", &claims.metadata)?;
        if !claims.attributes.is_empty() {
            map.serialize_entry("attributes", &claims.attributes)?;
        }
        some(&mut map, "video", claims.video.as_ref())?;
        some(&mut map, "sip", claims.sip.as_ref())?;
        some(&mut map, "agent", claims.agent.as_ref())?;
        some(&mut map, "inference", claims.inference.as_ref())?;
        some(&mut map, "observability", claims.observability.as_ref())?;
        some(&mut map, "roomConfig", claims.room_config.as_ref())?;
        text(&mut map, "roomPreset", &claims.room_preset)?;
        text(&mut map, "sha256", &claims.sha256)?;
        map.end()
    }
}

/// An entry unless it is empty.
fn text<M: SerializeMap>(map: &mut M, key: &str, value: &str) -> Result<(), M::Error> {
    if value.is_empty() {
        return Ok(());
    }
    map.serialize_entry(key, value)
}

/// An entry where there is one.
fn some<M: SerializeMap, T: Serialize>(
    map: &mut M,
    key: &str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Date)
}

fn some_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    date(deserializer).map(Some)
}

/// A `NumericDate`: seconds, whole or not. What lies before the epoch is the epoch.
struct Date;

impl Visitor<'_> for Date {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since the epoch")
    }

    fn visit_u64<E>(self, secs: u64) -> Result<u64, E> {
        Ok(secs)
    }

    fn visit_i64<E>(self, secs: i64) -> Result<u64, E> {
        Ok(u64::try_from(secs).unwrap_or(0))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and fractions of a second are not kept"
    )]
    fn visit_f64<E>(self, secs: f64) -> Result<u64, E> {
        Ok(secs as u64)
    }
}
