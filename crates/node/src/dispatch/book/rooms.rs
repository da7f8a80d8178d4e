//! What happens in rooms: they open, fill, empty and close.

use livekit_protocol as proto;
use proto::DisconnectReason;
use trunkline_base::id::DispatchId;

use super::job::Job;
use super::page::{Dispatch, Person, RoomPage, dispatch_info};
use super::{Book, MAX_DISPATCHES, Moment, check_deployment};

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
        for wanted in agents.into_iter().take(MAX_DISPATCHES) {
            if let Err(error) = check_deployment(&wanted.deployment) {
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
        for mut info in dispatches.into_iter().take(MAX_DISPATCHES) {
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
        let its = |job: &&Job| job.room() == name;
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
