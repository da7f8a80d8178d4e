//! Why nothing came back.

use std::time::Duration;

use super::super::signalling::TlsFault;

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum InquiryError {
    /// The network or the machine there says no.
    #[error("cannot be reached")]
    Network(#[from] std::io::Error),
    /// It is not whom we want, or speaks no TLS.
    #[error("{0}")]
    Tls(TlsFault),
    /// Something that is no SIP came back.
    #[error("what answers there does not speak sip")]
    NotSip,
    /// Nothing came back in time.
    #[error("no answer in {} s", PATIENCE.as_secs())]
    Late,
}

/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
