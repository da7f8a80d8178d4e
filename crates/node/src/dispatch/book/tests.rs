use super::*;
use proto::worker_message::Message as FromWorker;
use proto::{DisconnectReason, JobStatus, JobType, WorkerStatus};
use std::time::Duration;

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

#[test]
fn a_room_without_agents_gets_the_unnamed_one() {
    let mut story = Story::new();
    let unnamed = story.worker("", JobType::JtRoom);
    story.worker("named", JobType::JtRoom);
    story.room("lobby", &[]);
    let (to, job) = story.offer();
    assert_eq!((&to, job.r#type()), (&unnamed, JobType::JtRoom));
    assert_eq!(job.room.as_ref().unwrap().name, "lobby");
    assert_eq!(state(&job).status(), JobStatus::JsRunning);
    assert_eq!(state(&job).worker_id, unnamed.to_string());
}

#[test]
fn an_accepted_job_is_assigned_with_what_the_worker_said() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let (_, offered) = story.offer();
    story.answer(&worker, &offered.id, true);
    let Some(Action::Assign(assignment)) = story.book.poll_action() else {
        panic!()
    };
    assert_eq!(
        (assignment.worker.clone(), assignment.api_key.as_str()),
        (worker, "devkey")
    );
    assert!(assignment.permissions.can_publish && assignment.permissions.can_subscribe);
    assert_eq!(assignment.job.metadata, "m");
    assert_eq!(
        state(&assignment.job).participant_identity,
        format!("agent-{}", offered.id)
    );
    assert_eq!(story.jobs("lobby").len(), 1);
}

#[test]
fn a_worker_that_registers_late_gets_what_waits() {
    let mut story = Story::new();
    story.room("lobby", &["bot"]);
    assert!(story.offers().is_empty() && story.jobs("lobby").is_empty());
    let worker = story.worker("bot", JobType::JtRoom);
    assert_eq!(story.offer().0, worker);
}

#[test]
fn a_declined_job_goes_to_the_next_worker_and_then_waits() {
    let mut story = Story::new();
    let (a, b) = (
        story.worker("bot", JobType::JtRoom),
        story.worker("bot", JobType::JtRoom),
    );
    story.room("lobby", &["bot"]);
    let (first, job) = story.offer();
    story.answer(&first, &job.id, false);
    let (second, again) = story.offer();
    assert_eq!(again.id, job.id);
    assert!(first != second && [&a, &b].contains(&&second));
    story.answer(&second, &job.id, false);
    assert!(story.offers().is_empty());
    let third = story.worker("bot", JobType::JtRoom);
    assert_eq!(story.offer().0, third);
}

/// A worker says no while it starts another job. It was never asked again, and rooms stayed
/// without an agent though the worker was free a second later.
#[test]
fn a_worker_that_said_no_is_asked_again_after_growing_waits() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let mut waits = Vec::new();
    for _ in 0..6 {
        let (_, job) = story.offer();
        story.answer(&worker, &job.id, false);
        assert!(story.offers().is_empty(), "not at once");
        let (at, why) = story.book.poll_timeout().unwrap();
        assert_eq!(why, "again");
        waits.push((at - story.now.at).as_millis());
        story.pass(at - story.now.at);
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 5000, 5000]);
    story.running(&worker);
}

/// Ten rooms at once: offered together, and those refused one after the other, since whoever
/// refuses is busy with one it has taken.
#[test]
fn what_a_worker_refused_in_a_burst_is_offered_one_by_one() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    for n in 0..10 {
        story.room(&format!("room-{n}"), &["bot"]);
    }
    let offers = story.offers();
    assert_eq!(offers.len(), 10);
    for (_, job) in &offers {
        story.answer(&worker, &job.id, false);
    }
    assert!(story.offers().is_empty());
    story.pass(Duration::from_millis(500));
    for left in (1..=10).rev() {
        let (_, job) = story.offer();
        story.answer(&worker, &job.id, true);
        assert!(matches!(story.book.poll_action(), Some(Action::Assign(_))));
        assert!(matches!(
            story.book.poll_action(),
            Some(Action::Keep { .. })
        ));
        assert_eq!(
            story.jobs(&job.room.unwrap().name).len(),
            1,
            "{left} are left"
        );
    }
    assert!(story.offers().is_empty());
}

#[test]
fn a_worker_that_does_not_answer_comes_last_from_then_on() {
    let mut story = Story::new();
    let mute = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    story.offer();
    let other = story.worker("bot", JobType::JtRoom);
    story.pass(Duration::from_secs(10));
    assert_eq!(story.offer().0, other);
    for n in 0..20 {
        story.room(&format!("room-{n}"), &["bot"]);
        assert_eq!(story.offer().0, other);
    }
    story.book.worker_gone(&other, story.now);
    assert!(story.offers().iter().all(|(to, _)| *to == mute));
}

#[test]
fn a_worker_loaded_to_the_brim_gets_nothing_whatever_it_calls_itself() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.status(&worker, WorkerStatus::WsAvailable, 1.0);
    story.room("lobby", &["bot"]);
    assert!(story.offers().is_empty());
    story.status(&worker, WorkerStatus::WsAvailable, 0.97);
    assert_eq!(story.offer().0, worker);
}

#[test]
fn workers_of_each_namespace_get_a_job() {
    let mut story = Story::new();
    let request = proto::RegisterWorkerRequest {
        agent_name: "bot".to_owned(),
        namespace: Some("blue".to_owned()),
        ..Default::default()
    };
    let registration = Registration::read(request, "devkey").unwrap();
    let spaced = story.book.worker_registered(registration, story.now);
    let plain = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let mut offers = story.offers();
    assert_eq!(offers.len(), 2, "one in each");
    offers.sort_by_key(|(_, job)| job::namespace(&mut job.clone()).clone());
    assert_eq!(offers[0].0, plain);
    assert_eq!(offers[1].0, spaced.unwrap());
    assert_eq!(job::namespace(&mut offers[1].1), "blue");
}

#[test]
fn an_offer_nobody_answers_moves_on_after_ten_seconds() {
    let mut story = Story::new();
    story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let (first, job) = story.offer();
    let second = story.worker("bot", JobType::JtRoom);
    story.pass(Duration::from_millis(9_999));
    assert!(story.offers().is_empty());
    assert_eq!(story.book.poll_timeout().unwrap().1, "offer");
    story.pass(Duration::from_millis(1));
    assert_eq!(story.offer().0, second);
    story.answer(&first, &job.id, true);
    assert!(
        story.book.poll_action().is_none(),
        "a late yes gets no assignment"
    );
}

#[test]
fn a_lost_worker_loses_its_offers_but_not_its_running_jobs() {
    let mut story = Story::new();
    let a = story.worker("bot", JobType::JtRoom);
    story.room("one", &["bot"]);
    let job = story.running(&a);
    story.room("two", &["bot"]);
    let (_, offered) = story.offer();
    let b = story.worker("bot", JobType::JtRoom);
    story.book.worker_gone(&a, story.now);
    let (to, moved) = story.offer();
    assert_eq!((to, moved.id), (b, offered.id));
    assert_eq!(state(&story.jobs("one")[0]).status(), JobStatus::JsRunning);
    assert_eq!(story.jobs("one")[0].id, job.id);
}

#[test]
fn a_full_worker_gets_nothing_until_it_is_available_again() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.status(&worker, WorkerStatus::WsFull, 1.0);
    story.room("lobby", &["bot"]);
    assert!(story.offers().is_empty());
    story.status(&worker, WorkerStatus::WsAvailable, 0.2);
    assert_eq!(story.offer().0, worker);
}

#[test]
fn the_choice_follows_spare_capacity() {
    let mut story = Story::new();
    let (idle, busy) = (
        story.worker("bot", JobType::JtRoom),
        story.worker("bot", JobType::JtRoom),
    );
    let mut to_idle = 0;
    for n in 0..200 {
        story.status(&idle, WorkerStatus::WsAvailable, 0.1);
        story.status(&busy, WorkerStatus::WsAvailable, 0.9);
        story.room(&format!("room-{n}"), &["bot"]);
        to_idle += u32::from(story.offer().0 == idle);
    }
    // Nine to one by weight.
    assert!((160..200).contains(&to_idle), "{to_idle}");
}

#[test]
fn a_burst_spreads_over_equal_workers_before_they_report() {
    let mut story = Story::new();
    let (a, _) = (
        story.worker("bot", JobType::JtRoom),
        story.worker("bot", JobType::JtRoom),
    );
    let to_a = (0..40).filter(|n| {
        story.room(&format!("room-{n}"), &["bot"]);
        story.offer().0 == a
    });
    assert!((12..=28).contains(&to_a.count()));
}

#[test]
fn participants_and_publishers_get_jobs_of_their_own() {
    let mut story = Story::new();
    let ears = story.worker("bot", JobType::JtParticipant);
    let eyes = story.worker("bot", JobType::JtPublisher);
    story.room("lobby", &["bot"]);
    assert!(story.offers().is_empty());
    story
        .book
        .participant_entered(room("lobby"), person("alice"), story.now);
    let (to, job) = story.offer();
    assert_eq!(
        (to, job.participant.unwrap().identity.as_str()),
        (ears, "alice")
    );
    story
        .book
        .participant_publishes("lobby", person("alice"), story.now);
    assert_eq!(story.offer().0, eyes);
    story
        .book
        .participant_publishes("lobby", person("alice"), story.now);
    assert!(story.offers().is_empty(), "one job per publisher");
    story
        .book
        .participant_left("lobby", &person("alice"), story.now);
    story
        .book
        .participant_entered(room("lobby"), person("alice"), story.now);
    assert_eq!(story.offers().len(), 1, "who returns is served again");
}

#[test]
fn a_dispatch_added_later_serves_those_present() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtParticipant);
    story.room("lobby", &["other"]);
    for identity in ["alice", "bob"] {
        story
            .book
            .participant_entered(room("lobby"), person(identity), story.now);
    }
    assert!(story.offers().is_empty());
    story
        .book
        .create_dispatch(room("lobby"), wanted("bot"), story.now)
        .unwrap();
    let served = story.offers();
    assert!(served.len() == 2 && served.iter().all(|(to, _)| *to == worker));
}

#[test]
fn deleting_a_dispatch_ends_its_job_and_removes_an_agent_that_stays() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["none"]);
    let dispatch = story
        .book
        .create_dispatch(room("lobby"), wanted("bot"), story.now)
        .unwrap();
    let job = story.running(&worker);
    let gone = story
        .book
        .delete_dispatch("lobby", &dispatch.id, story.now)
        .unwrap();
    assert!(gone.state.unwrap().deleted_at > 0);
    let Some(Action::Send { message, .. }) = story.book.poll_action() else {
        panic!()
    };
    assert!(matches!(*message, Message::Termination(t) if t.job_id == job.id));
    story.pass(Duration::from_secs(3));
    let identity = format!("agent-{}", job.id);
    let remove = Action::Remove {
        room: "lobby".to_owned(),
        identity,
    };
    assert_eq!(story.book.poll_action(), Some(remove));
    let again = story.book.delete_dispatch("lobby", &dispatch.id, story.now);
    assert_eq!(again.unwrap_err(), DispatchError::NotFound);
}

#[test]
fn an_agent_that_leaves_by_itself_is_not_removed() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&worker);
    story
        .book
        .delete_dispatch("lobby", &job.dispatch_id, story.now)
        .unwrap();
    story
        .book
        .participant_left("lobby", &person(&format!("agent-{}", job.id)), story.now);
    while story.book.poll_action().is_some() {}
    story.pass(Duration::from_secs(3));
    assert_eq!(story.book.poll_action(), None);
}

#[test]
fn an_agent_that_leaves_while_running_has_failed() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&worker);
    let agent = person(&format!("agent-{}", job.id));
    let replaced = proto::ParticipantInfo {
        disconnect_reason: i32::from(DisconnectReason::DuplicateIdentity),
        ..agent.clone()
    };
    story.book.participant_left("lobby", &replaced, story.now);
    assert_eq!(
        state(&story.jobs("lobby")[0]).status(),
        JobStatus::JsRunning
    );
    story.book.participant_left("lobby", &agent, story.now);
    let jobs = story.jobs("lobby");
    assert_eq!(state(&jobs[0]).status(), JobStatus::JsFailed);
    assert_eq!(state(&jobs[0]).error, "agent worker left the room");
}

#[test]
fn a_finished_job_stays_in_the_listing_and_a_closed_room_does_not() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&worker);
    story.update(&worker, &job.id, JobStatus::JsSuccess);
    assert_eq!(
        state(&story.jobs("lobby")[0]).status(),
        JobStatus::JsSuccess
    );
    story.book.room_finished("lobby");
    assert_eq!(
        story.book.list_dispatches("lobby", ""),
        Err(DispatchError::NoRoom)
    );
}

#[test]
fn a_closed_room_ends_what_still_runs() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    story.running(&worker);
    story.book.room_finished("lobby");
    assert!(matches!(
        story.book.poll_action(),
        Some(Action::Send { .. })
    ));
}

#[test]
fn a_reconnected_worker_takes_its_running_jobs_back() {
    let mut story = Story::new();
    let before = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&before);
    story.book.worker_gone(&before, story.now);
    let after = story.worker("bot", JobType::JtRoom);
    let request = proto::MigrateJobRequest {
        job_ids: vec![job.id.clone()],
    };
    story
        .book
        .worker_message(&after, FromWorker::MigrateJob(request), story.now);
    story.update(&after, &job.id, JobStatus::JsSuccess);
    assert_eq!(
        state(&story.jobs("lobby")[0]).status(),
        JobStatus::JsSuccess
    );
}

#[test]
fn a_simulated_job_is_for_the_worker_that_asks() {
    let mut story = Story::new();
    story.worker("bot", JobType::JtRoom);
    let asking = story.worker("bot", JobType::JtRoom);
    let request = proto::SimulateJobRequest {
        room: Some(room("test")),
        ..Default::default()
    };
    story
        .book
        .worker_message(&asking, FromWorker::SimulateJob(request), story.now);
    let (to, job) = story.offer();
    assert_eq!(to, asking);
    story.answer(&asking, &job.id, false);
    assert!(story.offers().is_empty());
}

#[test]
fn a_terminating_answer_ends_the_job_at_once() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let (_, job) = story.offer();
    let answer = proto::AvailabilityResponse {
        job_id: job.id,
        terminate: true,
        ..Default::default()
    };
    story
        .book
        .worker_message(&worker, FromWorker::Availability(answer), story.now);
    assert_eq!(
        state(&story.jobs("lobby")[0]).status(),
        JobStatus::JsSuccess
    );
}

#[test]
fn broken_registrations_are_refused() {
    let request = proto::RegisterWorkerRequest {
        r#type: 9,
        ..Default::default()
    };
    assert_eq!(
        Registration::read(request, "k"),
        Err(RegistrationError::JobType)
    );
    let request = proto::RegisterWorkerRequest {
        deployment: "a_b".into(),
        ..Default::default()
    };
    assert_eq!(
        Registration::read(request, "k"),
        Err(RegistrationError::Deployment)
    );
}

#[test]
fn a_simulated_job_with_a_participant_is_about_what_it_publishes() {
    let mut story = Story::new();
    let asking = story.worker("bot", JobType::JtRoom);
    let request = proto::SimulateJobRequest {
        room: Some(room("test")),
        participant: Some(person("alice")),
        ..Default::default()
    };
    story
        .book
        .worker_message(&asking, FromWorker::SimulateJob(request), story.now);
    let (_, job) = story.offer();
    assert_eq!(job.r#type(), JobType::JtPublisher);
    assert_eq!(job.participant.unwrap().identity, "alice");
}

#[test]
fn an_agent_that_leaves_by_itself_is_done_and_its_worker_is_told() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&worker);
    story
        .book
        .participant_entered(room("lobby"), person("alice"), story.now);
    story.joined(&job);
    story.left(&job, DisconnectReason::ClientInitiated);
    assert_eq!(story.terminated(), [job.id]);
    assert!(story.book.poll_timeout().is_none(), "nobody comes instead");
}

/// A worker was killed while its agent spoke; the caller listened to silence until it hung up.
#[test]
fn an_agent_whose_worker_was_killed_is_replaced_at_once() {
    let mut story = Story::new();
    let killed = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&killed);
    story
        .book
        .participant_entered(room("lobby"), person("alice"), story.now);
    story.joined(&job);
    let other = story.worker("bot", JobType::JtRoom);
    story.book.worker_gone(&killed, story.now);
    assert!(story.offers().is_empty(), "its agent may live on");
    story.left(&job, DisconnectReason::ConnectionTimeout);
    let again = story.running(&other);
    assert!(again.id != job.id && again.dispatch_id == job.dispatch_id);
}

#[test]
fn an_agent_that_loses_its_connection_may_come_back_before_it_is_replaced() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&worker);
    story
        .book
        .participant_entered(room("lobby"), person("alice"), story.now);
    story.joined(&job);
    story.left(&job, DisconnectReason::ConnectionTimeout);
    story.pass(Duration::from_secs(2));
    story.joined(&job);
    story.pass(Duration::from_secs(60));
    assert!(story.offers().is_empty());
    story.left(&job, DisconnectReason::ConnectionTimeout);
    story.pass(Duration::from_secs(3));
    let second = story.offer().1;
    story.answer(&worker, &second.id, true);
    while story.book.poll_action().is_some() {}
    // The first one is back, too late.
    story.joined(&job);
    let remove = Action::Remove {
        room: "lobby".to_owned(),
        identity: agent(&job),
    };
    assert_eq!(story.book.poll_action(), Some(remove));
}

#[test]
fn a_job_that_fails_again_and_again_is_given_up() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    story
        .book
        .participant_entered(room("lobby"), person("alice"), story.now);
    let mut launches = 0;
    while let Some((_, job)) = story.offers().pop() {
        launches += 1;
        assert!(launches < 20);
        story.answer(&worker, &job.id, true);
        story.update(&worker, &job.id, JobStatus::JsFailed);
        if let Some((at, "again")) = story.book.poll_timeout() {
            story.pass(at - story.now.at);
        }
    }
    assert_eq!(launches, 6);
}

#[test]
fn a_job_that_fails_in_an_empty_room_waits_for_whoever_comes() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&worker);
    story.update(&worker, &job.id, JobStatus::JsFailed);
    assert!(story.offers().is_empty());
    story
        .book
        .participant_entered(room("lobby"), person("alice"), story.now);
    assert_eq!(story.offers().len(), 1);
}

/// The node was killed and came back: the agent and whoever it served came back too, and a second
/// agent was launched beside the first.
#[test]
fn a_revived_room_waits_for_its_agent_before_it_launches_another() {
    let mut story = Story::new();
    let worker = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    let job = story.running(&worker);
    let remembered = story.book.list_dispatches("lobby", "").unwrap();

    let revived = || {
        let mut story = Story::new();
        story
            .book
            .room_revived(room("lobby"), remembered.clone(), story.now);
        story
            .book
            .participant_entered(room("lobby"), person("alice"), story.now);
        let worker = story.worker("bot", JobType::JtRoom);
        assert!(story.offers().is_empty());
        (story, worker)
    };
    let (mut story, again) = revived();
    let request = proto::MigrateJobRequest {
        job_ids: vec![job.id.clone()],
    };
    story
        .book
        .worker_message(&again, FromWorker::MigrateJob(request), story.now);
    story.joined(&job);
    story.pass(Duration::from_secs(60));
    assert!(story.offers().is_empty(), "it is back");
    story.left(&job, DisconnectReason::ClientInitiated);
    assert_eq!(story.terminated(), std::slice::from_ref(&job.id));

    let (mut story, again) = revived();
    story.pass(Duration::from_secs(15));
    assert_ne!(story.running(&again).id, job.id, "it did not come back");
}
