//! Dispatches, and the jobs they become.

use super::*;

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
