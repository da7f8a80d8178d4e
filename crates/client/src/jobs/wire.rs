//! Between LiveKit's worker messages and our types.

use livekit_protocol as proto;
use proto::worker_message::Message;
use trunkline_base::id::{DispatchId, JobId, ParticipantIdentity, RoomName, RoomSid};

use super::{JobAnswer, JobInfo, JobKind, JobOutcome, WorkerOptions};

/// Seconds between our pings, told to the server at registration.
pub(super) const PING_SECONDS: u32 = 10;

pub(super) fn register(options: &WorkerOptions) -> Message {
    #[expect(deprecated, reason = "servers before the agent kind look at this flag")]
    let allowed = proto::ParticipantPermission {
        can_subscribe: options.permissions.can_subscribe,
        can_publish: options.permissions.can_publish,
        can_publish_data: options.permissions.can_publish_data,
        can_update_metadata: options.permissions.can_update_metadata,
        hidden: options.permissions.hidden,
        agent: true,
        ..proto::ParticipantPermission::default()
    };
    Message::Register(proto::RegisterWorkerRequest {
        r#type: kind_to_wire(options.kind).into(),
        agent_name: options.agent_name.clone(),
        version: options.version.clone(),
        ping_interval: PING_SECONDS,
        namespace: options.namespace.clone(),
        allowed_permissions: Some(allowed),
        ..proto::RegisterWorkerRequest::default()
    })
}

pub(super) fn decline(job: &JobId) -> Message {
    Message::Availability(proto::AvailabilityResponse {
        job_id: job.to_string(),
        ..proto::AvailabilityResponse::default()
    })
}

/// The identity to appear with, as the answer names it or as LiveKit's own workers do.
pub(super) fn identity(job: &JobId, answer: &JobAnswer) -> Option<ParticipantIdentity> {
    let named = answer.identity.clone();
    named.or_else(|| ParticipantIdentity::parse(format!("agent-{job}")).ok())
}

pub(super) fn accept(job: &JobId, identity: &ParticipantIdentity, answer: JobAnswer) -> Message {
    Message::Availability(proto::AvailabilityResponse {
        job_id: job.to_string(),
        available: true,
        participant_identity: identity.to_string(),
        participant_name: answer.name,
        participant_metadata: answer.metadata,
        participant_attributes: answer.attributes.into_iter().collect(),
        ..proto::AvailabilityResponse::default()
    })
}

pub(super) fn running(job: &JobId) -> Message {
    Message::UpdateJob(proto::UpdateJobStatus {
        job_id: job.to_string(),
        status: proto::JobStatus::JsRunning.into(),
        ..proto::UpdateJobStatus::default()
    })
}

pub(super) fn ended(job: &JobId, outcome: JobOutcome) -> Message {
    let (status, error) = match outcome {
        JobOutcome::Success => (proto::JobStatus::JsSuccess, String::new()),
        JobOutcome::Failed(error) => (proto::JobStatus::JsFailed, error),
    };
    Message::UpdateJob(proto::UpdateJobStatus {
        job_id: job.to_string(),
        status: status.into(),
        error,
    })
}

pub(super) fn status(full: bool, draining: bool, load: f32, jobs: usize) -> Message {
    let status = if full {
        proto::WorkerStatus::WsFull
    } else {
        proto::WorkerStatus::WsAvailable
    };
    Message::UpdateWorker(proto::UpdateWorkerStatus {
        status: Some(status.into()),
        load,
        job_count: u32::try_from(jobs).unwrap_or(u32::MAX),
        draining,
        ..proto::UpdateWorkerStatus::default()
    })
}

pub(super) fn ping(unix_millis: i64) -> Message {
    Message::Ping(proto::WorkerPing {
        timestamp: unix_millis,
    })
}

pub(super) fn migrate<'a>(jobs: impl Iterator<Item = &'a JobId>) -> Message {
    Message::MigrateJob(proto::MigrateJobRequest {
        job_ids: jobs.map(ToString::to_string).collect(),
    })
}

/// Reads a job; nothing when it names no room.
pub(super) fn job(job: proto::Job) -> Option<JobInfo> {
    let kind = kind_from_wire(job.r#type());
    let room = job.room.unwrap_or_default();
    Some(JobInfo {
        id: JobId::parse(job.id).ok()?,
        kind,
        room: RoomName::parse(room.name).ok()?,
        room_sid: RoomSid::parse(room.sid).ok(),
        room_metadata: room.metadata,
        participant: job
            .participant
            .and_then(|who| ParticipantIdentity::parse(who.identity).ok()),
        metadata: job.metadata,
        agent_name: job.agent_name,
        dispatch: DispatchId::parse(job.dispatch_id).ok(),
        attributes: job.attributes.into_iter().collect(),
    })
}

const fn kind_to_wire(kind: JobKind) -> proto::JobType {
    match kind {
        JobKind::Room => proto::JobType::JtRoom,
        JobKind::Publisher => proto::JobType::JtPublisher,
        JobKind::Participant => proto::JobType::JtParticipant,
    }
}

const fn kind_from_wire(kind: proto::JobType) -> JobKind {
    match kind {
        proto::JobType::JtPublisher => JobKind::Publisher,
        proto::JobType::JtParticipant => JobKind::Participant,
        _ => JobKind::Room,
    }
}
