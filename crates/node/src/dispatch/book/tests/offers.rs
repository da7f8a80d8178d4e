//! To whom a job is offered, and when again.

use super::*;

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
fn a_job_whose_agent_does_not_join_goes_to_the_next_worker() {
    let mut story = Story::new();
    let idle = story.worker("bot", JobType::JtRoom);
    story.room("lobby", &["bot"]);
    story.alice_comes();
    let first = story.running(&idle);
    // Nobody else is there: it has all the time it needs.
    story.pass(Duration::from_secs(6));
    assert!(story.offers().is_empty());
    let other = story.worker("bot", JobType::JtRoom);
    story.pass(Duration::from_secs(6));
    let (to, second) = story.offer();
    assert_eq!(to, other);
    assert_ne!(second.id, first.id);
    assert_eq!(state(&story.jobs("lobby")[0]).status(), JobStatus::JsFailed);
    story.answer(&other, &second.id, true);
    story.joined(&second);
    story.offers();
    // The one that came too late is one too many.
    story.joined(&first);
    let removed = Action::Remove {
        room: "lobby".to_owned(),
        identity: agent(&first),
    };
    assert_eq!(story.book.poll_action(), Some(removed));
    story.pass(Duration::from_secs(60));
    assert!(story.offers().is_empty());
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
