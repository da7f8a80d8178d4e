//! What users would notice.

use livekit_protocol as proto;
use livekit_protocol::DisconnectReason;
use livekit_protocol::data_packet::Value;
use livekit_protocol::participant_info::State;
use trunkline_rtc::participant::{DataOut, End, Event};
use trunkline_rtc::sfu::{DropReason, Permissions, SfuEvent};

use super::link::{CLEAN, ROUGH};
use super::world::{Client, World};

fn gapless(heard: &[(u32, u64)]) -> bool {
    heard.windows(2).all(|w| w[1].1 == w[0].1 + 1)
}

#[test]
fn two_participants_hear_each_other() {
    let mut world = World::new(CLEAN, 1);
    world.join_talking("ann");
    world.join_talking("bob");
    world.run(3000);
    for (who, whom) in [("ann", "bob"), ("bob", "ann")] {
        let heard = world.client(who).heard_from(whom).len();
        assert!(heard > 100, "{who} heard {heard} frames of {whom}");
        let client = world.client(who);
        assert!(gapless(client.heard_from(whom)));
        assert!(client.saw(|e| matches!(e, Event::Connected)));
        assert!(client.saw(|e| matches!(e, Event::LocalTrackPublished { .. })));
        assert!(client.saw(|e| matches!(e, Event::LocalTrackSubscribed { .. })));
    }
    assert!(
        world
            .server
            .saw(|e| matches!(e, SfuEvent::Connected { .. }))
    );
    let stats = world.server.sfu.stats();
    assert_eq!(stats.late_frames, 0);
    assert!(stats.packets_out > 200, "{stats:?}");
}

#[test]
fn a_rough_link_loses_only_what_it_loses() {
    for seed in 1..=5 {
        let mut world = World::new(ROUGH, seed);
        world.join_talking("ann");
        world.join_talking("bob");
        // How long the handshake takes on such a link is up to its own, unseeded, patience.
        let mut before = 0;
        for _ in 0..40 {
            world.run(500);
            before = world.client("ann").heard_from("bob").len();
            if before > 0 {
                break;
            }
        }
        world.run(6000);
        let heard = world.client("ann").heard_from("bob").len() - before;
        assert!(before > 0 && heard > 240, "seed {seed}: {heard} of 300");
    }
}

#[test]
fn a_muted_track_is_silent_and_comes_back_without_a_gap() {
    let mut world = World::new(CLEAN, 2);
    world.join_talking("ann");
    world.join("bob");
    world.run(2000);
    let track = world.client("ann").talking.unwrap();
    let (core, now) = world.core("ann");
    core.set_muted(track, true, now);
    world.run(200);
    let before = world.client("bob").heard_from("ann").len();
    world.run(1000);
    assert_eq!(world.client("bob").heard_from("ann").len(), before);
    assert!(
        world
            .client("bob")
            .saw(|e| matches!(e, Event::TrackChanged { track, .. } if track.muted))
    );
    let (core, now) = world.core("ann");
    core.set_muted(track, false, now);
    world.run(1000);
    let bob = world.client("bob");
    assert!(bob.heard_from("ann").len() > before + 30);
    assert!(gapless(bob.heard_from("ann")));
}

#[test]
fn a_late_joiner_hears_who_is_already_speaking() {
    let mut world = World::new(CLEAN, 3);
    world.join_talking("ann");
    world.join_talking("bob");
    world.run(2000);
    world.join("cid");
    world.run(1000);
    for whom in ["ann", "bob"] {
        assert!(world.client("cid").heard_from(whom).len() > 20, "{whom}");
    }
}

#[test]
fn a_leaver_is_gone_for_everybody() {
    let mut world = World::new(CLEAN, 4);
    world.join_talking("ann");
    world.join("bob");
    world.run(2000);
    let (core, now) = world.core("ann");
    core.leave(DisconnectReason::ClientInitiated, now);
    world.run(1000);
    let bob = world.client("bob");
    assert!(bob.saw(|e| matches!(e, Event::ParticipantLeft(p) if p.identity == "ann")));
    assert!(bob.saw(|e| matches!(e, Event::TrackUnsubscribed { .. })));
    assert_eq!(bob.core.participants().count(), 0);
    assert!(
        world
            .client("ann")
            .saw(|e| matches!(e, Event::Disconnected(End::Left)))
    );
    assert!(world.client("ann").core.is_over());
}

#[test]
fn reliable_data_arrives_complete_and_in_order_over_a_rough_link() {
    let mut world = World::new(ROUGH, 5);
    world.join("ann");
    world.join("bob");
    world.run(3000);
    for n in 0..50 {
        assert!(world.say("ann", &n.to_string(), true));
        world.run(10);
    }
    world.run(5000);
    let expected: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    assert_eq!(world.client("bob").texts, expected);
    assert!(world.client("ann").texts.is_empty());
}

#[test]
fn lossy_data_arrives_at_once_on_a_clean_link() {
    let mut world = World::new(CLEAN, 6);
    world.join("ann");
    world.join("bob");
    world.run(2000);
    assert!(world.say("ann", "now", false));
    world.run(30);
    assert_eq!(world.client("bob").texts, ["now"]);
}

#[test]
fn who_joins_just_after_a_message_still_gets_it() {
    let mut world = World::new(CLEAN, 7);
    world.join("ann");
    world.run(2000);
    world.join("bob");
    world.run(30);
    assert!(world.say("ann", "hello", true));
    world.run(2000);
    assert_eq!(world.client("bob").texts, ["hello"]);
}

#[test]
fn data_is_refused_without_permission() {
    let mut world = World::new(CLEAN, 8);
    let mute = Permissions {
        can_publish_data: false,
        ..Permissions::default()
    };
    world.join_with("ann", mute);
    world.join("bob");
    world.run(2000);
    world.say("ann", "psst", true);
    world.run(500);
    assert!(world.client("bob").texts.is_empty());
    assert_eq!(
        world
            .server
            .sfu
            .stats()
            .dropped_for(DropReason::DataNotAllowed),
        1
    );
}

#[test]
fn a_message_with_the_same_nonce_is_heard_once() {
    let mut world = World::new(CLEAN, 21);
    world.join("ann");
    world.run(2000);
    let user = proto::UserPacket {
        payload: b"once".to_vec(),
        nonce: vec![7; 16],
        ..Default::default()
    };
    let packet = proto::DataPacket {
        value: Some(Value::User(user)),
        ..Default::default()
    };
    for _ in 0..3 {
        let now = world.now;
        world.server.sfu.send_data(&packet, true, now);
    }
    world.run(500);
    assert_eq!(world.client("ann").texts, ["once"]);
}

#[test]
fn the_server_calls_a_method_and_nobody_else_hears_the_answer() {
    let mut world = World::new(CLEAN, 22);
    world.join("ann");
    world.join("bob");
    world.run(2000);
    let callee = world.client("ann").core.local().unwrap().sid.clone();
    let callee = trunkline_base::id::ParticipantSid::parse(callee).unwrap();
    let request = proto::RpcRequest {
        id: "call-1".into(),
        method: "greet".into(),
        version: 1,
        ..Default::default()
    };
    let now = world.now;
    world.server.sfu.call(&callee, request, now).unwrap();
    world.run(200);
    let asked = |client: &mut Client| {
        client.saw(|e| {
            matches!(e, Event::Data { packet, .. }
                if matches!(&packet.value, Some(Value::RpcRequest(call)) if call.method == "greet")
                    && packet.participant_identity == "call-1")
        })
    };
    assert!(asked(world.client("ann")) && !asked(world.client("bob")));

    let answer = |id: &str| {
        let response = proto::RpcResponse {
            request_id: id.into(),
            value: Some(proto::rpc_response::Value::Payload("hello".into())),
        };
        DataOut {
            packet: proto::DataPacket {
                value: Some(Value::RpcResponse(response)),
                ..Default::default()
            },
            reliable: true,
        }
    };
    let (ann, now) = world.core("ann");
    assert!(ann.send_data(answer("call-1"), now) && ann.send_data(answer("call-2"), now));
    world.run(200);
    let answered =
        |event: &SfuEvent| matches!(event, SfuEvent::CallAnswered { id, .. } if id == "call-1");
    assert_eq!(world.server.seen.iter().filter(|e| answered(e)).count(), 1);
    let heard: Vec<_> = world
        .client("bob")
        .seen
        .iter()
        .filter_map(|e| match e {
            Event::Data { packet, .. } => match &packet.value {
                Some(Value::RpcResponse(response)) => Some(response.request_id.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(
        heard,
        ["call-2"],
        "an answer for somebody else goes its way"
    );
}

#[test]
fn a_lost_signal_socket_is_resumed_while_audio_goes_on() {
    let mut world = World::new(CLEAN, 9);
    world.join_talking("ann");
    world.join_talking("bob");
    world.run(2000);
    let sid = world.client("ann").core.local().unwrap().sid.clone();
    let before = world.client("bob").heard_from("ann").len();
    world.cut_signal("ann");
    assert!(world.client("ann").core.is_reconnecting());
    for n in 0..5 {
        world.say("ann", &n.to_string(), true);
    }
    world.run(2000);
    let ann = world.client("ann");
    assert!(ann.saw(|e| matches!(e, Event::Reconnecting { resume: true })));
    assert!(ann.saw(|e| matches!(e, Event::Reconnected { resume: true })));
    assert_eq!(ann.core.local().unwrap().sid, sid);
    let bob = world.client("bob");
    assert!(
        bob.heard_from("ann").len() > before + 80,
        "{}",
        bob.heard_from("ann").len() - before
    );
    assert_eq!(bob.texts, ["0", "1", "2", "3", "4"]);
    assert!(!bob.saw(|e| matches!(e, Event::ParticipantLeft(_))));
}

#[test]
fn a_refused_resume_becomes_a_new_session_with_the_same_tracks() {
    let mut world = World::new(CLEAN, 10);
    world.join_talking("ann");
    world.join_talking("bob");
    world.run(2000);
    world.server.refuse_resume = true;
    let sid = world.client("ann").core.local().unwrap().sid.clone();
    world.cut_signal("ann");
    world.run(4000);
    let ann = world.client("ann");
    assert!(
        ann.saw(|e| matches!(e, Event::Reconnected { resume: false })),
        "{:?}",
        ann.seen
    );
    assert_ne!(ann.core.local().unwrap().sid, sid);
    let heard = world.client("bob").heard_from("ann").len();
    world.run(1000);
    let bob = world.client("bob");
    assert!(bob.heard_from("ann").len() > heard + 40);
    assert!(bob.saw(|e| matches!(e, Event::ParticipantLeft(p) if p.identity == "ann")));
    let active = bob
        .core
        .participants()
        .filter(|p| p.state != State::Disconnected as i32);
    assert_eq!(active.count(), 1);
}

#[test]
fn an_unreachable_server_is_given_up_in_the_end() {
    let mut world = World::new(CLEAN, 11);
    world.signal_down = true;
    world.join("ann");
    world.run(10_000);
    assert!(
        world
            .client("ann")
            .saw(|e| matches!(e, Event::Disconnected(End::Unreachable(_))))
    );
}

#[test]
fn a_republished_track_is_heard_again_on_the_same_section() {
    let mut world = World::new(CLEAN, 12);
    world.join_talking("ann");
    world.join("bob");
    world.run(2000);
    let track = world.client("ann").talking.take().unwrap();
    let (core, now) = world.core("ann");
    core.unpublish(track, now);
    world.run(1000);
    assert!(
        world
            .client("bob")
            .saw(|e| matches!(e, Event::TrackUnpublished { .. }))
    );
    let before = world.client("bob").heard_from("ann").len();
    world.talk("ann");
    world.run(2000);
    let bob = world.client("bob");
    assert!(bob.heard_from("ann").len() > before + 60);
    let heard = bob.heard_from("ann");
    assert!(gapless(&heard[..before]) && gapless(&heard[before..]));
    let subscribed = bob
        .seen
        .iter()
        .filter(|e| matches!(e, Event::TrackSubscribed { .. }));
    assert_eq!(subscribed.count(), 2);
}

#[test]
fn an_unsubscribed_track_falls_silent_and_returns_on_request() {
    let mut world = World::new(CLEAN, 13);
    world.join_talking("ann");
    world.join("bob");
    world.run(2000);
    let sid = world
        .client("bob")
        .core
        .participants()
        .next()
        .unwrap()
        .tracks[0]
        .sid
        .clone();
    let (core, now) = world.core("bob");
    core.subscribe(&sid, false, now);
    world.run(500);
    let before = world.client("bob").heard_from("ann").len();
    world.run(1000);
    assert_eq!(world.client("bob").heard_from("ann").len(), before);
    let (core, now) = world.core("bob");
    core.subscribe(&sid, true, now);
    world.run(1500);
    assert!(world.client("bob").heard_from("ann").len() > before + 30);
}

#[test]
fn a_speaker_is_announced_and_its_silence_too() {
    let mut world = World::new(CLEAN, 14);
    world.join_talking("ann");
    world.join("bob");
    world.run(3000);
    let speaking =
        |active| move |e: &Event| matches!(e, Event::Speakers(s) if s[0].active == active);
    assert!(world.client("bob").saw(speaking(true)));
    assert!(!world.client("bob").saw(speaking(false)));
    world.client("ann").talking = None;
    world.run(2000);
    assert!(world.client("bob").saw(speaking(false)));
}

#[test]
fn somebody_who_may_not_listen_still_speaks() {
    let mut world = World::new(CLEAN, 15);
    let deaf = Permissions {
        can_subscribe: false,
        ..Permissions::default()
    };
    world.join_with("ann", deaf);
    world.talk("ann");
    world.join_talking("bob");
    world.run(3000);
    assert!(world.client("bob").heard_from("ann").len() > 100);
    assert!(world.client("ann").heard_from("bob").is_empty());
}

#[test]
fn noise_on_the_port_changes_nothing() {
    let mut world = World::new(CLEAN, 16);
    world.join_talking("ann");
    world.join("bob");
    world.run(1500);
    let to = super::world::server_addr();
    for n in 0..1000_u16 {
        let from = ([192, 0, 2, 1], 1000 + n).into();
        let bytes: Vec<u8> = (0..n % 97)
            .map(|i| (i.wrapping_mul(n) % 251) as u8)
            .collect();
        let now = world.now;
        world.server.sfu.handle_datagram(from, to, &bytes, now, now);
    }
    let before = world.client("bob").heard_from("ann").len();
    world.run(1000);
    assert!(world.client("bob").heard_from("ann").len() > before + 40);
}
