//! The typed form of an event: ids parsed, the message beside them.

use livekit_protocol as proto;
use trunkline_base::id::{
    DispatchId, EgressId, IngressId, JobId, ParticipantIdentity, ParticipantSid, RoomName, RoomSid,
    TrackSid,
};
use trunkline_base::token::ParticipantKind;

use super::event::{WebhookEvent, WebhookKind};

/// What happened, with everything that its kind promises.
#[derive(Clone, PartialEq)]
pub enum Happening<'a> {
    /// A room opened.
    RoomStarted(RoomEvent<'a>),
    /// A room closed.
    RoomFinished(RoomEvent<'a>),
    ParticipantJoined(ParticipantEvent<'a>),
    /// A participant is gone.
    ParticipantLeft(ParticipantEvent<'a>),
    /// A participant went before being in.
    ParticipantConnectionAborted(ParticipantEvent<'a>),
    /// A track is up.
    TrackPublished(TrackEvent<'a>),
    /// A track is down.
    TrackUnpublished(TrackEvent<'a>),
    /// A recording begins.
    EgressStarted(EgressEvent<'a>),
    /// A recording changed.
    EgressUpdated(EgressEvent<'a>),
    /// A recording is over.
    EgressEnded(EgressEvent<'a>),
    /// An import begins.
    IngressStarted(IngressEvent<'a>),
    /// An import is over.
    IngressEnded(IngressEvent<'a>),
    /// An agent's job begins.
    AgentJobStarted(JobEvent<'a>),
    /// An agent's job is over.
    AgentJobEnded(JobEvent<'a>),
    /// Something newer than this library, or an event that lacks what its word promises. The
    /// event's word, its `detail` and its JSON are there all the same.
    Other,
}

#[derive(Clone, PartialEq)]
pub struct RoomEvent<'a> {
    pub name: RoomName,
    /// This life of it.
    pub sid: Option<RoomSid>,
    /// As LiveKit tells it. Events of tracks tell sid and name only.
    pub room: &'a proto::Room,
}

/// A participant of a room.
#[derive(Clone, PartialEq)]
pub struct ParticipantEvent<'a> {
    /// Where.
    pub room: RoomEvent<'a>,
    pub identity: ParticipantIdentity,
    /// This session of theirs.
    pub sid: Option<ParticipantSid>,
    /// What sort.
    pub kind: ParticipantKind,
    /// As LiveKit tells them. Events of tracks tell sid and identity only.
    pub participant: &'a proto::ParticipantInfo,
}

/// A track of a participant.
#[derive(Clone, PartialEq)]
pub struct TrackEvent<'a> {
    pub by: ParticipantEvent<'a>,
    pub sid: TrackSid,
    /// As LiveKit tells it.
    pub track: &'a proto::TrackInfo,
}

/// A recording.
#[derive(Clone, PartialEq)]
pub struct EgressEvent<'a> {
    pub id: EgressId,
    /// Of this room; a recording of a web page has none.
    pub room: Option<RoomName>,
    /// As LiveKit tells it.
    pub egress: &'a proto::EgressInfo,
}

/// An import.
#[derive(Clone, PartialEq)]
pub struct IngressEvent<'a> {
    pub id: IngressId,
    /// Into this room.
    pub room: Option<RoomName>,
    /// As LiveKit tells it.
    pub ingress: &'a proto::IngressInfo,
}

/// An agent's job.
#[derive(Clone, PartialEq)]
pub struct JobEvent<'a> {
    pub id: JobId,
    /// The wish it came from.
    pub dispatch: Option<DispatchId>,
    pub room: Option<RoomName>,
    /// As LiveKit tells it.
    pub job: &'a proto::Job,
}

impl WebhookEvent {
    /// What happened, typed.
    pub fn happening(&self) -> Happening<'_> {
        self.typed().unwrap_or(Happening::Other)
    }

    fn typed(&self) -> Option<Happening<'_>> {
        let detail = &self.detail;
        Some(match self.kind {
            WebhookKind::RoomStarted => Happening::RoomStarted(room(detail)?),
            WebhookKind::RoomFinished => Happening::RoomFinished(room(detail)?),
            WebhookKind::ParticipantJoined => Happening::ParticipantJoined(participant(detail)?),
            WebhookKind::ParticipantLeft => Happening::ParticipantLeft(participant(detail)?),
            WebhookKind::ParticipantConnectionAborted => {
                Happening::ParticipantConnectionAborted(participant(detail)?)
            }
            WebhookKind::TrackPublished => Happening::TrackPublished(track(detail)?),
            WebhookKind::TrackUnpublished => Happening::TrackUnpublished(track(detail)?),
            WebhookKind::EgressStarted => Happening::EgressStarted(egress(detail)?),
            WebhookKind::EgressUpdated => Happening::EgressUpdated(egress(detail)?),
            WebhookKind::EgressEnded => Happening::EgressEnded(egress(detail)?),
            WebhookKind::IngressStarted => Happening::IngressStarted(ingress(detail)?),
            WebhookKind::IngressEnded => Happening::IngressEnded(ingress(detail)?),
            WebhookKind::AgentJobStarted => Happening::AgentJobStarted(job(detail)?),
            WebhookKind::AgentJobEnded => Happening::AgentJobEnded(job(detail)?),
            WebhookKind::Other => Happening::Other,
        })
    }
}

fn room(detail: &proto::WebhookEvent) -> Option<RoomEvent<'_>> {
    let room = detail.room.as_ref()?;
    Some(RoomEvent {
        name: RoomName::parse(room.name.as_str()).ok()?,
        sid: RoomSid::parse(room.sid.as_str()).ok(),
        room,
    })
}

fn participant(detail: &proto::WebhookEvent) -> Option<ParticipantEvent<'_>> {
    let participant = detail.participant.as_ref()?;
    Some(ParticipantEvent {
        room: room(detail)?,
        identity: ParticipantIdentity::parse(participant.identity.as_str()).ok()?,
        sid: ParticipantSid::parse(participant.sid.as_str()).ok(),
        kind: ParticipantKind::from_wire(participant.kind),
        participant,
    })
}

fn track(detail: &proto::WebhookEvent) -> Option<TrackEvent<'_>> {
    let track = detail.track.as_ref()?;
    Some(TrackEvent {
        by: participant(detail)?,
        sid: TrackSid::parse(track.sid.as_str()).ok()?,
        track,
    })
}

fn egress(detail: &proto::WebhookEvent) -> Option<EgressEvent<'_>> {
    let egress = detail.egress_info.as_ref()?;
    Some(EgressEvent {
        id: EgressId::parse(egress.egress_id.as_str()).ok()?,
        room: RoomName::parse(egress.room_name.as_str()).ok(),
        egress,
    })
}

fn ingress(detail: &proto::WebhookEvent) -> Option<IngressEvent<'_>> {
    let ingress = detail.ingress_info.as_ref()?;
    Some(IngressEvent {
        id: IngressId::parse(ingress.ingress_id.as_str()).ok()?,
        room: RoomName::parse(ingress.room_name.as_str()).ok(),
        ingress,
    })
}

fn job(detail: &proto::WebhookEvent) -> Option<JobEvent<'_>> {
    let job = detail.job.as_ref()?;
    let room = job.room.as_ref().map(|room| room.name.as_str());
    Some(JobEvent {
        id: JobId::parse(job.id.as_str()).ok()?,
        dispatch: DispatchId::parse(job.dispatch_id.as_str()).ok(),
        room: room.and_then(|name| RoomName::parse(name).ok()),
        job,
    })
}
