//! Leaving, removal, time limits and the end of the room.

use proto::{DisconnectReason, RoomEndReason};
use tokio::sync::oneshot;

use super::*;
use crate::room::command::RoomAsk;
use crate::room::spec::Before;

#[test]
fn a_leave_tells_the_others_why() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let bob = house.join(guest("bob"));
    house.forget();
    let leave = proto::LeaveRequest {
        reason: DisconnectReason::UserRejected.into(),
        ..proto::LeaveRequest::default()
    };
    house.ask(&bob, Asked::Leave(leave));
    let words = house.heard(&ann);
    let told = updates(&words);
    assert_eq!(told[0].state, 3);
    assert_eq!(
        told[0].disconnect_reason,
        i32::from(DisconnectReason::UserRejected)
    );
    assert!(matches!(
        house.notices[..],
        [RoomNotice::ConnectionAborted { .. }]
    ));
}

#[test]
fn who_is_not_connected_within_a_minute_is_sent_away() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.pass(Duration::from_secs(10));
    house.forget();
    house.pass(Duration::from_secs(50));
    let words = house.heard(&ann);
    // Without any answer the plane may have given it up before; either way it is gone.
    assert!(
        leave(&words).is_some() || house.closed.contains(&ann),
        "{words:?}"
    );
    assert_eq!(house.room.occupancy(), 0);
}

#[test]
fn a_socket_lost_before_the_first_connection_ends_the_session() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.room.on_signal_lost(&ann, house.now);
    assert_eq!(house.room.occupancy(), 0);
}

#[test]
fn a_room_of_an_earlier_process_waits_its_whole_time_again() {
    let before = Before {
        sid: RoomSid::parse("RM_before").unwrap(),
        created: UnixTime::from_secs(10),
        dispatches: vec![proto::AgentDispatch::default()],
        patience: Duration::from_secs(300),
    };
    let mut house = House::new(RoomSpec {
        before: Some(before),
        ..spec()
    });
    let info = house.room.info();
    assert_eq!((info.sid.as_str(), info.creation_time), ("RM_before", 10));
    let [RoomNotice::RoomStarted { dispatches, .. }] = &house.notices[..] else {
        panic!("{:?}", house.notices)
    };
    assert_eq!(dispatches.as_ref().map(Vec::len), Some(1));
    house.pass(Duration::from_secs(299));
    assert_eq!(house.room.ended(), None);
    house.pass(Duration::from_secs(1));
    assert_eq!(house.room.ended(), Some(RoomEndReason::RoomEndIdleTimeout));
}

#[test]
fn an_empty_room_ends_after_its_first_wait() {
    let mut house = House::new(spec());
    house.pass(Duration::from_secs(299));
    assert_eq!(house.room.ended(), None);
    house.pass(Duration::from_secs(1));
    assert_eq!(house.room.ended(), Some(RoomEndReason::RoomEndIdleTimeout));
    assert!(matches!(
        house.notices.last(),
        Some(RoomNotice::RoomFinished { .. })
    ));
}

#[test]
fn an_agent_does_not_keep_a_room_that_everybody_left() {
    let mut house = House::new(spec());
    let ann = house.join(JoinParams {
        topology: Topology::Single,
        ..guest("ann")
    });
    let grant = VideoGrant {
        agent: true,
        ..VideoGrant::join("lobby")
    };
    let agent = house.join(JoinParams {
        topology: Topology::Single,
        ..params("agent", grant)
    });
    house.ask(&ann, Asked::Leave(proto::LeaveRequest::default()));
    house.pass(Duration::from_secs(19));
    assert_eq!(house.room.ended(), None);
    house.forget();
    house.pass(Duration::from_secs(1));
    assert_eq!(house.room.ended(), Some(RoomEndReason::RoomEndIdleTimeout));
    let words = house.heard(&agent);
    assert_eq!(
        leave(&words).unwrap().reason(),
        DisconnectReason::RoomClosed
    );
}

#[test]
fn a_newcomer_keeps_the_room() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.ask(&ann, Asked::Leave(proto::LeaveRequest::default()));
    house.pass(Duration::from_secs(15));
    house.join(JoinParams {
        topology: Topology::Single,
        ..guest("bob")
    });
    house.pass(Duration::from_secs(30));
    assert_eq!(house.room.ended(), None);
}

#[test]
fn the_api_removes_one_and_then_all() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let bob = house.join(guest("bob"));
    house.forget();
    let (answer, mut answered) = oneshot::channel();
    let identity = ParticipantIdentity::parse("ann").unwrap();
    house
        .room
        .on_ask(RoomAsk::Remove { identity, answer }, house.now);
    house.room.give_replies();
    house.gather();
    assert_eq!(answered.try_recv().unwrap(), Ok(()));
    let words = house.heard(&ann);
    assert_eq!(
        leave(&words).unwrap().reason(),
        DisconnectReason::ParticipantRemoved
    );
    let (answer, mut answered) = oneshot::channel();
    house.room.on_ask(RoomAsk::Delete { answer }, house.now);
    house.room.give_replies();
    house.gather();
    answered.try_recv().unwrap();
    let words = house.heard(&bob);
    assert_eq!(
        leave(&words).unwrap().reason(),
        DisconnectReason::RoomDeleted
    );
    assert_eq!(house.room.ended(), Some(RoomEndReason::RoomEndApiDelete));
    assert_eq!(house.try_join(guest("eve")).unwrap_err(), JoinError::Closed);
}

/// With its socket away, a participant was kept everything of everybody who left meanwhile.
#[test]
fn of_those_who_left_meanwhile_the_least_is_kept() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let participant = house.room.participants.get_mut(&ann).unwrap();
    participant.become_state(proto::participant_info::State::Active);
    house.room.on_signal_lost(&ann, house.now);
    let mut bob = guest("bob");
    bob.claims.metadata = "m".repeat(500_000);
    let bob = house.join(bob);
    house.room.on_signal_lost(&bob, house.now);
    let [gone] = &house.room.participants[&ann].missed[..] else {
        panic!("one has left")
    };
    assert_eq!(
        (gone.identity.as_str(), gone.state()),
        ("bob", proto::participant_info::State::Disconnected)
    );
    assert!(gone.metadata.is_empty());
}
