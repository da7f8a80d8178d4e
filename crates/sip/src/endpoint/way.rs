//! How a message goes out, and what may go that way.

use std::net::SocketAddr;

use super::flow::Flow;

/// How a message goes out, and what may go that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) flow: Flow,
    /// Over TCP, where to connect to when the connection is gone.
    pub(super) otherwise: Option<SocketAddr>,
    /// Bytes of the request that is answered this way.
    pub(super) asked: usize,
    /// Is it somebody whom no trunk knows?
    pub(super) is_strange: bool,
}

impl Way {
    /// To a side of a call.
    pub(super) const fn inside(flow: Flow, otherwise: Option<SocketAddr>) -> Self {
        Self {
            flow,
            otherwise,
            asked: usize::MAX,
            is_strange: false,
        }
    }

    /// What an answer is owed: to a side of a call all it takes, to anybody else one try on the way
    /// it came.
    pub(super) const fn owed(self, inside: bool) -> Self {
        if inside {
            Self::inside(self.flow, self.otherwise)
        } else {
            Self {
                otherwise: None,
                ..self
            }
        }
    }
}
