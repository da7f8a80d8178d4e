//! Sound and keys in both directions.

use std::time::Duration;

use tokio::time::timeout;
use trunkline_bridge::sip::{AnswerPolicy, Caller, CallerOptions};
use trunkline_client::room::audio::{PcmReader, PcmWriter};
use trunkline_client::room::{AudioOptions, ParticipantInfo, ParticipantKind, RoomEvent};
use trunkline_media::SampleRate;
use trunkline_media::tone::{Sine, strength_dbfs};
use trunkline_node::NodeConfig;
use trunkline_store::Store;

use super::house::{House, PATIENCE, next};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phone_and_room_hear_each_other_and_keys_arrive() {
    let house = House::open(AnswerPolicy::OnAgent).await;
    let (room, mut events) = house.participant().await;
    let track = room.publish_audio(AudioOptions::default()).await.unwrap();
    let mut call = house.call("100").await;

    // The caller is there, as a SIP participant with everything LiveKit tells about calls.
    let (track_of_caller, identity) =
        next(&mut events, "the caller's track", |event| match event {
            RoomEvent::TrackSubscribed(track) => {
                let identity = track.participant.clone();
                Some((track, identity))
            }
            _ => None,
        })
        .await;
    assert_eq!(identity.as_str(), "sip_4711");
    assert_eq!(track_of_caller.participant_kind, ParticipantKind::Sip);
    let mut states = room.watch();
    let active = states.wait_for(|state| {
        let caller = state.participants.get(&identity);
        caller.and_then(|c| c.attribute("sip.callStatus")) == Some("active")
    });
    let snapshot = timeout(PATIENCE, active).await.unwrap().unwrap().clone();
    let caller = &snapshot.participants[&identity];
    told_about(caller, &call.call_id);

    // The phone sings 440 Hz, the room 1000 Hz.
    let mut reader = PcmReader::new(track_of_caller.packets, 16_000).unwrap();
    let mut writer = PcmWriter::new(track, 16_000).unwrap();
    let mut low = Sine::new(SampleRate::HZ_8000, 440.0, -12.0);
    let mut high = Sine::new(SampleRate::HZ_16000, 1000.0, -12.0);
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    let (mut in_room, mut on_phone) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        clock.tick().await;
        let mut frame = [0; 160];
        low.fill(&mut frame);
        assert!(call.send(&frame).await);
        let mut frame = [0; 320];
        high.fill(&mut frame);
        writer.write_20ms(&frame).unwrap();
        in_room.extend_from_slice(reader.next_20ms().await.unwrap());
        while let Ok(Some(heard)) = timeout(Duration::ZERO, call.recv()).await {
            on_phone.extend(heard.samples);
        }
    }
    let tail = in_room.split_off(in_room.len() / 2);
    let heard = strength_dbfs(&tail, SampleRate::HZ_16000, 440.0);
    assert!(heard > -20.0, "room hears the phone at {heard:.1} dBFS");
    let tail = on_phone.split_off(on_phone.len() / 2);
    let heard = strength_dbfs(&tail, SampleRate::HZ_8000, 1000.0);
    assert!(heard > -20.0, "phone hears the room at {heard:.1} dBFS");

    assert!(call.dtmf("12#").await);
    let mut keys = String::new();
    while keys.len() < 3 {
        keys += &next(&mut events, "a key", |event| match event {
            RoomEvent::Dtmf { digit, .. } => Some(digit),
            _ => None,
        })
        .await;
    }
    assert_eq!(keys, "12#");

    let summary = timeout(PATIENCE, call.hangup()).await.unwrap();
    assert_eq!(summary.lost, 0, "{summary:?}");
    next(&mut events, "the caller leaving", |event| match event {
        RoomEvent::ParticipantLeft { info, .. } if info.identity == identity => Some(()),
        _ => None,
    })
    .await;
    house.no_calls_left().await;
    house.close().await;
}

/// Everything LiveKit tells about a call.
fn told_about(caller: &ParticipantInfo, call_id: &str) {
    let exact = [
        ("sip.phoneNumber", "4711"),
        ("sip.trunkPhoneNumber", "100"),
        ("sip.callIDFull", call_id),
    ];
    for (name, value) in exact {
        assert_eq!(caller.attribute(name), Some(value), "{name}");
    }
    for (name, prefix) in [
        ("sip.callID", "SCL_"),
        ("sip.trunkID", "ST_"),
        ("sip.ruleID", "SDR_"),
    ] {
        let starts = caller
            .attribute(name)
            .is_some_and(|id| id.starts_with(prefix));
        assert!(starts, "{name}");
    }
}

/// As behind a NAT that turns nothing back which is sent to its own address from inside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_hear_each_other_though_no_way_leads_to_the_address_that_clients_are_told() {
    let mut told = NodeConfig::dev();
    told.node_ips = vec![[192, 0, 2, 1].into()];
    let store = Store::open(":memory:").await.unwrap();
    let house = House::around(told, store, AnswerPolicy::OnRoom, |_| {}).await;
    let speaker = house.call("100").await;
    let other = CallerOptions::new(house.target("100"), "4712");
    let mut listener = timeout(PATIENCE, Caller::call(other))
        .await
        .unwrap()
        .unwrap();
    let mut sine = Sine::new(SampleRate::HZ_8000, 440.0, -12.0);
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    let mut heard = Vec::new();
    let listening = async {
        while strength_dbfs(&heard, SampleRate::HZ_8000, 440.0) < -20.0 {
            clock.tick().await;
            let mut frame = [0; 160];
            sine.fill(&mut frame);
            assert!(speaker.send(&frame).await);
            while let Ok(Some(frame)) = timeout(Duration::ZERO, listener.recv()).await {
                heard.extend(frame.samples);
            }
            heard.drain(..heard.len().saturating_sub(LATEST));
        }
    };
    let listening = timeout(PATIENCE, listening).await;
    assert!(listening.is_ok(), "nothing was heard");
    speaker.hangup().await;
    listener.hangup().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_flows_from_the_answer_on_without_a_gap() {
    let house = House::open(AnswerPolicy::OnRoom).await;
    let mut call = house.call("100").await;
    let mut last: Option<(u64, u32)> = None;
    for _ in 0..60 {
        let heard = timeout(PATIENCE, call.recv()).await.unwrap().unwrap();
        if let Some((sequence, timestamp)) = last {
            assert_eq!(heard.sequence, sequence + 1);
            assert_eq!(heard.timestamp, timestamp.wrapping_add(160));
        }
        last = Some((heard.sequence, heard.timestamp));
        assert!(
            heard.samples.iter().all(|sample| sample.abs() <= 8),
            "silence is silent"
        );
    }
    call.hangup().await;
    house.close().await;
}

/// Half a second of a phone's samples.
const LATEST: usize = 4_000;
