//! One HTTP client for every call: tokens, deadlines, retries and errors happen here once.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::time::Instant;
use trunkline_base::id::ParticipantIdentity;
use trunkline_base::retry::{Backoff, RetryPolicy};
use trunkline_base::secret::Secret;
use trunkline_base::token::{SipGrant, VideoGrant};

use super::error::Refusal;
use super::{ApiError, ApiOptions, Failure, Grant, Repeat, Rpc, RpcInfo, Scope};
use crate::auth::{AuthError, LiveKitAuthManager};
use crate::url::ServerUrl;

/// Largest answer read: LiveKit bounds requests at 10 MiB, and a list of rooms with full metadata
/// may be a few times that.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Idle connections are dropped after this, below the usual limit of load balancers.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    url: ServerUrl,
    auth: LiveKitAuthManager,
    options: ApiOptions,
    /// The bearer of tokens for server calls; LiveKit does not look at it.
    caller: ParticipantIdentity,
}

impl Transport {
    pub(super) fn new(url: ServerUrl, auth: LiveKitAuthManager, options: ApiOptions) -> Self {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .user_agent(concat!("trunkline/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap_or_default();
        #[expect(clippy::expect_used, reason = "a literal that parses")]
        let caller = ParticipantIdentity::parse("trunkline").expect("literal");
        Self {
            http,
            url,
            auth,
            options,
            caller,
        }
    }

    pub(super) const fn url(&self) -> &ServerUrl {
        &self.url
    }

    pub(super) async fn call<Req: Message, Res: Message + Default>(
        &self,
        rpc: &'static Rpc<Req, Res>,
        request: &Req,
    ) -> Result<Res, ApiError> {
        let limit = rpc.limit(request, self.options.deadline);
        let scope = rpc.scope(request);
        let rpc = rpc.info();
        let body = Bytes::from(request.encode_to_vec());
        let started = Instant::now();
        let policy = if rpc.repeat == Repeat::Never {
            RetryPolicy::NONE
        } else {
            self.options.retry
        };
        let mut backoff = Backoff::new(RetryPolicy {
            total: policy.total.min(limit),
            ..policy
        });
        let mut rng = SmallRng::from_rng(&mut rand::rng());
        loop {
            let left = limit.saturating_sub(started.elapsed());
            let failure = match self.attempt(rpc, scope, body.clone(), left).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if is_done_already(rpc, &failure, backoff.made()) {
                return Ok(Res::default());
            }
            let attempts = backoff.made();
            let wait = failure
                .is_passing()
                .then(|| backoff.next_wait(started.elapsed(), None, &mut rng))
                .flatten();
            let Some(wait) = wait else {
                return Err(ApiError {
                    rpc: rpc.name,
                    failure,
                    attempts,
                });
            };
            tracing::debug!(rpc = rpc.name, attempts, ?wait, "call failed, trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt<Res: Message + Default>(
        &self,
        rpc: &'static RpcInfo,
        scope: Scope<'_>,
        body: Bytes,
        limit: Duration,
    ) -> Result<Res, Failure> {
        let token = self.token(rpc.grant, scope).map_err(|_| Failure::Token)?;
        match tokio::time::timeout(limit, self.exchange(rpc, &token, body, limit)).await {
            Ok(Ok((200, answer))) => Res::decode(answer).map_err(|_| Failure::Answer),
            Ok(Ok((status, answer))) => Err(match Refusal::parse(status, &answer) {
                Some(refusal) => Failure::Twirp(refusal),
                None => Failure::Foreign { status },
            }),
            Ok(Err(failure)) => Err(failure),
            Err(_elapsed) => Err(Failure::Deadline),
        }
    }

    async fn exchange(
        &self,
        rpc: &'static RpcInfo,
        token: &Secret<String>,
        body: Bytes,
        limit: Duration,
    ) -> Result<(u16, Bytes), Failure> {
        let mut response = self
            .http
            .post(self.url.http(rpc.path))
            .bearer_auth(token.expose())
            .header("Content-Type", "application/protobuf")
            .header("X-Twirp-Timeout-Ms", limit.as_millis().to_string())
            .body(body)
            .send()
            .await
            .map_err(transport)?;
        let status = response.status().as_u16();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if answer.len() + chunk.len() > ANSWER_LIMIT {
                return Err(Failure::Answer);
            }
            answer.extend_from_slice(&chunk);
        }
        Ok((status, answer.into()))
    }

    /// A token that allows this call and nothing else.
    pub(super) fn token(
        &self,
        grant: Grant,
        scope: Scope<'_>,
    ) -> Result<Secret<String>, AuthError> {
        let (video, sip) = grants(grant, scope);
        self.auth.mint_call(&self.caller, video, sip)
    }
}

/// The least grant, as claims.
fn grants(grant: Grant, scope: Scope<'_>) -> (VideoGrant, Option<SipGrant>) {
    let mut video = VideoGrant::default();
    let mut sip = SipGrant::default();
    match grant {
        Grant::RoomCreate => video.room_create = true,
        Grant::RoomList => video.room_list = true,
        Grant::RoomRecord => video.room_record = true,
        Grant::IngressAdmin => video.ingress_admin = true,
        Grant::SipAdmin => sip.admin = true,
        Grant::SipCall => sip.call = true,
        Grant::RoomAdmin => video = VideoGrant::admin(scope.room),
        Grant::RoomAdminTo => {
            video = VideoGrant::admin(scope.room);
            scope.destination.clone_into(&mut video.destination_room);
        }
        Grant::SipCallAndRoomAdmin => {
            video = VideoGrant::admin(scope.room);
            sip.call = true;
        }
    }
    (video, (sip != SipGrant::default()).then_some(sip))
}

/// A removal that finds nothing on its second try was done by its first.
fn is_done_already(rpc: &RpcInfo, failure: &Failure, attempts: u32) -> bool {
    let Failure::Twirp(refusal) = failure else {
        return false;
    };
    let done = match rpc.repeat {
        Repeat::GoneIsDone => refusal.code == "not_found",
        Repeat::EndedIsDone => matches!(refusal.code.as_str(), "not_found" | "failed_precondition"),
        Repeat::Safe | Repeat::AtOnce | Repeat::Never => false,
    };
    done && attempts > 1
}

fn transport(error: reqwest::Error) -> Failure {
    // The address in the error is the operator's own; a token is never part of it.
    Failure::Transport(Box::new(error))
}
