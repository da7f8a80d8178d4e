//! What a worker registers as.

use livekit_protocol as proto;
use proto::JobType;

use super::deployment::check_deployment;

/// Workers that share a key are interchangeable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkerKey {
    pub(crate) agent_name: String,
    pub(crate) namespace: String,
    pub(crate) deployment: String,
    pub(crate) kind: JobType,
}

impl WorkerKey {
    /// Whether its workers do jobs of this type and name. A dispatch names no namespace: each gets
    /// a job of its own.
    pub(super) fn serves(&self, kind: JobType, agent_name: &str, deployment: &str) -> bool {
        self.kind == kind && self.agent_name == agent_name && self.deployment == deployment
    }
}

/// A checked registration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Registration {
    pub(crate) key: WorkerKey,
    pub(crate) permissions: proto::ParticipantPermission,
    /// The key its socket was authenticated with; signs its job tokens.
    pub(crate) api_key: String,
}

/// Why a registration is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegistrationError {
    #[error("unknown job type")]
    JobType,
    #[error("deployment contains characters that are not allowed")]
    Deployment,
    #[error("too many workers")]
    TooMany,
}

impl Registration {
    /// Reads a register message; absent permissions become an ordinary agent's.
    pub(crate) fn read(
        request: proto::RegisterWorkerRequest,
        api_key: &str,
    ) -> Result<Self, RegistrationError> {
        let kind = JobType::try_from(request.r#type).map_err(|_| RegistrationError::JobType)?;
        check_deployment(&request.deployment).map_err(|_| RegistrationError::Deployment)?;
        let permissions =
            request
                .allowed_permissions
                .unwrap_or_else(|| proto::ParticipantPermission {
                    can_subscribe: true,
                    can_publish: true,
                    can_publish_data: true,
                    can_update_metadata: true,
                    ..Default::default()
                });
        let key = WorkerKey {
            agent_name: request.agent_name,
            namespace: request.namespace.unwrap_or_default(),
            deployment: request.deployment,
            kind,
        };
        Ok(Self {
            key,
            permissions,
            api_key: api_key.to_owned(),
        })
    }
}
