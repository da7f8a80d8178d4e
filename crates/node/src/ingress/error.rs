//! Why an ingress request was refused, in LiveKit's words.

use trunkline_base::class::{Class, Classified};

use crate::records::RecordError;

/// Why a request about ingresses was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngressError {
    #[error("ingress not connected (redis required)")]
    NotConnected,
    #[error("ingress does not exist")]
    NotFound,
    #[error("ingress is not reusable and cannot be modified")]
    NotReusable,
    #[error("invalid ingress type")]
    Type,
    #[error("invalid ingress: {0}")]
    Invalid(&'static str),
    #[error("invalid ingress: invalid url scheme {0}")]
    Scheme(String),
    #[error("invalid ingress: the url cannot be read")]
    Url,
    #[error("invalid video parameters: {0}")]
    Video(&'static str),
    #[error("invalid audio parameters: {0}")]
    Audio(&'static str),
    #[error("invalid transcoding bypass configuration: {0}")]
    Bypass(&'static str),
    #[error("{0}")]
    Record(#[from] RecordError),
}

impl Classified for IngressError {
    fn class(&self) -> Class {
        match self {
            Self::NotConnected => Class::Internal,
            Self::NotFound => Class::Missing,
            Self::NotReusable
            | Self::Type
            | Self::Invalid(_)
            | Self::Scheme(_)
            | Self::Url
            | Self::Video(_)
            | Self::Audio(_)
            | Self::Bypass(_) => Class::Invalid,
            Self::Record(error) => error.class(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotConnected => "node.ingress.not_connected",
            Self::NotFound => "node.ingress.not_found",
            Self::NotReusable => "node.ingress.not_reusable",
            Self::Type => "node.ingress.type",
            Self::Invalid(_) => "node.ingress.invalid",
            Self::Scheme(_) | Self::Url => "node.ingress.url",
            Self::Video(_) => "node.ingress.video",
            Self::Audio(_) => "node.ingress.audio",
            Self::Bypass(_) => "node.ingress.bypass",
            Self::Record(error) => error.code(),
        }
    }
}
