//! The server API: every call is one line of [`table`] and one method of [`LiveKitApiClient`].
//!
//! One pooled transport; protobuf bodies; a token with the least grant for each call; a deadline
//! for the whole call with the retries inside it; reads and calls that may be repeated are, and
//! the others never are. LiveKit's messages are this module's data.

use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;
use prost::Message;
use trunkline_base::token::KeyRing;

mod connector;
mod describe;
mod dispatch;
mod egress;
mod error;
mod ingress;
mod rooms;
mod rpc;
mod sip;
pub mod table;
mod transport;

pub use describe::Described;
pub use error::{ApiError, Failure, Refusal};
pub use rpc::{Grant, Repeat, Rpc, RpcInfo, Scope};
pub use table::RPCS;

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

    /// Sends any RPC of [`table`].
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn call<Req: Message, Res: Message + Default>(
        &self,
        rpc: &'static Rpc<Req, Res>,
        mut request: Req,
    ) -> Result<Res, ApiError> {
        rpc.fill(&mut request);
        self.transport.call(rpc, &request).await
    }

    /// The server's address.
    pub fn url(&self) -> &ServerUrl {
        self.transport.url()
    }
}

#[cfg(test)]
mod tests;
