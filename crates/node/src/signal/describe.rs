//! How this server describes itself.

use livekit_protocol as proto;

/// The level of the official server this node speaks. Clients compare it: RPC wants 1.8.0 or
/// later.
pub(crate) const SERVER_VERSION: &str = "1.13.5";

/// Signal protocol of that level.
pub(crate) const PROTOCOL: i32 = 17;

/// Agent worker protocol.
pub(crate) const AGENT_PROTOCOL: i32 = 1;

/// Seconds between a client's pings, and without any message before it gives the socket up.
pub(crate) const PING_INTERVAL: i32 = 5;
pub(crate) const PING_TIMEOUT: i32 = 15;

/// `ServerInfo`, the same for participants and workers.
pub(crate) fn server_info(region: &str, node_id: &str) -> proto::ServerInfo {
    proto::ServerInfo {
        edition: proto::server_info::Edition::Standard.into(),
        version: SERVER_VERSION.to_owned(),
        protocol: PROTOCOL,
        region: region.to_owned(),
        node_id: node_id.to_owned(),
        debug_info: String::new(),
        agent_protocol: AGENT_PROTOCOL,
    }
}

/// Codecs a client may publish.
pub(crate) fn publish_codecs() -> Vec<proto::Codec> {
    vec![proto::Codec {
        mime: "audio/opus".to_owned(),
        fmtp_line: String::new(),
    }]
}
