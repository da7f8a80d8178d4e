//! Agents that leave, are lost and come back.

use super::*;

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
fn an_agent_that_leaves_by_itself_is_not_removed() {
    let (mut story, _, job) = Story::with_agent();
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
    let (mut story, _, job) = Story::with_agent();
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
fn a_reconnected_worker_takes_its_running_jobs_back() {
    let (mut story, before, job) = Story::with_agent();
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
fn an_agent_that_leaves_by_itself_is_done_and_its_worker_is_told() {
    let (mut story, _, job) = Story::with_agent();
    story.alice_comes();
    story.joined(&job);
    story.left(&job, DisconnectReason::ClientInitiated);
    assert_eq!(story.terminated(), [job.id]);
    assert!(story.book.poll_timeout().is_none(), "nobody comes instead");
}

/// A worker was killed while its agent spoke; the caller listened to silence until it hung up.
#[test]
fn an_agent_whose_worker_was_killed_is_replaced_at_once() {
    let (mut story, killed, job) = Story::with_agent();
    story.alice_comes();
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
    let (mut story, worker, job) = Story::with_agent();
    story.alice_comes();
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
    story.alice_comes();
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
    let (mut story, worker, job) = Story::with_agent();
    story.update(&worker, &job.id, JobStatus::JsFailed);
    assert!(story.offers().is_empty());
    story.alice_comes();
    assert_eq!(story.offers().len(), 1);
}

/// The node was killed and came back: the agent and whoever it served came back too, and a second
/// agent was launched beside the first.
#[test]
fn a_revived_room_waits_for_its_agent_before_it_launches_another() {
    let (story, _, job) = Story::with_agent();
    let remembered = story.book.list_dispatches("lobby", "").unwrap();

    let revived = || {
        let mut story = Story::new();
        story
            .book
            .room_revived(room("lobby"), remembered.clone(), story.now);
        story.alice_comes();
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
