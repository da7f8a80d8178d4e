//! One HTTP client for every call: tokens, deadlines, retries and errors happen here once.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::time::Instant;
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::retry::{Backoff, RetryPolicy};
use trunkline_base::secret::Secret;
use trunkline_base::token::{SipGrant, VideoGrant};

use super::error::Refusal;
use super::{ApiError, ApiOptions, Failure, Need, Repeat, Rpc};
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
        rpc: &'static Rpc,
        room: Option<&RoomName>,
        request: &Req,
    ) -> Result<Res, ApiError> {
        self.call_within(rpc, room, request, self.options.deadline)
            .await
    }

    /// As [`Transport::call`], with another deadline for the whole of it.
    pub(super) async fn call_within<Req: Message, Res: Message + Default>(
        &self,
        rpc: &'static Rpc,
        room: Option<&RoomName>,
        request: &Req,
        limit: Duration,
    ) -> Result<Res, ApiError> {
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
            let failure = match self.attempt(rpc, room, body.clone(), left).await {
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
                    rpc: rpc.path,
                    failure,
                    attempts,
                });
            };
            tracing::debug!(rpc = rpc.path, attempts, ?wait, "call failed, trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt<Res: Message + Default>(
        &self,
        rpc: &'static Rpc,
        room: Option<&RoomName>,
        body: Bytes,
        limit: Duration,
    ) -> Result<Res, Failure> {
        let token = self.token(rpc.need, room).map_err(|_| Failure::Token)?;
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
        rpc: &'static Rpc,
        token: &Secret<String>,
        body: Bytes,
        limit: Duration,
    ) -> Result<(u16, Bytes), Failure> {
        let path = format!("/twirp/livekit.{}", rpc.path);
        let mut response = self
            .http
            .post(self.url.http(&path))
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

    /// A token that allows this call and nothing else. Signing takes about a microsecond, less than
    /// a shared cache would, so there is nothing to go stale after a rotation.
    fn token(&self, need: Need, room: Option<&RoomName>) -> Result<Secret<String>, AuthError> {
        let room = room.map(ToString::to_string).unwrap_or_default();
        let none = VideoGrant::default();
        let (video, sip) = match need {
            Need::RoomCreate => (
                VideoGrant {
                    room_create: true,
                    ..none
                },
                None,
            ),
            Need::RoomList => (
                VideoGrant {
                    room_list: true,
                    ..none
                },
                None,
            ),
            Need::RoomAdmin => (VideoGrant::admin(room), None),
            Need::SipAdmin => (
                none,
                Some(SipGrant {
                    admin: true,
                    call: false,
                }),
            ),
            Need::SipCall => (
                none,
                Some(SipGrant {
                    admin: false,
                    call: true,
                }),
            ),
            Need::SipCallAndRoomAdmin => (
                VideoGrant::admin(room),
                Some(SipGrant {
                    admin: false,
                    call: true,
                }),
            ),
        };
        self.auth.mint_call(&self.caller, video, sip)
    }
}

/// A removal that finds nothing on its second try was done by its first.
fn is_done_already(rpc: &Rpc, failure: &Failure, attempts: u32) -> bool {
    let missing = matches!(failure, Failure::Twirp(refusal) if refusal.code == "not_found");
    rpc.repeat == Repeat::GoneIsDone && missing && attempts > 1
}

fn transport(error: reqwest::Error) -> Failure {
    // The address in the error is the operator's own; a token is never part of it.
    Failure::Transport(Box::new(error))
}
