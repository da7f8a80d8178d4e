//! A room's page in the book: its dispatches and who is there to be served.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as proto;
use trunkline_base::id::DispatchId;

use super::moment::Moment;
use super::purpose::{Purpose, Target};

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
pub(super) struct Person {
    pub(super) info: proto::ParticipantInfo,
    pub(super) publishes: bool,
}

#[derive(Debug)]
pub(super) struct RoomPage {
    pub(super) room: proto::Room,
    pub(super) dispatches: BTreeMap<DispatchId, Dispatch>,
    pub(super) people: BTreeMap<String, Person>,
}

impl RoomPage {
    pub(super) const fn new(room: proto::Room) -> Self {
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
    pub(super) fn forget(&mut self, identity: &str) {
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
