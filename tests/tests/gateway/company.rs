//! A caller has somebody to talk to, or is told.

use std::time::Duration;

use livekit_protocol as proto;
use tokio::runtime::Builder;
use tokio::time::timeout;
use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_bridge::sip::{AnswerPolicy, CallError, Caller, CallerOptions, OutgoingCall};
use trunkline_client::jobs::{Job, JobAnswer, JobOffers, JobOutcome, Worker, WorkerOptions};
use trunkline_client::room::{AudioOptions, Room, RoomEvent, RoomEvents, RoomOptions};

use super::house::{House, PATIENCE, ROOM, next};
use super::phone::Phone;
use super::transfers::{to, told, transfer};

/// A worker that joins its rooms and publishes.
struct Agents {
    _worker: Worker,
    offers: JobOffers,
}

/// One of its agents, at work.
struct Agent {
    job: Job,
    room: Room,
    events: RoomEvents,
}

impl Agents {
    async fn register(url: &str) -> Self {
        let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
        let options = WorkerOptions::default();
        let (worker, offers) = Worker::start(url, keys, options).unwrap();
        worker.registered().await.unwrap();
        Self {
            _worker: worker,
            offers,
        }
    }

    async fn works(&mut self, url: &str) -> Agent {
        let offer = timeout(PATIENCE, self.offers.next())
            .await
            .unwrap()
            .unwrap();
        let job = offer.accept(JobAnswer::default()).await.unwrap();
        let token = job.token.clone();
        let (room, events) = Room::connect(url, token, RoomOptions::default())
            .await
            .unwrap();
        room.publish_audio(AudioOptions::default()).await.unwrap();
        Agent { job, room, events }
    }

    /// A call, and the agent that answers it.
    async fn answer(&mut self, house: &House, number: &str) -> (OutgoingCall, Agent) {
        let calling = timeout(PATIENCE, Caller::call(from(house, number)));
        let url = house.node.url();
        let (call, agent) = tokio::join!(calling, self.works(&url));
        (call.unwrap().unwrap(), agent)
    }
}

fn from(house: &House, number: &str) -> CallerOptions {
    CallerOptions::new(house.target("100"), number)
}

/// No worker was there, and the caller rang for a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_rings_on_where_no_agent_is_to_be_had() {
    let house = House::with(AnswerPolicy::OnAgent, |config| {
        config.agent_wait = Duration::from_millis(300);
    })
    .await;
    let refused = timeout(PATIENCE, Caller::call(from(&house, "4711")))
        .await
        .unwrap();
    assert!(
        matches!(refused, Err(CallError::Refused(480))),
        "{:?}",
        refused.err()
    );
    house.no_calls_left().await;
    let stored = async || house.store.refusals().list(1).await.unwrap().pop();
    let refusal = kept(stored).await;
    assert_eq!(
        (refusal.sip_status, refusal.reason.as_str()),
        (480, "no_agent")
    );
    assert_eq!(refusal.caller.expose(), "4711");
    house.close().await;
}

/// The room of a direct rule outlives a call: who called within that time found a room whose agent
/// had gone, and rang out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_caller_of_a_room_gets_an_agent_of_its_own() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let mut agents = Agents::register(&house.node.url()).await;
    for number in ["4711", "4712"] {
        let (call, agent) = agents.answer(&house, number).await;
        call.hangup().await;
        agent.room.leave().await;
        agent.job.finish(JobOutcome::Success);
        house.no_calls_left().await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_without_a_number_do_not_throw_each_other_out() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let mut agents = Agents::register(&house.node.url()).await;
    let numbers = ["anonymous", "anonymous", "4711", "4711"];
    let (first, agent) = agents.answer(&house, numbers[0]).await;
    let mut calls = vec![first];
    for number in &numbers[1..] {
        let calling = Caller::call(from(&house, number));
        calls.push(timeout(PATIENCE, calling).await.unwrap().unwrap());
    }
    assert!(calls.iter().all(|call| !call.is_over()));
    let room = RoomName::parse(ROOM).unwrap();
    let here = house.api.list_participants(&room).await.unwrap();
    let callers = here
        .iter()
        .filter(|one| one.kind() == proto::participant_info::Kind::Sip);
    let mut names: Vec<_> = callers.map(|one| one.identity.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(names[0], "sip_4711");
    assert!(names[1].starts_with("sip_4711_") && names[2].starts_with("sip_anonymous_"));
    for call in calls {
        call.hangup().await;
    }
    drop(agent);
    house.close().await;
}

/// An agent that is gone in the middle of a call is replaced; where nobody can, the phone hears a
/// BYE and not silence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whose_agent_is_lost_gets_another_or_a_goodbye() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let mut agents = Agents::register(&house.node.url()).await;
    let (call, agent) = agents.answer(&house, "4711").await;
    // As its worker would say of a process that has crashed.
    agent.job.finish(JobOutcome::Failed("crashed".to_owned()));
    let mut second = agents.works(&house.node.url()).await;
    agent.room.leave().await;
    assert!(!call.is_over());
    next(&mut second.events, "the caller's track", |event| {
        matches!(event, RoomEvent::TrackSubscribed(_)).then_some(())
    })
    .await;
    drop(agents);
    let identity = second.room.local_identity();
    let room = RoomName::parse(ROOM).unwrap();
    remove(&house, &room, &identity).await;
    let summary = timeout(PATIENCE, call.ended()).await.unwrap();
    assert_eq!(summary.cause, "remote");
    house.no_calls_left().await;
    let stored = async || house.store.calls().list(1).await.unwrap().pop()?.end_reason;
    assert_eq!(kept(stored).await, "agent_lost");
    house.close().await;
}

/// An agent that goes once it has sent its caller to somebody: another one came and spoke to whoever was
/// on the way, and without one the caller was hung up on after five seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_is_sent_to_somebody_needs_an_agent_only_where_that_comes_to_nothing() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let url = house.node.url();
    let mut agents = Agents::register(&url).await;
    let (mut caller, agent) = tokio::join!(Phone::call(&house, "4711"), agents.works(&url));
    let wanted = proto::TransferSipParticipantRequest {
        participant_identity: "sip_4711".to_owned(),
        ..to("tel:+15550166")
    };
    let (failed, ()) = tokio::join!(transfer(&house, wanted.clone()), async {
        timeout(PATIENCE, caller.is_asked("REFER")).await.unwrap();
        caller.tells("active;expires=60", "180 Ringing").await;
        agent.room.leave().await;
        let another = timeout(LONELY, agents.offers.next()).await;
        assert!(another.is_err(), "an agent is asked for");
        caller.tells("terminated", "486 Busy Here").await;
    });
    assert_eq!(told(failed).1, "486");
    let _another = agents.works(&url).await;
    let (done, ()) = tokio::join!(transfer(&house, wanted), async {
        timeout(PATIENCE, caller.is_asked("REFER")).await.unwrap();
        caller.tells("terminated;reason=noresource", "200 OK").await;
        timeout(PATIENCE, caller.is_asked("BYE")).await.unwrap();
    });
    done.unwrap();
    house.no_calls_left().await;
    let stored = async || house.store.calls().list(1).await.unwrap().pop()?.end_reason;
    assert_eq!(kept(stored).await, "transferred");
    house.close().await;
}

/// Longer than whoever is alone in a room is kept on the phone.
const LONELY: Duration = Duration::from_millis(5_500);

/// Killed, a worker and its agent say nothing more, and nobody listens to the caller: for half a
/// minute there was neither an end nor another agent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_killed_with_its_worker_is_replaced() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let url = house.node.url();
    let process = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let doomed = process.spawn({
        let url = url.clone();
        async move {
            let mut agents = Agents::register(&url).await;
            let agent = agents.works(&url).await;
            (agents, agent)
        }
    });
    let calling = timeout(PATIENCE, Caller::call(from(&house, "4711")));
    let (call, doomed) = tokio::join!(calling, doomed);
    let (call, doomed) = (call.unwrap().unwrap(), doomed.unwrap());
    let mut others = Agents::register(&url).await;
    process.shutdown_background();
    let second = others.works(&url).await;
    assert!(!call.is_over());
    let first = doomed.1.room.local_identity();
    assert_ne!(second.room.local_identity(), first);
    let room = RoomName::parse(ROOM).unwrap();
    let here = house.api.list_participants(&room).await.unwrap();
    assert!(here.iter().all(|one| one.identity != first.as_str()));
    call.hangup().await;
    house.close().await;
}

/// What is written down a moment later.
async fn kept<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, found).await.unwrap()
}

async fn remove(house: &House, room: &RoomName, identity: &ParticipantIdentity) {
    house.api.remove_participant(room, identity).await.unwrap();
}

/// A process that ends lets calls finish first, and refuses new ones in words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_while_the_process_drains() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let (room, _events) = house.participant().await;
    room.publish_audio(AudioOptions::default()).await.unwrap();
    let call = house.call("100").await;
    house.tasks.begin_drain("a test");
    let meanwhile = async {
        let another = Caller::call(from(&house, "4712"));
        let refused = timeout(PATIENCE, another).await.unwrap();
        assert!(
            matches!(refused, Err(CallError::Refused(503))),
            "{:?}",
            refused.err()
        );
        assert!(!call.is_over());
        call.hangup().await;
    };
    let drained = timeout(PATIENCE, house.gateway.drain());
    let (drained, ()) = tokio::join!(drained, meanwhile);
    drained.unwrap();
    drop(room);
    timeout(PATIENCE, house.node.vacated()).await.unwrap();
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_outlast_the_drain_are_told_goodbye_before_their_rooms_close() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let (room, _events) = house.participant().await;
    room.publish_audio(AudioOptions::default()).await.unwrap();
    let call = house.call("100").await;
    house.tasks.begin_drain("a test");
    timeout(PATIENCE, house.gateway.hang_up()).await.unwrap();
    let summary = timeout(PATIENCE, call.ended()).await.unwrap();
    assert_eq!(summary.cause, "remote");
    house.close().await;
}
