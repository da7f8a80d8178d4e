//! LiveKit access tokens: HS256 JSON Web Tokens whose `iss` names an API key and whose `video`,
//! `sip` and further claims say what the bearer may do.

mod claims;
mod error;
mod grants;
mod jws;
mod keys;
mod kind;

pub use claims::Claims;
pub use error::{SignError, VerifyError};
pub use grants::{AgentGrant, InferenceGrant, ObservabilityGrant, SipGrant, VideoGrant};
pub use jws::{TOKEN_LIMIT, Unverified};
pub use keys::{ApiKey, KeyRing, LEEWAY, sign, unverified_issuer};
pub use kind::ParticipantKind;

#[cfg(test)]
mod properties;
