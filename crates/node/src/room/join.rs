//! What somebody brings who comes, and the session that is handed out for it.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use tokio::sync::mpsc;
use trunkline_base::id::{ParticipantSid, RoomName};
use trunkline_base::token::Claims;
use trunkline_rtc::sfu::Topology;

use super::outbox::Outbox;

/// Everything a new or resuming participant brings, whichever path it came by. The HTTP shell has
/// verified the token (roomJoin, identity, lengths) and normalised v0 query parameters and the v1
/// `join_request` into this.
#[derive(Debug, Clone)]
pub struct JoinParams {
    /// The room of the grant, or of the query when the grant names none.
    pub room: RoomName,
    /// The verified claims. Identity, name, kind, metadata, attributes, grants, `roomConfig`.
    pub claims: Claims,
    /// SDK, version and `protocol` of the client; `address` filled by the shell.
    pub client: proto::ClientInfo,
    /// Single for `/rtc/v1`, and for `/rtc` with `join_request`.
    pub topology: Topology,
    pub auto_subscribe: bool,
    pub adaptive_stream: bool,
    /// `Some` overrides the token's metadata; needs canUpdateOwnMetadata.
    pub metadata: Option<String>,
    /// Added to the token's attributes; needs canUpdateOwnMetadata when not empty.
    pub attributes: BTreeMap<String, String>,
    /// Tracks announced inside the v1 join request.
    pub add_tracks: Vec<proto::AddTrackRequest>,
    /// The first publisher offer inside the v1 join request.
    pub publisher_offer: Option<proto::SessionDescription>,
    /// Resume instead of join (`reconnect=1`).
    pub reconnect: bool,
    /// State carried by a v1 resume.
    pub sync_state: Option<proto::SyncState>,
}

impl JoinParams {
    /// A first join that asks for all there is to hear, and for nothing else.
    pub fn new(room: RoomName, claims: Claims, client: proto::ClientInfo) -> Self {
        Self {
            room,
            claims,
            client,
            topology: Topology::Dual,
            auto_subscribe: true,
            adaptive_stream: false,
            metadata: None,
            attributes: BTreeMap::new(),
            add_tracks: Vec::new(),
            publisher_offer: None,
            reconnect: false,
            sync_state: None,
        }
    }
}

/// An open signalling session. The first message of `outgoing` is already queued when this is
/// handed out (`join`, `reconnect` or `leave`), so the shell may complete the WebSocket upgrade at
/// once.
///
/// The shell pumps both ways: each received `SignalRequest` into `incoming`, each message of
/// `outgoing` onto the socket. `outgoing` ends when the session is over: the shell then closes with
/// code 1000. Dropping `incoming` tells the room that the socket is lost. Pings are answered by the
/// room.
#[derive(Debug)]
pub struct Session {
    pub participant: ParticipantSid,
    pub outgoing: Outbox,
    pub incoming: mpsc::Sender<proto::SignalRequest>,
}
