//! Why a post is no webhook of ours, and what to answer.

use std::time::Duration;

use trunkline_base::class::{Class, Classified};
use trunkline_base::token::VerifyError;

/// Why a post is refused. None of these carries any part of the post.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Not what LiveKit posts.
    #[error("webhook is not of type application/webhook+json")]
    ContentType,
    /// No token at all.
    #[error("webhook has no signature in the Authorization header")]
    Unsigned,
    /// The token is forged, expired, or by a key we do not know.
    #[error("webhook is not signed by a known key")]
    Token(#[source] VerifyError),
    /// A good token that signs no body, such as a participant's.
    #[error("webhook token signs no body: it has no sha256")]
    NoDigest,
    /// The token is of another body.
    #[error("webhook body does not match its signature; it must reach us byte for byte as sent")]
    Digest,
    /// More than is taken.
    #[error("webhook body is larger than {limit} bytes")]
    TooLarge {
        /// Bytes taken.
        limit: usize,
    },
    /// Signed, but no event.
    #[error("webhook body is not an event")]
    Body,
    /// Repeated too late, or the clocks differ.
    #[error("webhook event is {} s old; check the clocks of server and receiver", age.as_secs())]
    TooOld {
        /// By our clock.
        age: Duration,
    },
    /// From the future: the clocks differ.
    #[error("webhook event is {} s ahead; check the clocks of server and receiver", lead.as_secs())]
    TooEarly {
        /// By our clock.
        lead: Duration,
    },
}

impl WebhookError {
    /// The HTTP status to answer with. Each is final: the same post would be refused again.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Unsigned
            | Self::Token(_)
            | Self::NoDigest
            | Self::Digest
            | Self::TooOld { .. }
            | Self::TooEarly { .. } => 401,
            Self::ContentType => 415,
            Self::TooLarge { .. } => 413,
            Self::Body => 400,
        }
    }

    /// One word, for a metric's label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code().rsplit('.').next().unwrap_or("token"),
            _ => self.code().rsplit('.').next().unwrap_or("other"),
        }
    }
}

impl Classified for WebhookError {
    fn class(&self) -> Class {
        match self {
            Self::Unsigned
            | Self::Token(_)
            | Self::NoDigest
            | Self::Digest
            | Self::TooOld { .. }
            | Self::TooEarly { .. } => Class::Denied,
            Self::ContentType | Self::TooLarge { .. } => Class::Invalid,
            Self::Body => Class::Peer,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::ContentType => "client.webhook.content_type",
            Self::Unsigned => "client.webhook.unsigned",
            Self::Token(_) => "client.webhook.signature",
            Self::NoDigest => "client.webhook.no_digest",
            Self::Digest => "client.webhook.digest",
            Self::TooLarge { .. } => "client.webhook.too_large",
            Self::Body => "client.webhook.body",
            Self::TooOld { .. } => "client.webhook.too_old",
            Self::TooEarly { .. } => "client.webhook.too_early",
        }
    }
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError<E> {
    /// The post is refused.
    #[error(transparent)]
    Refused(#[from] WebhookError),
    /// The event is good and could not be kept: the sender must try again.
    #[error("webhook event could not be kept")]
    Journal(#[source] E),
}

impl<E> TakeError<E> {
    /// The HTTP status to answer with: LiveKit repeats after 429 and 5xx, never after another 4xx.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Refused(error) => error.http_status(),
            Self::Journal(_) => 503,
        }
    }
}
