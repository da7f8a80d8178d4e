//! A room's page in the book: its dispatches and who is there to be served.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as proto;
use proto::{DisconnectReason, JobType};
use trunkline_base::id::DispatchId;

use super::job::Purpose;
use super::{Book, Moment};

/// What one job of a dispatch is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Room,
    Participant(String),
    Publisher(String),
}

impl Target {
    pub(super) const fn kind(&self) -> JobType {
        match self {
            Self::Room => JobType::JtRoom,
            Self::Participant(_) => JobType::JtParticipant,
            Self::Publisher(_) => JobType::JtPublisher,
        }
    }
}

#[derive(Debug)]
pub(super) struct Dispatch {
    pub(super) info: proto::AgentDispatch,
    /// What has had its job; each gets one, and another when that fails.
    pub(super) launched: BTreeSet<Purpose>,
    /// How often the job of a purpose has failed in a row.
    pub(super) failures: BTreeMap<Purpose, u32>,
}

impl Dispatch {
    pub(super) const fn new(info: proto::AgentDispatch) -> Self {
        Self {
            info,
            launched: BTreeSet::new(),
            failures: BTreeMap::new(),
        }
    }
}

#[derive(Debug)]
struct Person {
    info: proto::ParticipantInfo,
    publishes: bool,
}

#[derive(Debug)]
pub(super) struct RoomPage {
    pub(super) room: proto::Room,
    pub(super) dispatches: BTreeMap<DispatchId, Dispatch>,
    people: BTreeMap<String, Person>,
}

impl RoomPage {
    const fn new(room: proto::Room) -> Self {
        Self {
            room,
            dispatches: BTreeMap::new(),
            people: BTreeMap::new(),
        }
    }

    /// Everything a dispatch could have a job for now.
    pub(super) fn targets(&self) -> Vec<Target> {
        let people = self.people.keys().cloned().map(Target::Participant);
        let publishers = self.people.iter().filter(|(_, person)| person.publishes);
        let publishers = publishers.map(|(identity, _)| Target::Publisher(identity.clone()));
        std::iter::once(Target::Room)
            .chain(people)
            .chain(publishers)
            .collect()
    }

    pub(super) fn person(&self, target: &Target) -> Option<&proto::ParticipantInfo> {
        match target {
            Target::Room => None,
            Target::Participant(identity) | Target::Publisher(identity) => {
                self.people.get(identity).map(|person| &person.info)
            }
        }
    }

    /// Forgets a person, so that a return gets jobs again.
    fn forget(&mut self, identity: &str) {
        self.people.remove(identity);
        for dispatch in self.dispatches.values_mut() {
            let others = |purpose: &Purpose| match &purpose.target {
                Target::Room => true,
                Target::Participant(one) | Target::Publisher(one) => one != identity,
            };
            dispatch.launched.retain(others);
            dispatch.failures.retain(|purpose, _| others(purpose));
        }
    }

    /// Whether anybody is there whom an agent could serve.
    pub(super) fn is_inhabited(&self) -> bool {
        !self.people.is_empty()
    }
}

impl Book {
    /// A room exists. Without agents asked for it gets the one without a name.
    pub(crate) fn room_started(
        &mut self,
        room: proto::Room,
        agents: Vec<proto::RoomAgentDispatch>,
        now: Moment,
    ) {
        let name = room.name.clone();
        let agents = if agents.is_empty() {
            vec![Default::default()]
        } else {
            agents
        };
        self.page(room);
        for wanted in agents.into_iter().take(super::MAX_DISPATCHES) {
            if let Err(error) = super::check_deployment(&wanted.deployment) {
                tracing::warn!(%error, "an agent of a room is left out");
                continue;
            }
            let id = DispatchId::generate(&mut self.rng);
            let info = dispatch_info(&id, &name, wanted, now);
            if let Some(page) = self.rooms.get_mut(&name) {
                page.dispatches.insert(id, Dispatch::new(info));
            }
        }
        self.launch_missing(&name, now);
    }

    /// A room goes on that had these dispatches before. Agents that ran are given time to come
    /// back; the others are launched.
    pub(crate) fn room_revived(
        &mut self,
        room: proto::Room,
        dispatches: Vec<proto::AgentDispatch>,
        now: Moment,
    ) {
        let name = room.name.clone();
        let page = self.page(room);
        let mut ran = Vec::new();
        for mut info in dispatches.into_iter().take(super::MAX_DISPATCHES) {
            if let Ok(id) = DispatchId::parse(info.id.as_str()) {
                let jobs = info
                    .state
                    .as_mut()
                    .map(|state| std::mem::take(&mut state.jobs));
                ran.extend(jobs.into_iter().flatten().map(|job| (id.clone(), job)));
                page.dispatches.insert(id, Dispatch::new(info));
            }
        }
        for (dispatch, job) in ran {
            self.revive_job(&dispatch, job, now);
        }
        self.launch_missing(&name, now);
    }

    /// The room closed: what still runs is told to end, and the page is closed.
    pub(crate) fn room_finished(&mut self, name: &str) {
        self.rooms.remove(name);
        let its = |job: &&super::job::Job| job.room() == name;
        let jobs: Vec<_> = self
            .jobs
            .values()
            .filter(its)
            .map(|job| job.id.clone())
            .collect();
        for job in jobs {
            self.terminate(&job);
            self.jobs.remove(&job);
        }
        self.leaving.retain(|(_, room, _)| room != name);
    }

    /// The room closed with the process, and the next one opens it again: its agents have been
    /// asked to come back, so nobody ends them.
    pub(crate) fn room_suspended(&mut self, name: &str) {
        self.rooms.remove(name);
        self.jobs.retain(|_, job| job.room() != name);
        self.leaving.retain(|(_, room, _)| room != name);
    }

    /// Somebody an agent may serve was let in.
    pub(crate) fn participant_entered(
        &mut self,
        room: proto::Room,
        participant: proto::ParticipantInfo,
        now: Moment,
    ) {
        let name = room.name.clone();
        let page = self.page(room);
        page.forget(&participant.identity);
        let identity = participant.identity.clone();
        page.people.insert(
            identity,
            Person {
                info: participant,
                publishes: false,
            },
        );
        self.launch_missing(&name, now);
    }

    /// Somebody published their first track.
    pub(crate) fn participant_publishes(
        &mut self,
        room: &str,
        participant: proto::ParticipantInfo,
        now: Moment,
    ) {
        let page = self.rooms.get_mut(room);
        let person = page.and_then(|page| page.people.get_mut(&participant.identity));
        if let Some(person) = person {
            person.info = participant;
            person.publishes = true;
            self.launch_missing(room, now);
        }
    }

    /// Somebody is gone, a served person or an agent.
    pub(crate) fn participant_left(
        &mut self,
        room: &str,
        participant: &proto::ParticipantInfo,
        now: Moment,
    ) {
        // A newer session of the same identity took over: nobody left.
        // And who is sent away because the process ends is asked to come back.
        if matches!(
            participant.disconnect_reason(),
            DisconnectReason::DuplicateIdentity | DisconnectReason::ServerShutdown
        ) {
            return;
        }
        if let Some(page) = self.rooms.get_mut(room) {
            let known = page.people.get(&participant.identity);
            if known.is_some_and(|person| person.info.sid == participant.sid) {
                page.forget(&participant.identity);
            }
        }
        let gone = (
            participant.identity.as_str(),
            participant.disconnect_reason(),
        );
        self.agent_left(room, gone, now);
    }

    /// The page of a room; a new life of the room starts a new one.
    pub(super) fn page(&mut self, room: proto::Room) -> &mut RoomPage {
        let name = room.name.clone();
        let stale = |page: &RoomPage| page.room.sid != room.sid;
        if self.rooms.get(&name).is_some_and(stale) {
            self.room_finished(&name);
        }
        self.rooms
            .entry(name)
            .or_insert_with(|| RoomPage::new(room))
    }
}

/// A dispatch as the API shows it.
pub(super) fn dispatch_info(
    id: &DispatchId,
    room: &str,
    wanted: proto::RoomAgentDispatch,
    now: Moment,
) -> proto::AgentDispatch {
    proto::AgentDispatch {
        id: id.to_string(),
        agent_name: wanted.agent_name,
        room: room.to_owned(),
        metadata: wanted.metadata,
        state: Some(proto::AgentDispatchState {
            created_at: now.unix.nanos_i64(),
            ..Default::default()
        }),
        restart_policy: wanted.restart_policy,
        deployment: wanted.deployment,
        attributes: wanted.attributes,
    }
}
