//! Media sections, and what either end sends on them.

use std::fmt;

use super::codec::Codec;

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    Audio,
    Video,
}

/// Name of a media section (`a=mid`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mid(pub(super) str0m::media::Mid);

impl Mid {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Mid {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mid({})", self.as_str())
    }
}

/// A sender of ours, from the moment it is wanted until it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(super) u32);

/// Media the far end sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Its section.
    pub mid: Mid,
    /// Audio or video.
    pub kind: MediaKind,
    /// Stream id, on the subscriber side `PA_..|TR_..`.
    pub stream_id: String,
    /// Track id, on the publisher side the client's own name for the track.
    pub track_id: String,
    /// Codecs of the section in the far end's order.
    pub codecs: Vec<Codec>,
}
