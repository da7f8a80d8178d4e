//! The order of a room's turns.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;
use trunkline_base::id::RoomName;
use trunkline_base::lane::{LaneSender, lane};
use trunkline_base::token::{ApiKey, KeyRing};
use trunkline_base::wire::Wire;
use trunkline_service::tasks::Tasks;

use super::*;
use crate::room::notice::Occupancy;
use crate::room::{RoomSpec, RoomsConfig};
use crate::udp;

const EMPTY: Duration = Duration::from_secs(5);

/// A room that nobody joins, and the lane its datagrams come by.
fn open(running: &mut JoinSet<()>) -> (LaneSender<Datagram>, mpsc::Sender<RoomCommand>) {
    let media = SocketAddr::from(([127, 0, 0, 1], 0));
    let (reader, port, _) = udp::bind(media, &[media.ip()], &Wire::default()).unwrap();
    running.spawn(async move { reader.run().await.unwrap() });
    let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
    let config = Arc::new(RoomsConfig::new(media, keys, [1; 32]));
    let spec = RoomSpec {
        name: RoomName::parse("lobby").unwrap(),
        metadata: String::new(),
        empty_timeout: EMPTY,
        departure_timeout: EMPTY,
        max_participants: 0,
        agents: Vec::new(),
        before: None,
    };
    let state = RoomState::new(spec, config, &[media], [7; 32], now());
    let (sender, datagrams) = lane(512);
    let (commands, incoming) = mpsc::channel(1);
    let shell = Shell {
        key: 1,
        commands: incoming,
        datagrams,
        port,
        notices: mpsc::channel(16).0,
        info: watch::channel(state.info()).0,
        seats: Seats::open(Arc::new(watch::Sender::new(Occupancy::default()))),
        stop: Tasks::new().stop(),
    };
    running.spawn(RoomTask::new(state, shell).run());
    (sender, commands)
}

/// While more datagrams came than the room could take, no participant timed out, nobody was told
/// who speaks, and no offer was written.
#[tokio::test(start_paused = true)]
async fn the_clock_is_heard_while_datagrams_never_cease() {
    let mut running = JoinSet::new();
    let (datagrams, _commands) = open(&mut running);
    let noise = Datagram {
        from: SocketAddr::from(([127, 0, 0, 1], 9)),
        received: now().instant,
        data: bytes::Bytes::from_static(b"noise"),
    };
    let mut turns = 0;
    while !datagrams.is_closed() && turns < 200 {
        for _ in 0..512 {
            datagrams.push(noise.clone());
        }
        tokio::time::advance(EMPTY / 100).await;
        tokio::task::yield_now().await;
        turns += 1;
    }
    assert!(datagrams.is_closed(), "the room has outlived its time");
}
