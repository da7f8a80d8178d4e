//! The book, told as stories.

use super::*;
use proto::worker_message::Message as FromWorker;
use proto::{DisconnectReason, JobStatus, JobType, WorkerStatus};
use std::time::Duration;
use trunkline_base::time::UnixTime;

mod dispatches;
mod offers;
mod revival;

/// A book with a clock, spoken to in the words of a story.
struct Story {
    book: Book,
    now: Moment,
}

impl Story {
    fn new() -> Self {
        let now = Moment {
            at: Instant::now(),
            unix: UnixTime::from_secs(1_800_000_000),
        };
        Self {
            book: Book::new(7),
            now,
        }
    }

    /// In the lobby an agent works, for a worker.
    fn with_agent() -> (Self, WorkerId, proto::Job) {
        let mut story = Self::new();
        let worker = story.worker("bot", JobType::JtRoom);
        story.room("lobby", &["bot"]);
        let job = story.running(&worker);
        (story, worker, job)
    }

    fn alice_comes(&mut self) {
        self.book
            .participant_entered(room("lobby"), person("alice"), self.now);
    }

    fn worker(&mut self, name: &str, kind: JobType) -> WorkerId {
        let request = proto::RegisterWorkerRequest {
            r#type: i32::from(kind),
            agent_name: name.to_owned(),
            ..Default::default()
        };
        let registration = Registration::read(request, "devkey").unwrap();
        self.book.worker_registered(registration, self.now).unwrap()
    }

    fn status(&mut self, worker: &WorkerId, status: WorkerStatus, load: f32) {
        let status = proto::UpdateWorkerStatus {
            status: Some(i32::from(status)),
            load,
            ..Default::default()
        };
        self.book
            .worker_message(worker, FromWorker::UpdateWorker(status), self.now);
    }

    fn room(&mut self, name: &str, agents: &[&str]) {
        let agents = agents.iter().map(|name| wanted(name)).collect();
        self.book.room_started(room(name), agents, self.now);
    }

    fn answer(&mut self, worker: &WorkerId, job: &str, available: bool) {
        let answer = proto::AvailabilityResponse {
            job_id: job.to_owned(),
            available,
            participant_identity: format!("agent-{job}"),
            ..Default::default()
        };
        self.book
            .worker_message(worker, FromWorker::Availability(answer), self.now);
    }

    fn update(&mut self, worker: &WorkerId, job: &str, status: JobStatus) {
        let update = proto::UpdateJobStatus {
            job_id: job.to_owned(),
            status: i32::from(status),
            ..Default::default()
        };
        self.book
            .worker_message(worker, FromWorker::UpdateJob(update), self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.book.handle_timeout(self.now);
    }

    /// The one offer made now: to whom, and the job.
    fn offer(&mut self) -> (WorkerId, proto::Job) {
        let mut offers = self.offers();
        assert_eq!(offers.len(), 1, "{offers:?}");
        offers.remove(0)
    }

    fn offers(&mut self) -> Vec<(WorkerId, proto::Job)> {
        let actions = std::iter::from_fn(|| self.book.poll_action());
        let offers = actions.filter_map(|action| match action {
            Action::Send { worker, message } => match *message {
                Message::Availability(request) => Some((worker, request.job.unwrap())),
                _ => None,
            },
            Action::Assign(_) | Action::Remove { .. } | Action::Keep { .. } => None,
        });
        offers.collect()
    }

    /// A running job of the worker in the room, in one breath.
    fn running(&mut self, worker: &WorkerId) -> proto::Job {
        let (to, job) = self.offer();
        assert_eq!(&to, worker);
        self.answer(worker, &job.id, true);
        let job = match self.book.poll_action() {
            Some(Action::Assign(assignment)) => assignment.job,
            other => panic!("no assignment: {other:?}"),
        };
        let keep = Action::Keep {
            room: job.room.clone().unwrap().name,
        };
        assert_eq!(self.book.poll_action(), Some(keep));
        job
    }

    /// Its agent is in the room.
    fn joined(&mut self, job: &proto::Job) {
        let room = job.room.as_ref().unwrap();
        self.book.agent_joined(&room.name, &agent(job));
    }

    fn left(&mut self, job: &proto::Job, reason: DisconnectReason) {
        let room = job.room.clone().unwrap().name;
        let gone = proto::ParticipantInfo {
            disconnect_reason: i32::from(reason),
            ..person(&agent(job))
        };
        self.book.participant_left(&room, &gone, self.now);
    }

    /// Whom the book sends what, other than offers.
    fn terminated(&mut self) -> Vec<String> {
        let actions = std::iter::from_fn(|| self.book.poll_action());
        let told = actions.filter_map(|action| match action {
            Action::Send { message, .. } => match *message {
                Message::Termination(end) => Some(end.job_id),
                other => panic!("not a termination: {other:?}"),
            },
            Action::Assign(_) | Action::Remove { .. } | Action::Keep { .. } => None,
        });
        told.collect()
    }

    fn jobs(&self, room: &str) -> Vec<proto::Job> {
        let dispatches = self.book.list_dispatches(room, "").unwrap();
        dispatches
            .into_iter()
            .flat_map(|dispatch| dispatch.state.unwrap().jobs)
            .collect()
    }
}

fn agent(job: &proto::Job) -> String {
    format!("agent-{}", job.id)
}

fn room(name: &str) -> proto::Room {
    proto::Room {
        sid: format!("RM_{name}"),
        name: name.to_owned(),
        ..Default::default()
    }
}

fn person(identity: &str) -> proto::ParticipantInfo {
    let (sid, identity) = (format!("PA_{identity}"), identity.to_owned());
    proto::ParticipantInfo {
        sid,
        identity,
        ..Default::default()
    }
}

fn wanted(name: &str) -> proto::RoomAgentDispatch {
    let (agent_name, metadata) = (name.to_owned(), "m".to_owned());
    proto::RoomAgentDispatch {
        agent_name,
        metadata,
        ..Default::default()
    }
}

fn state(job: &proto::Job) -> &proto::JobState {
    job.state.as_ref().unwrap()
}
