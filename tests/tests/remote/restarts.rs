//! Calls outlive their gateway: it is killed and started again, and they go on where they were.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use trunkline_base::id::RoomName;
use trunkline_bridge::sip::OutgoingCall;
use trunkline_client::api::LiveKitApiClient;
use trunkline_tests::Daemon;

use super::callee::Callee;
use super::house::{House, LIMIT, Performance, Singer, call, talk};
use super::place::{Place, dev, journal_is_empty, journalled, order, up};

async fn meet(gateway: &Daemon, singer: &mut Singer) -> (OutgoingCall, Performance) {
    let (call, agent) = tokio::join!(call(gateway, "100"), singer.perform());
    (call.unwrap(), agent)
}

/// The agent is somewhere else and never leaves its room; the phone hangs up in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_when_its_gateway_is_killed_beside_a_livekit_that_lives() {
    let house = House::open();
    let place = Place::new("31000-31099");
    let gateway = place.gateway(&house);
    let mut singer = Singer::start(&house.url(), &house.ring).await;
    let (mut call, mut agent) = meet(&gateway, &mut singer).await;
    let (_, last) = talk(&mut call, &mut agent, None).await;
    let before = up(place.dir.path()).await.remove(0);

    gateway.kill();
    let gateway = place.gateway(&house);
    let (gap, _) = talk(&mut call, &mut agent, Some(last)).await;
    println!("the longest silence on the phone was {gap:?}");

    call.hangup().await;
    let after = place.record(&before.call_id).await;
    assert_eq!(after.end_reason.as_deref(), Some("caller_hung_up"));
    assert_eq!(
        (after.started_at, after.answered_at),
        (before.started_at, before.answered_at)
    );
    agent.leave().await;
    singer.stop().await;
    let log = gateway.log();
    assert!(log.contains("came back to calls after a restart"), "{log}");
    assert_eq!(gateway.stop(Signal::SIGTERM), Some(0));
    journal_is_empty(place.dir.path()).await;
}

/// The node dies too, and the room with it; it is made again and the agent comes back. In the end we
/// hang up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_when_gateway_and_node_are_killed_together() {
    let place = Place::new("31100-31199");
    let daemon = place.alone();
    let ring = dev();
    let mut singer = Singer::start(&daemon.url(), &ring).await;
    let (mut call, mut agent) = meet(&daemon, &mut singer).await;
    let (_, last) = talk(&mut call, &mut agent, None).await;
    let before = up(place.dir.path()).await.remove(0);

    daemon.kill();
    let daemon = place.alone();
    let (gap, _) = talk(&mut call, &mut agent, Some(last)).await;
    println!("the longest silence on the phone was {gap:?}");

    let api = LiveKitApiClient::new(&daemon.url(), ring).unwrap();
    let room = RoomName::parse(before.room.as_str()).unwrap();
    api.delete_room(&room).await.unwrap();
    timeout(LIMIT, call.ended()).await.expect("a BYE");
    let after = place.record(&before.call_id).await;
    assert_eq!(after.end_reason.as_deref(), Some("room_ended"));
    singer.stop().await;
}

/// Somebody else has taken the port of one of two calls meanwhile: that one is said goodbye to, and the
/// other goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_cannot_go_on_gets_a_bye_and_the_next_one_goes_on() {
    let house = House::open();
    let place = Place::new("31200-31299");
    let gateway = place.gateway(&house);
    let mut singer = Singer::start(&house.url(), &house.ring).await;
    let (lost, other) = meet(&gateway, &mut singer).await;
    let lost_id = up(place.dir.path()).await.remove(0).call_id;
    let (mut call, mut agent) = meet(&gateway, &mut singer).await;
    let (_, last) = talk(&mut call, &mut agent, None).await;

    gateway.kill();
    let taken = UdpSocket::bind("127.0.0.1:31200").unwrap();
    let _gateway = place.gateway(&house);
    timeout(LIMIT, lost.ended()).await.expect("a BYE");
    let row = place.record(&lost_id).await;
    assert_eq!(row.end_reason.as_deref(), Some("port_taken"));
    talk(&mut call, &mut agent, Some(last)).await;
    drop(taken);
    call.hangup().await;
    agent.leave().await;
    other.leave().await;
    singer.stop().await;
}

/// Hears what comes until it is told to hang up, and gives the longest time between two packets.
async fn listen(mut call: OutgoingCall, mut over: watch::Receiver<bool>) -> Duration {
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    loop {
        tokio::select! {
            heard = call.recv() => {
                assert!(heard.is_some(), "the call is over");
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            _ = over.wait_for(|over| *over) => break,
        }
    }
    longest = longest.max(last.elapsed());
    call.hangup().await;
    longest
}

/// The figure that is told of a kill with twenty calls up: how many go on, and the longest silence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_calls_go_on_after_a_kill() {
    const CALLS: usize = 20;
    let place = Place::new("31300-31399");
    let daemon = place.alone_at_once();
    let (over, told) = watch::channel(false);
    let mut phones = JoinSet::new();
    for _ in 0..CALLS {
        let call = call(&daemon, "100").await.unwrap();
        phones.spawn(listen(call, told.clone()));
    }
    journalled(place.dir.path(), CALLS).await;
    let before = up(place.dir.path()).await;
    assert_eq!(before.len(), CALLS);

    daemon.kill();
    let began = Instant::now();
    let daemon = place.alone_at_once();
    let started = began.elapsed();
    let api = LiveKitApiClient::new(&daemon.url(), dev()).unwrap();
    let in_rooms = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        loop {
            look.tick().await;
            let rooms = api.list_rooms(&[]).await.unwrap();
            if rooms
                .iter()
                .filter(|room| room.num_participants == 1)
                .count()
                == CALLS
            {
                return;
            }
        }
    };
    timeout(LIMIT, in_rooms).await.expect("all in their rooms");
    over.send_replace(true);
    let mut longest = Duration::ZERO;
    while let Some(gap) = phones.join_next().await {
        longest = longest.max(gap.unwrap());
    }
    let mut went_on = 0;
    for call in &before {
        let row = place.record(&call.call_id).await;
        went_on += usize::from(row.end_reason.as_deref() == Some("caller_hung_up"));
    }
    println!(
        "{went_on} of {CALLS} calls went on; longest silence {longest:?}, of which {started:?} until \
         the daemon was ready"
    );
    assert_eq!(went_on, CALLS, "{}", daemon.log());
}

/// A call of ours: the phone that was called hears the same stream go on, and hangs up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_we_placed_goes_on_after_a_kill() {
    let place = Place::new("31400-31499");
    let daemon = place.alone();
    let mut callee = Callee::new().await;
    let address = callee.address();
    let (call_id, ()) = tokio::join!(order(&daemon, &address), callee.picks_up());
    journalled(place.dir.path(), 1).await;

    daemon.kill();
    let mut last = heard(&callee).await;
    while let Ok(more) = timeout(Duration::ZERO, heard(&callee)).await {
        last = more;
    }
    let daemon = place.alone();
    let next = heard(&callee).await;
    assert_eq!(next.ssrc, last.ssrc, "the same stream");
    let left_out = next.number.wrapping_sub(last.number);
    assert!((1_000..3_000).contains(&left_out), "{left_out}");
    assert!(next.time.wrapping_sub(last.time) > 8_000 / 10);

    callee.hangs_up("").await;
    let row = place.record(&call_id).await;
    assert_eq!(
        row.end_reason.as_deref(),
        Some("callee_hung_up"),
        "{}",
        daemon.log()
    );
}

/// What a packet says of its place in its stream.
struct Packet {
    ssrc: u32,
    number: u16,
    time: u32,
}

async fn heard(callee: &Callee) -> Packet {
    let mut packet = [0; 2048];
    let length = timeout(LIMIT, callee.rtp.recv(&mut packet)).await;
    assert!(length.unwrap().unwrap() > 12);
    let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
    Packet {
        ssrc: word(8),
        number: u16::from_be_bytes([packet[2], packet[3]]),
        time: word(4),
    }
}
