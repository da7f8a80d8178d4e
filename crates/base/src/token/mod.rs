//! LiveKit access tokens: HS256 JSON Web Tokens whose `iss` names an API key and whose `video` and
//! `sip` claims say what the bearer may do.

mod claims;
mod grants;
mod keys;

pub use claims::{Claims, ParticipantKind};
pub use grants::{AgentGrant, SipGrant, VideoGrant};
pub use keys::{ApiKey, KeyRing, LEEWAY, SignError, VerifyError, sign, unverified_issuer};
