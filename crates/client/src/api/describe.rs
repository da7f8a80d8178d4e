//! What a call would send, for people and tools that want to send it themselves: `--curl`.

use prost::Message;
use serde::Serialize;
use trunkline_base::secret::Secret;

use super::{LiveKitApiClient, Rpc, RpcInfo};
use crate::auth::AuthError;

/// One call as any HTTP client would send it: a `POST` of JSON with a bearer token.
#[derive(Clone, Debug)]
pub struct Described {
    /// What is called, and the right it needs.
    pub rpc: RpcInfo,
    /// The whole address.
    pub url: String,
    /// The request in protobuf JSON.
    pub body: String,
    /// A token with the least right for this call.
    pub token: Secret<String>,
}

impl LiveKitApiClient {
    /// What [`call`](Self::call) would send, without sending it.
    ///
    /// # Errors
    /// [`AuthError`] when no token can be made.
    pub fn describe<Req: Message + Serialize, Res>(
        &self,
        rpc: &Rpc<Req, Res>,
        mut request: Req,
    ) -> Result<Described, AuthError> {
        rpc.fill(&mut request);
        let info = *rpc.info();
        let body = serde_json::to_string(&request).unwrap_or_default();
        let token = self
            .transport
            .tokens
            .mint(info.grant, rpc.scope(&request))?;
        Ok(Described {
            rpc: info,
            url: self.url().http(info.path),
            body,
            token,
        })
    }
}
