//! Trickled candidates, as both ends write them.

use serde::Deserialize;

/// `RTCIceCandidateInit` of WebRTC 1.0, as far as it says anything here.
#[derive(Deserialize)]
pub(crate) struct CandidateInit {
    #[serde(default)]
    pub(crate) candidate: String,
}
