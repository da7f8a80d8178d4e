//! Who offers, and which end of a session a peer is.

/// Who writes the offers on this connection. It never changes: the engine drops a pending offer
/// when one arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We offer. Senders get sections of their own.
    Offerer,
    /// The far end offers. Senders are placed on sections it offers to receive on.
    Answerer,
}

/// Which end of a LiveKit session this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// An SFU: only audio and the video codecs it may forward, publish hints in answers.
    Server,
    /// A participant: audio only.
    Client,
}
