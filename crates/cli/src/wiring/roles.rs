//! What one process of several may leave to others.

use std::collections::BTreeSet;

use clap::ValueEnum;

/// A part of the daemon that can be asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    /// The embedded LiveKit node
    Node,
    /// The gateway that phones call
    Sip,
    /// The agent that listens and speaks
    Agent,
    /// Recording
    Egress,
    /// Media into rooms
    Ingress,
    /// Health, metrics, webhooks and the API over HTTP
    Console,
}

/// The parts that were asked for; nothing said means all that can run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles(BTreeSet<Role>);

/// Why a part does not run that could.
pub(crate) const NOT_ASKED: &str = "not among --roles";

impl Roles {
    /// Whether the part shall run, if it can.
    pub(crate) fn include(&self, role: Role) -> bool {
        self.0.is_empty() || self.0.contains(&role)
    }

    /// Whether any was asked for by name.
    pub(crate) fn are_named(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether it was asked for by name.
    pub(crate) fn name(&self, role: Role) -> bool {
        self.0.contains(&role)
    }
}

impl From<&[Role]> for Roles {
    fn from(roles: &[Role]) -> Self {
        Self(roles.iter().copied().collect())
    }
}
