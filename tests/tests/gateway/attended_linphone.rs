//! Attended transfers (RFC 5589) by real phones: linphone on both ends, asked by us and asking us.

use std::net::UdpSocket;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::time::{interval, timeout};
use trunkline_bridge::sip::{AnswerPolicy, Referrer};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, RoomEvent};
use trunkline_media::SampleRate;
use trunkline_media::tone::{Sine, strength_dbfs};
use trunkline_sip::routing::mark;
use trunkline_store::Direction;

use super::attended::{CALLER, connect, ends};
use super::dialling::{dial, has, until_one};
use super::house::{House, PATIENCE, ROOM, next};
use super::softphone::{PLAIN, Softphone, Way};
use super::transfers::transfer;

const WIDE: SampleRate = SampleRate::HZ_16000;

/// What the room plays, and what the phone that is asked does.
const FROM_ROOM: f64 = 1_700.0;
const FROM_ASKED: f64 = 700.0;

/// In dBFS; the tones have ten more.
const LOUD: f64 = -22.0;

/// A phone that picks up when it is called there.
async fn asked() -> Option<(Softphone, u16)> {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let way = Way {
        user: "callee",
        port: Some(port),
        sings: FROM_ASKED,
        ..PLAIN
    };
    Some((Softphone::start(way, None).await?, port))
}

/// Until it has written down two seconds more.
async fn hears_on(phone: &Softphone) {
    let enough = phone.heard_bytes() + 2 * 2 * 48_000;
    let mut look = interval(Duration::from_millis(50));
    let growing = async {
        while phone.heard_bytes() < enough {
            look.tick().await;
        }
    };
    let grown = timeout(PATIENCE, growing).await;
    assert!(grown.is_ok(), "it hears nothing:\n{}", phone.log());
}

/// The last half of a second that it heard has this tone, once its calls are over.
fn heard_last(phone: &Softphone, hz: f64) {
    let (heard, rate) = phone.heard();
    let end = heard.len() - rate.samples_in_ms(200);
    let last = &heard[end - rate.samples_in_ms(500)..end];
    let level = strength_dbfs(last, rate, hz);
    assert!(level > LOUD, "{hz} Hz at {level:.1} dBFS\n{}", phone.log());
}

/// `TransferSIPParticipant` to `participant:callee`: the one goes to the other, and both calls here are
/// over while they talk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_softphones_of_a_room_are_connected_and_hear_each_other() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let Some((mut callee, port)) = asked().await else {
        return;
    };
    let Some(mut caller) = Softphone::start(PLAIN, None).await else {
        return;
    };
    caller.does(&format!("call {}", house.target("100"))).await;
    until_one(&house, CALLER, "active", has("sip.callStatus", "active")).await;
    let order = proto::CreateSipParticipantRequest {
        trunk: Some(proto::SipOutboundConfig {
            hostname: format!("127.0.0.1:{port}"),
            transport: i32::from(proto::SipTransport::Udp),
            ..Default::default()
        }),
        sip_number: "+15550199".to_owned(),
        sip_call_to: "callee".to_owned(),
        room_name: ROOM.to_owned(),
        participant_identity: "callee".to_owned(),
        wait_until_answered: true,
        ..Default::default()
    };
    dial(&house, order).await.unwrap();
    let done = transfer(&house, connect()).await;
    done.unwrap_or_else(|error| panic!("{error}\n{}", caller.log()));
    house.no_calls_left().await;
    assert_eq!(ends(&house).await, ["transferred", "transferred"]);
    tokio::join!(hears_on(&caller), hears_on(&callee));
    caller.does("terminate all").await;
    caller.ends(2).await;
    callee.ends(2).await;
    heard_last(&caller, FROM_ASKED);
    heard_last(&callee, PLAIN.sings);
    house.close().await;
}

/// Whoever talks to the room asks another first, and then connects the two: the participant stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_softphone_connects_the_room_with_whom_it_has_asked() {
    let Some((mut callee, port)) = asked().await else {
        return;
    };
    let house = House::with(AnswerPolicy::OnRoom, |config| {
        config.referrers = vec![Referrer {
            direction: Direction::Inbound,
            key: "local".to_owned(),
            over: over(port),
        }];
    })
    .await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let Some(mut caller) = Softphone::start(PLAIN, None).await else {
        return;
    };
    caller.does(&format!("call {}", house.target("100"))).await;
    let heard = next(&mut events, "the caller's track", |event| match event {
        RoomEvent::TrackSubscribed(track) => Some(track),
        _ => None,
    })
    .await;
    until_one(&house, CALLER, "active", has("sip.callStatus", "active")).await;
    caller.does("pause").await;
    caller.says(&["Call 1 with ", " is now paused"]).await;
    let asked = format!("call sip:callee@127.0.0.1:{port}");
    caller.does(&asked).await;
    caller
        .says(&["Media streams established", "for call 2"])
        .await;
    caller.does("transfer 1 --to-call 2").await;
    until_one(&house, CALLER, "passed on", has("sip.transfer", "done")).await;
    until_one(&house, CALLER, "back", has("sip.hold", "none")).await;
    for call in [1, 2] {
        caller.ends(call).await;
    }
    let mut reader = PcmReader::new(heard.packets, 16_000).unwrap();
    let mut writer = PcmWriter::new(track, 16_000).unwrap();
    let mut sings = Sine::new(WIDE, FROM_ROOM, -12.0);
    let mut clock = interval(Duration::from_millis(20));
    let mut in_room = Vec::new();
    for _ in 0..150 {
        clock.tick().await;
        let mut frame = [0; 320];
        sings.fill(&mut frame);
        writer.write_20ms(&frame).unwrap();
        let heard = timeout(PATIENCE, reader.next_20ms()).await.unwrap();
        in_room.extend_from_slice(heard.unwrap());
    }
    let tail = in_room.split_off(in_room.len() / 2);
    let level = strength_dbfs(&tail, WIDE, FROM_ASKED);
    assert!(
        level > LOUD,
        "the room hears whom was asked at {level:.1} dBFS\n{}",
        callee.log()
    );
    callee.does("terminate all").await;
    callee.ends(2).await;
    house.no_calls_left().await;
    heard_last(&callee, FROM_ROOM);
    house.close().await;
}

/// The outbound trunk that leads there.
fn over(port: u16) -> proto::SipOutboundTrunkInfo {
    proto::SipOutboundTrunkInfo {
        sip_trunk_id: "ST_out".to_owned(),
        name: "out".to_owned(),
        metadata: mark::mark("out", ""),
        address: format!("127.0.0.1:{port}"),
        transport: proto::SipTransport::Udp.into(),
        numbers: vec!["100".to_owned()],
        ..Default::default()
    }
}
