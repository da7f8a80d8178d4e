//! Rooms as their shells see them: through the handle, on real tasks, without a client.

use std::net::SocketAddr;
use std::time::Duration;

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use rand::{Rng, RngCore, SeedableRng};
use tokio::sync::mpsc;
use trunkline_base::id::RoomName;
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, KeyRing, VideoGrant};
use trunkline_service::tasks::Tasks;

use super::*;

struct House {
    rooms: Rooms,
    media: SocketAddr,
    notices: mpsc::Receiver<RoomNotice>,
    tasks: Tasks,
}

fn open(change: impl FnOnce(&mut RoomsConfig)) -> House {
    let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
    let mut config = RoomsConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)), keys, [1; 32]);
    change(&mut config);
    let (sender, notices) = mpsc::channel(64);
    let tasks = Tasks::new();
    let (rooms, media) = start(config, sender, &tasks).unwrap();
    House {
        rooms,
        media,
        notices,
        tasks,
    }
}

fn name(text: &str) -> RoomName {
    RoomName::parse(text).unwrap()
}

fn guest(room: &str, identity: &str) -> JoinParams {
    let now = UnixTime::from_secs(1_000);
    let claims = Claims::new(identity, now, 600).with_video(VideoGrant::join(room));
    let client = proto::ClientInfo {
        protocol: 17,
        ..proto::ClientInfo::default()
    };
    JoinParams {
        topology: Topology::Single,
        ..JoinParams::new(name(room), claims, client)
    }
}

async fn soon<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap()
}

impl House {
    async fn until(&self, test: impl FnMut(&Occupancy) -> bool) {
        soon(self.rooms.occupancy().wait_for(test)).await.unwrap();
    }

    /// The last thing said before the socket is closed.
    async fn last_word(session: &mut Session) -> Option<Message> {
        let mut last = None;
        while let Some(response) = soon(session.outgoing.recv()).await {
            last = response.message().message.clone();
        }
        last
    }
}

#[tokio::test]
async fn the_first_word_waits_for_the_shell_and_a_lost_socket_empties_the_room() {
    let mut house = open(|_| {});
    let mut session = house.rooms.join(guest("r", "ann")).await.unwrap();
    let first = session.outgoing.try_recv().unwrap();
    assert!(matches!(first.message().message, Some(Message::Join(_))));
    house.until(|occupancy| occupancy.participants == 1).await;
    drop(session);
    house.until(|occupancy| occupancy.participants == 0).await;
    let kinds: Vec<_> = std::iter::from_fn(|| house.notices.try_recv().ok()).collect();
    assert!(matches!(
        kinds[..],
        [
            RoomNotice::RoomStarted { .. },
            RoomNotice::ParticipantEntered { .. },
            RoomNotice::ConnectionAborted { .. },
        ]
    ));
}

#[tokio::test]
async fn a_room_is_created_once_listed_and_deleted() {
    let house = open(|_| {});
    let request = |metadata: &str| proto::CreateRoomRequest {
        name: "r".to_owned(),
        metadata: metadata.to_owned(),
        ..proto::CreateRoomRequest::default()
    };
    let first = house.rooms.create(request("one")).await.unwrap();
    let again = house.rooms.create(request("two")).await.unwrap();
    assert_eq!((&first.sid, again.metadata.as_str()), (&again.sid, "one"));
    assert_eq!(house.rooms.list(vec![]).await.unwrap().len(), 1);
    assert!(
        house
            .rooms
            .list(vec!["x".to_owned()])
            .await
            .unwrap()
            .is_empty()
    );
    let mut session = house.rooms.join(guest("r", "ann")).await.unwrap();
    house.rooms.delete(&name("r")).await.unwrap();
    let Some(Message::Leave(leave)) = House::last_word(&mut session).await else {
        panic!("a leave")
    };
    assert_eq!(leave.reason(), DisconnectReason::RoomDeleted);
    house.until(|occupancy| occupancy.rooms == 0).await;
    assert_eq!(
        house.rooms.delete(&name("r")).await,
        Err(RoomError::NotFound)
    );
}

#[tokio::test]
async fn a_panic_ends_its_room_and_no_other() {
    let house = open(|_| {});
    let mut good = house.rooms.join(guest("good", "ann")).await.unwrap();
    let mut bad = house.rooms.join(guest("bad", "bob")).await.unwrap();
    assert_eq!(
        house.rooms.panic_for_test(&name("bad")).await,
        Err(RoomError::Closed)
    );
    House::last_word(&mut bad).await;
    house.until(|occupancy| occupancy.rooms == 1).await;
    let ping = proto::signal_request::Message::Ping(1);
    good.incoming
        .send(proto::SignalRequest {
            message: Some(ping),
        })
        .await
        .unwrap();
    let pong = async {
        while !matches!(
            good.outgoing.recv().await.unwrap().message().message,
            Some(Message::Pong(_))
        ) {}
    };
    soon(pong).await;
    house.rooms.join(guest("bad", "bob")).await.unwrap();
}

#[tokio::test]
async fn limits_refuse_before_anything_is_started() {
    let house = open(|config| config.limits.rooms = 1);
    house.rooms.join(guest("one", "ann")).await.unwrap();
    assert_eq!(
        house.rooms.join(guest("two", "ann")).await.unwrap_err(),
        JoinError::Overloaded
    );
    let request = proto::CreateRoomRequest {
        name: "two".to_owned(),
        ..proto::CreateRoomRequest::default()
    };
    assert_eq!(
        house.rooms.create(request).await.unwrap_err(),
        RoomError::TooManyRooms
    );
}

#[tokio::test]
async fn who_brings_too_much_is_told_what_it_is() {
    let house = open(|_| {});
    let refused = async |change: fn(&mut JoinParams)| {
        let mut params = guest("r", "ann");
        change(&mut params);
        house.rooms.join(params).await.unwrap_err()
    };
    let long = |params: &mut JoinParams| params.claims.name = "n".repeat(257);
    assert_eq!(refused(long).await, JoinError::NameTooLong);
    let large = |params: &mut JoinParams| params.claims.metadata = "m".repeat(524_289);
    assert_eq!(refused(large).await, JoinError::MetadataTooLarge);
    let many = |params: &mut JoinParams| {
        let value = "v".repeat(65_536);
        params.claims.attributes.insert("k".to_owned(), value);
    };
    assert_eq!(refused(many).await, JoinError::AttributesTooLarge);
}

#[tokio::test]
async fn a_missing_room_is_not_made_where_joins_must_not() {
    let house = open(|config| config.defaults.auto_create = false);
    assert_eq!(
        house.rooms.join(guest("r", "ann")).await.unwrap_err(),
        JoinError::RoomNotFound
    );
    let mut creator = guest("r", "ann");
    creator.claims.video.as_mut().unwrap().room_create = true;
    house.rooms.join(creator).await.unwrap();
    house.rooms.join(guest("r", "bob")).await.unwrap();
}

#[tokio::test]
async fn the_end_of_the_process_is_said_to_everybody() {
    let house = open(|_| {});
    let mut session = house.rooms.join(guest("r", "ann")).await.unwrap();
    house.rooms.shut_down().await;
    let Some(Message::Leave(leave)) = House::last_word(&mut session).await else {
        panic!("a leave")
    };
    assert_eq!(leave.reason(), DisconnectReason::ServerShutdown);
    let action = proto::leave_request::Action::Reconnect;
    assert_eq!(
        leave.action(),
        action,
        "whoever serves next opens the room again"
    );
    house.tasks.hurry();
}

#[tokio::test]
async fn random_datagrams_harm_nobody() {
    let house = open(|_| {});
    let mut session = house.rooms.join(guest("r", "ann")).await.unwrap();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut rng = rand::rngs::SmallRng::seed_from_u64(7);
    let mut noise = [0; 1500];
    for _ in 0..1_000 {
        rng.fill_bytes(&mut noise);
        // Half of them look like something WebRTC at first sight.
        if rng.random_bool(0.5) {
            noise[0] = *[0, 1, 20, 22, 128, 144]
                .get(rng.random_range(0..6))
                .unwrap();
        }
        let length = rng.random_range(0..noise.len());
        socket.send_to(&noise[..length], house.media).await.unwrap();
    }
    let ping = proto::signal_request::Message::Ping(1);
    session
        .incoming
        .send(proto::SignalRequest {
            message: Some(ping),
        })
        .await
        .unwrap();
    let pong = async {
        while !matches!(
            session.outgoing.recv().await.unwrap().message().message,
            Some(Message::Pong(_))
        ) {}
    };
    soon(pong).await;
}

/// One participant that may change its metadata and ten that did not read took 1.3 GB from the
/// node with three hundred messages.
#[tokio::test]
async fn readers_that_have_stopped_hold_one_copy_of_what_changed_often() {
    const UPDATES: u32 = 30;
    const METADATA: usize = 500_000;
    let house = open(|_| {});
    let mut ann = guest("r", "ann");
    let video = ann.claims.video.as_mut().unwrap();
    video.can_update_own_metadata = Some(true);
    let Session {
        mut outgoing,
        incoming,
        ..
    } = house.rooms.join(ann).await.unwrap();
    let mut silent = Vec::new();
    for n in 0..10 {
        let silent_one = guest("r", &format!("silent {n}"));
        silent.push(house.rooms.join(silent_one).await.unwrap());
    }
    let say = |message| proto::SignalRequest {
        message: Some(message),
    };
    for n in 0..UPDATES {
        let update = proto::UpdateParticipantMetadata {
            metadata: format!("{n}{}", "m".repeat(METADATA)),
            ..proto::UpdateParticipantMetadata::default()
        };
        incoming
            .send(say(Asked::UpdateMetadata(update)))
            .await
            .unwrap();
        incoming.send(say(Asked::Ping(n.into()))).await.unwrap();
        let pong = async {
            while !matches!(
                outgoing.recv().await.unwrap().message().message,
                Some(Message::Pong(_))
            ) {}
        };
        soon(pong).await;
    }
    for session in &silent {
        let held = session.outgoing.held();
        assert!(held < 2 * METADATA, "{held} bytes for one reader");
    }
    assert_eq!(house.rooms.occupancy().borrow().participants, 11);
}
