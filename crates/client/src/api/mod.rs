//! The server API: every call is one line in a table here and one method below it.
//!
//! One pooled transport; protobuf bodies; a token with the least grant for each call; a deadline
//! for the whole call with the retries inside it; reads and calls that may be repeated are, and
//! the others never are. LiveKit's messages are this module's data.

use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;
use trunkline_base::token::KeyRing;

mod dispatch;
mod error;
mod rooms;
mod sip;
mod transport;

pub use error::{ApiError, Failure, Refusal};

use crate::auth::LiveKitAuthManager;
use crate::url::{ServerUrl, UrlError};
use transport::Transport;

/// How the client behaves. The defaults suit a server in the same region.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// For a whole call, retries included, unless the call itself takes longer by nature.
    pub deadline: Duration,
    /// How calls that may be repeated are.
    pub retry: trunkline_base::retry::RetryPolicy,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            retry: trunkline_base::retry::RetryPolicy::API,
        }
    }
}

/// A client of one LiveKit server. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct LiveKitApiClient {
    transport: Arc<Transport>,
}

impl LiveKitApiClient {
    /// A client that signs with the active key of `keys`.
    ///
    /// # Errors
    /// [`UrlError`] when `url` is no server address.
    pub fn new(url: &str, keys: impl Into<KeyRing>) -> Result<Self, UrlError> {
        Self::with(
            url,
            LiveKitAuthManager::new(keys.into()),
            ApiOptions::default(),
        )
    }

    /// A client that signs through an existing manager, so that a key rotation reaches it.
    ///
    /// # Errors
    /// [`UrlError`] when `url` is no server address.
    pub fn with(
        url: &str,
        auth: LiveKitAuthManager,
        options: ApiOptions,
    ) -> Result<Self, UrlError> {
        let transport = Transport::new(ServerUrl::parse(url)?, auth, options);
        Ok(Self {
            transport: Arc::new(transport),
        })
    }

    /// The server's address.
    pub fn url(&self) -> &ServerUrl {
        self.transport.url()
    }
}

/// What a call needs to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    RoomCreate,
    RoomList,
    RoomAdmin,
    SipAdmin,
    SipCall,
    /// Transfers touch both a call and a room.
    SipCallAndRoomAdmin,
}

/// Whether a call may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// It reads, or sets absolute values.
    Safe,
    /// It removes: `not_found` on a repeat means the first one worked.
    GoneIsDone,
    /// A second one would do something a second time.
    Never,
}

/// One RPC.
#[derive(Debug)]
struct Rpc {
    /// `Service/Method`.
    path: &'static str,
    need: Need,
    repeat: Repeat,
}

impl Rpc {
    const fn new(path: &'static str, need: Need, repeat: Repeat) -> Self {
        Self { path, need, repeat }
    }
}

#[cfg(test)]
mod tests;
