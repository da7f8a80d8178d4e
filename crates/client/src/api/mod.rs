//! The server API: every call is one line of [`table`] and one method of [`LiveKitApiClient`].
//!
//! | File | What it decides |
//! |---|---|
//! | [`table`] | what RPCs there are, the right each needs, whether it may be repeated |
//! | [`retry`] | whether a call that failed is sent again, and when |
//! | [`breaker`] | when a server that keeps failing is left alone |
//! | `regions` | where else a call may go, for LiveKit Cloud |
//! | `tokens` | the token of each call |
//! | `wire` | one exchange over pooled HTTP |
//! | `transport` | all of these together |
//!
//! Bodies are protobuf, and LiveKit's messages are this module's data. A deadline is for the whole
//! call, repeats included. What dials, records or dispatches is never sent twice.

use std::sync::Arc;

use livekit_protocol as proto;
use prost::Message;
use trunkline_base::token::KeyRing;

pub mod breaker;
mod connector;
mod describe;
mod dispatch;
mod egress;
mod error;
mod ingress;
mod observe;
mod options;
mod paging;
mod regions;
pub mod retry;
mod rooms;
mod rpc;
mod sip;
pub mod table;
mod target;
mod tokens;
mod transport;
mod wire;

pub use crate::auth::{ApiGrant, Scope};
pub use describe::Described;
pub use error::{ApiError, ClockOff, Failure, Refusal};
pub use observe::{Called, Guard, Observer, Watch};
pub use options::ApiOptions;
pub use regions::Failover;
pub use rpc::{Repeat, Rpc, RpcInfo};
pub use table::RPCS;
pub use wire::{Connections, Plain};

use crate::auth::LiveKitAuthManager;
use crate::url::{IntoServerUrl, ServerUrl, UrlError};
use transport::Transport;

/// A client of one LiveKit server. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct LiveKitApiClient {
    transport: Arc<Transport>,
}

impl LiveKitApiClient {
    /// A client that signs with the active key of `keys`.
    ///
    /// # Errors
    /// [`UrlError`] when `url` is no server address, or one in plain text on another machine.
    pub fn new(url: impl IntoServerUrl, keys: impl Into<KeyRing>) -> Result<Self, UrlError> {
        Self::with(
            url,
            LiveKitAuthManager::new(keys.into()),
            ApiOptions::default(),
        )
    }

    /// A client that signs through an existing manager, so that a key rotation reaches it.
    ///
    /// # Errors
    /// [`UrlError`] when `url` is no server address, or one in plain text on another machine.
    pub fn with(
        url: impl IntoServerUrl,
        auth: LiveKitAuthManager,
        options: ApiOptions,
    ) -> Result<Self, UrlError> {
        let transport = Transport::new(url.into_server_url()?, auth, options);
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
