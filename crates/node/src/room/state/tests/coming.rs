//! Joining, replacing, limits and resuming.

use proto::DisconnectReason;
use proto::leave_request::Action;

use super::*;
use crate::room::command::Admission;

#[test]
fn join_is_the_first_word_and_names_those_who_are_there() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let bob = house.join(guest("bob"));
    let words = house.heard(&bob);
    let Some(Message::Join(join)) = words.first() else {
        panic!("join first: {words:?}")
    };
    assert_eq!(join.other_participants.len(), 1);
    assert_eq!(join.other_participants[0].identity, "ann");
    let me = join.participant.as_ref().unwrap();
    assert_eq!((me.sid.as_str(), me.state), (bob.as_str(), 1));
    let room = join.room.as_ref().unwrap();
    assert!(room.sid.starts_with("RM_"));
    assert_eq!(room.num_participants, 2);
    assert!(join.subscriber_primary && join.fast_publish);
    assert_eq!(join.server_info.as_ref().unwrap().protocol, 17);
    assert!(
        matches!(words.get(1), Some(Message::RefreshToken(_))),
        "{words:?}"
    );
    assert_eq!(updates(&house.heard(&ann))[0].identity, "bob");
}

#[test]
fn a_single_connection_has_no_subscriber_to_be_primary() {
    let mut house = House::new(spec());
    let ann = house.join(JoinParams {
        topology: Topology::Single,
        ..guest("ann")
    });
    let words = house.heard(&ann);
    let Some(Message::Join(join)) = words.first() else {
        panic!("join first")
    };
    assert!(!join.subscriber_primary);
    assert!(!words.iter().any(|word| matches!(word, Message::Offer(_))));
}

#[test]
fn the_same_identity_replaces_its_old_session() {
    let mut house = House::new(spec());
    let old = house.join(guest("ann"));
    let modern = house.join(guest("bob"));
    let mut elder = guest("eve");
    elder.client.protocol = 11;
    let elder = house.join(elder);
    house.forget();
    let new = house.join(guest("ann"));
    assert_ne!(old, new);
    let words = house.heard(&old);
    let leave = leave(&words).unwrap();
    assert_eq!(leave.reason(), DisconnectReason::DuplicateIdentity);
    assert_eq!(leave.action(), Action::Disconnect);
    assert_eq!(house.closed, std::slice::from_ref(&old));
    let gone = |words: &[Message]| {
        updates(words)
            .iter()
            .filter(|p| p.state == 3)
            .map(|p| p.sid.clone())
            .collect::<Vec<_>>()
    };
    let words = house.heard(&modern);
    assert!(gone(&words).is_empty(), "knows people by identity");
    assert_eq!(updates(&words)[0].sid, new.as_str());
    assert_eq!(gone(&house.heard(&elder)), [old.to_string()]);
}

#[test]
fn only_people_count_against_the_size_of_a_room() {
    let mut house = House::new(RoomSpec {
        max_participants: 1,
        ..spec()
    });
    house.join(guest("ann"));
    assert_eq!(
        house.try_join(guest("bob")).unwrap_err(),
        JoinError::RoomFull
    );
    house.join(params(
        "agent",
        VideoGrant {
            agent: true,
            ..VideoGrant::join("lobby")
        },
    ));
    house.join(params(
        "tape",
        VideoGrant {
            recorder: true,
            ..VideoGrant::join("lobby")
        },
    ));
    house.join(guest("ann"));
    assert_eq!(house.room.info().num_participants, 1);
    assert!(house.room.info().active_recording);
}

#[test]
fn a_hidden_participant_is_told_to_nobody() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    house.forget();
    house.join(params(
        "ghost",
        VideoGrant {
            hidden: true,
            ..VideoGrant::join("lobby")
        },
    ));
    assert!(house.heard(&ann).is_empty());
    let bob = house.join(guest("bob"));
    let words = house.heard(&bob);
    let Some(Message::Join(join)) = words.first() else {
        panic!("join first")
    };
    assert_eq!(join.other_participants.len(), 1);
}

#[test]
fn own_attributes_at_join_need_the_right_to_them() {
    let mut house = House::new(spec());
    let attributes: BTreeMap<_, _> = [("k".to_owned(), "v".to_owned())].into();
    let denied = JoinParams {
        attributes: attributes.clone(),
        ..guest("ann")
    };
    assert_eq!(
        house.try_join(denied).unwrap_err(),
        JoinError::MetadataNotAllowed
    );
    let grant = VideoGrant {
        can_update_own_metadata: Some(true),
        ..VideoGrant::join("lobby")
    };
    let ann = house.join(JoinParams {
        attributes,
        ..params("ann", grant)
    });
    let words = house.heard(&ann);
    let Some(Message::Join(join)) = words.first() else {
        panic!("join first")
    };
    assert_eq!(join.participant.as_ref().unwrap().attributes["k"], "v");
}

#[test]
fn who_cannot_be_resumed_is_told_to_join_anew() {
    let mut house = House::new(spec());
    let entry = house
        .try_join(JoinParams {
            reconnect: true,
            ..guest("ann")
        })
        .unwrap();
    let Entry::Mismatch(_, message) = entry else {
        panic!("nothing to resume")
    };
    let Some(Message::Leave(leave)) = message.message else {
        panic!("a leave")
    };
    assert_eq!(leave.action(), Action::Reconnect);
    assert_eq!(leave.reason(), DisconnectReason::StateMismatch);
}

#[test]
fn a_resumed_session_hears_reconnect_first_and_what_it_missed() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let bob = house.join(guest("bob"));
    // As if the media of ann were connected: otherwise a lost socket ends the session.
    house
        .room
        .participants
        .get_mut(&ann)
        .unwrap()
        .become_state(proto::participant_info::State::Active);
    house.room.on_signal_lost(&ann, house.now);
    house.forget();
    house.ask(&bob, Asked::Leave(proto::LeaveRequest::default()));
    assert!(house.heard(&ann).is_empty(), "its socket is away");
    assert_eq!(
        house.join(JoinParams {
            reconnect: true,
            ..guest("ann")
        }),
        ann
    );
    let words = house.heard(&ann);
    assert!(
        matches!(words.first(), Some(Message::Reconnect(_))),
        "{words:?}"
    );
    let told = updates(&words);
    assert_eq!((told[0].identity.as_str(), told[0].state), ("bob", 3));
    assert_eq!(told[1].identity, "ann");
    assert!(
        words
            .iter()
            .any(|word| matches!(word, Message::RoomUpdate(_)))
    );
}

/// A full node refused to let clients resume: whoever lost its socket lost its call.
#[test]
fn who_is_here_comes_back_to_a_full_node() {
    let mut house = House::new(spec());
    let ann = house.join(guest("ann"));
    let resume = JoinParams {
        reconnect: true,
        ..guest("ann")
    };
    let entry = house.room.enter(resume, Admission::Known, house.now);
    assert!(matches!(entry, Ok(Entry::Resumed(sid)) if sid == ann));
    let entry = house.room.enter(guest("ann"), Admission::Known, house.now);
    assert!(matches!(entry, Ok(Entry::Joined(_))));
    let entry = house.room.enter(guest("eve"), Admission::Known, house.now);
    assert!(matches!(entry, Err(JoinError::Overloaded)));
}
