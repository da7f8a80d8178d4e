//! How a peer is set up.

use std::net::SocketAddr;

use str0m::config::DtlsVersion;
use str0m::{IceCreds, Rtc, RtcConfig};

use super::codec;
use super::role::{Role, Side};
use crate::Seed;

/// SCTP messages longer than this are refused; LiveKit's own server announces the same.
pub const MAX_MESSAGE_SIZE: usize = 65_535;
/// Bytes that may wait in SCTP over all channels. A second of data at 2 Mbit/s; more would only
/// hide a reader that cannot keep up.
const MAX_BUFFERED: usize = 256 * 1024;
/// Video packets kept for retransmission, as LiveKit keeps.
const VIDEO_HISTORY: usize = 500;

/// How a peer is set up.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// Who offers.
    pub role: Role,
    /// Which end this is.
    pub side: Side,
    /// Addresses the far end can reach, written into every description.
    pub local_candidates: Vec<SocketAddr>,
    /// Makes the ICE credentials.
    pub seed: Seed,
}

impl PeerConfig {
    pub(super) fn build(&self, credentials: IceCreds, now: std::time::Instant) -> Rtc {
        let config = RtcConfig::new()
            .set_rtp_mode(true)
            .set_local_ice_credentials(credentials)
            .set_dtls_version(DtlsVersion::Dtls12)
            .set_sctp_max_message_size(u32::try_from(MAX_MESSAGE_SIZE).unwrap_or(u32::MAX))
            .set_sctp_max_buffered_amount(MAX_BUFFERED)
            .set_send_buffer_video(VIDEO_HISTORY);
        codec::configure(config, self.side).build(now)
    }
}
