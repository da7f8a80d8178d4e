//! The services there are, and whoever answers their calls.

use axum::response::Response;

use super::call::Call;

/// Whoever answers calls of the services.
pub(crate) trait Answers: Clone + Send + Sync + 'static {
    /// Answers one; a service that is not here is a plain 404.
    fn answer(
        &self,
        service: Service,
        call: Call,
        method: &str,
    ) -> impl Future<Output = Response> + Send;
}

/// The services the official server registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Room,
    AgentDispatch,
    Sip,
    Egress,
    Ingress,
}

impl Service {
    const ALL: [Self; 5] = [
        Self::Room,
        Self::AgentDispatch,
        Self::Sip,
        Self::Egress,
        Self::Ingress,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Room => "livekit.RoomService",
            Self::AgentDispatch => "livekit.AgentDispatchService",
            Self::Sip => "livekit.SIP",
            Self::Egress => "livekit.Egress",
            Self::Ingress => "livekit.Ingress",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}
