//! What a LiveKit server posts: verified, typed, and taken once.
//!
//! LiveKit signs a webhook with a token in `Authorization` (without `Bearer`) whose `sha256` claim
//! is the base64 digest of the body's exact bytes. A [`Receiver`] checks, in this order: content
//! type, token (key by `iss`, HS256 only, times), size, digest, shape, and the age of the event.
//! What passes is a [`WebhookEvent`]; [`WebhookEvent::happening`] gives its typed form, and
//! [`WebhookEvent::json`] everything that was sent, also what this library does not know yet.
//!
//! The sender repeats a post that it thinks was lost. [`Receiver::take`] asks a [`Journal`] whether
//! an event is the first of its id: [`RecentIds`] remembers in memory, a store remembers for good.
//! Whatever was answered with 2xx or 4xx is not sent again; [`TakeError::http_status`] gives the
//! status that keeps nothing from being lost.
//!
//! An endpoint with axum:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! use axum::{Router, body::Bytes, extract::State, http::{HeaderMap, StatusCode}, routing::post};
//! use trunkline_base::time::UnixTime;
//! use trunkline_base::token::{ApiKey, KeyRing};
//! use trunkline_client::webhook::{Happening, Delivery, Post, Receiver, RecentIds};
//!
//! struct Hooks { receiver: Receiver, seen: RecentIds }
//!
//! async fn receive(
//!     State(hooks): State<Arc<Hooks>>,
//!     headers: HeaderMap,
//!     body: Bytes,
//! ) -> Result<(), (StatusCode, String)> {
//!     let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
//!     let post = Post {
//!         content_type: header("content-type"),
//!         authorization: header("authorization"),
//!         body: &body,
//!     };
//!     let now = UnixTime::from_system(SystemTime::now());
//!     let (event, kept) = hooks.receiver.take(post, now, &hooks.seen).await.map_err(|error| {
//!         let status = StatusCode::from_u16(error.http_status()).unwrap_or_default();
//!         (status, error.to_string())
//!     })?;
//!     if kept == Delivery::First {
//!         match event.happening() {
//!             Happening::ParticipantJoined(joined) => println!("{} is in", joined.identity),
//!             Happening::RoomFinished(room) => println!("{} is over", room.name),
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//!
//! let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
//! let hooks = Hooks { receiver: Receiver::new(keys), seen: RecentIds::default() };
//! let app: Router = Router::new().route("/webhooks", post(receive)).with_state(Arc::new(hooks));
//! ```

mod error;
mod event;
mod happening;
mod journal;
mod lenient;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use trunkline_base::time::UnixTime;
use trunkline_base::token::KeyRing;

pub use error::{TakeError, WebhookError};
pub use event::{WebhookEvent, WebhookKind};
pub use happening::{
    EgressEvent, Happening, IngressEvent, JobEvent, ParticipantEvent, RoomEvent, TrackEvent,
};
pub use journal::{Delivery, Journal, RecentIds};

/// Largest body taken. LiveKit's events are a few KiB; a participant's metadata may reach 512 KiB.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// How old or how early an event may be. LiveKit drops what it could not deliver within half a
/// minute and repeats for about as long; the rest is for clocks that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Created this long ago at the most.
    pub past: Duration,
    /// Created this far ahead of our clock at the most.
    pub ahead: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            past: Duration::from_secs(600),
            ahead: Duration::from_secs(60),
        }
    }
}

/// One POST, as it came.
#[derive(Clone, Copy)]
pub struct Post<'a> {
    /// The header `Content-Type`, or nothing.
    pub content_type: &'a str,
    /// The header `Authorization`, or nothing.
    pub authorization: &'a str,
    /// The body's exact bytes.
    pub body: &'a [u8],
}

/// Verifies webhooks against the keys they may be signed with.
#[derive(Clone, Debug)]
pub struct Receiver {
    keys: KeyRing,
    window: Window,
    limit: usize,
}

impl Receiver {
    /// Accepts any key of the ring, so that a rotation loses nothing.
    pub fn new(keys: KeyRing) -> Self {
        Self {
            keys,
            window: Window::default(),
            limit: BODY_LIMIT,
        }
    }

    /// With another window of time.
    #[must_use]
    pub const fn with_window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// With another limit to the body's size.
    #[must_use]
    pub const fn with_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Largest body taken. Read no more than this from the network.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Checks the headers, so that nobody without a key has a body read.
    ///
    /// # Errors
    /// [`WebhookError`] says which check failed.
    pub fn admit(
        &self,
        content_type: &str,
        authorization: &str,
        now: UnixTime,
    ) -> Result<Admitted, WebhookError> {
        if !is_webhook(content_type) {
            return Err(WebhookError::ContentType);
        }
        let token = bearer(authorization);
        if token.is_empty() {
            return Err(WebhookError::Unsigned);
        }
        let claims = self.keys.verify(token, now).map_err(WebhookError::Token)?;
        if claims.sha256.is_empty() {
            return Err(WebhookError::NoDigest);
        }
        let digest = STANDARD
            .decode(claims.sha256)
            .map_err(|_| WebhookError::Digest)?;
        Ok(Admitted {
            digest,
            window: self.window,
            limit: self.limit,
        })
    }

    /// Verifies a post and reads its event.
    ///
    /// # Errors
    /// [`WebhookError`] says which check failed.
    pub fn receive(&self, post: Post<'_>, now: UnixTime) -> Result<WebhookEvent, WebhookError> {
        self.admit(post.content_type, post.authorization, now)?
            .read(post.body, now)
    }

    /// Verifies a post, and keeps its event unless it was kept before.
    ///
    /// # Errors
    /// [`TakeError`] says why the post is refused or could not be kept.
    pub async fn take<J: Journal>(
        &self,
        post: Post<'_>,
        now: UnixTime,
        journal: &J,
    ) -> Result<(WebhookEvent, Delivery), TakeError<J::Error>> {
        let event = self.receive(post, now)?;
        let kept = journal
            .keep(&event, now)
            .await
            .map_err(TakeError::Journal)?;
        Ok((event, kept))
    }
}

/// A post whose headers are in order; the body must now match them.
#[derive(Debug)]
pub struct Admitted {
    digest: Vec<u8>,
    window: Window,
    limit: usize,
}

impl Admitted {
    /// Checks the body against the signature, and reads the event.
    ///
    /// # Errors
    /// [`WebhookError`] says which check failed.
    pub fn read(&self, body: &[u8], now: UnixTime) -> Result<WebhookEvent, WebhookError> {
        if body.len() > self.limit {
            return Err(WebhookError::TooLarge { limit: self.limit });
        }
        let digest: &[u8] = &Sha256::digest(body);
        if !bool::from(digest.ct_eq(&self.digest)) {
            return Err(WebhookError::Digest);
        }
        let event = WebhookEvent::parse(body)?;
        self.window.check(&event, now)?;
        Ok(event)
    }
}

impl Window {
    /// An event without a time is bounded by the life of its token alone.
    fn check(self, event: &WebhookEvent, now: UnixTime) -> Result<(), WebhookError> {
        let Some(created) = event.created_at() else {
            return Ok(());
        };
        let (age, lead) = (now.since(created), created.since(now));
        if age > self.past {
            return Err(WebhookError::TooOld { age });
        }
        if lead > self.ahead {
            return Err(WebhookError::TooEarly { lead });
        }
        Ok(())
    }
}

/// The token, with or without the scheme that LiveKit leaves out.
fn bearer(authorization: &str) -> &str {
    let authorization = authorization.trim();
    let (scheme, token) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        token.trim()
    } else {
        authorization
    }
}

/// LiveKit says `application/webhook+json`; a relay between may have made it plain JSON.
fn is_webhook(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/webhook+json")
        || kind.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests;
