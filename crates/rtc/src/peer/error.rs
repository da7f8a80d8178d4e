//! Why a description or a packet was refused.

/// Why a session description was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// More than any real description asks for.
    #[error("description asks for too much")]
    TooMuch(#[from] crate::sdp::Excess),
    /// Not a description.
    #[error("description cannot be read: {0}")]
    Unreadable(String),
    /// A description that contradicts itself or the session so far.
    #[error("description is not acceptable: {0}")]
    Refused(String),
    /// An answer came although no offer of ours is open.
    #[error("no offer is waiting for an answer")]
    NoOfferOpen,
    /// An offer was asked for although one is open.
    #[error("an offer is still waiting for its answer")]
    OfferOpen,
    /// The connection has ended.
    #[error("connection has ended")]
    Closed,
}

/// Why a packet was not sent. Each is a reason to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum SendError {
    /// The slot was removed.
    #[error("unknown slot")]
    UnknownSlot,
    /// The slot has no section yet.
    #[error("slot is not negotiated")]
    NotNegotiated,
    /// ICE or DTLS is not up.
    #[error("not connected")]
    NotConnected,
    /// The far end did not accept this codec.
    #[error("codec was not negotiated")]
    CodecRefused,
}
