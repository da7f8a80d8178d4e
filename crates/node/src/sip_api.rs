//! `livekit.SIP` by itself: for a gateway whose LiveKit server is elsewhere. Official SDKs that are
//! pointed at this address place and transfer calls over this gateway, with the tokens that the server
//! takes; everything else of LiveKit stays with the server.
//!
//! Trunks and rules are shown, and changed where they are kept: in the file, or at the server.

use std::net::SocketAddr;
use std::sync::Arc;

use trunkline_base::token::KeyRing;
use trunkline_service::listen::Door;
use trunkline_service::tasks::Tasks;

use crate::config::StartError;
use crate::http;
use crate::sip::{Lines, Trunks};
use crate::twirp::Alone;

/// Where it is served.
#[derive(Clone, Debug)]
pub struct SipApiConfig {
    /// Address and port; port 0 takes any.
    pub bind: SocketAddr,
    /// Who may come in, and how.
    pub door: Door,
    /// Keys that tokens may be signed with: the server's.
    pub keys: KeyRing,
}

/// Binds and serves until the process hurries; gives the address.
///
/// # Errors
/// A port that is taken, or one that others reach in plain text.
pub async fn serve_sip_api(
    config: SipApiConfig,
    lines: Arc<dyn Lines>,
    trunks: Arc<dyn Trunks>,
    tasks: &Tasks,
) -> Result<SocketAddr, StartError> {
    config.door.judge(config.bind)?;
    let bind = |source| StartError::bind(config.bind, "the SIP API", source);
    let listener = config.door.bind(config.bind).await.map_err(bind)?;
    let addr = listener.local_addr();
    let service = http::sip_service(Alone { lines, trunks }, config.keys);
    tasks.vital("sip api", listener.serve(service, tasks.clone()));
    tracing::info!(%addr, "livekit.SIP is served for this gateway");
    Ok(addr)
}
