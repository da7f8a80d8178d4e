//! What a client's protocol number lets us say to it.

/// The signalling protocol a client speaks (`ClientInfo.protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Protocol(pub(crate) i32);

impl Protocol {
    /// Subscriber connection first, incremental speaker updates.
    pub(crate) const fn subscriber_primary(self) -> bool {
        self.0 > 2
    }

    pub(crate) const fn track_unpublished(self) -> bool {
        self.0 > 6
    }

    /// Hears of participants that left as DISCONNECTED entries.
    pub(crate) const fn disconnected_updates(self) -> bool {
        self.0 > 8
    }

    pub(crate) const fn request_response(self) -> bool {
        self.0 > 9
    }

    /// Knows participants by identity, so a replaced session needs no goodbye.
    pub(crate) const fn identity_based(self) -> bool {
        self.0 > 11
    }

    pub(crate) const fn leave_action(self) -> bool {
        self.0 > 12
    }

    /// Wants an answer to requests that succeeded, too.
    pub(crate) const fn positive_responses(self) -> bool {
        self.0 > 14
    }
}
