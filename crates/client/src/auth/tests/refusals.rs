//! What is not signed, and what is said of it.

use std::time::Duration;

use serde_json::json;

use trunkline_base::id::ParticipantIdentity;
use trunkline_base::token::{SipGrant, VideoGrant};

use super::*;

fn refusal(spec: &TokenSpec) -> String {
    let manager = LiveKitAuthManager::new(ring("secret"));
    manager.mint(spec).unwrap_err().to_string()
}

fn with(role: Role, change: impl FnOnce(&mut VideoGrant)) -> TokenSpec {
    let spec = spec(role);
    let mut grant = role.grant(spec.room.as_ref());
    change(&mut grant);
    spec.saying(|claims| claims.with_video(grant))
}

#[test]
fn a_role_that_joins_needs_a_room() {
    let manager = LiveKitAuthManager::new(ring("secret"));
    let homeless = TokenSpec::new(Role::Sip, ParticipantIdentity::parse("x").unwrap());
    assert_eq!(
        manager.mint(&homeless),
        Err(AuthError::RoomMissing { role: Role::Sip })
    );
    let worker = TokenSpec::new(Role::Agent, ParticipantIdentity::parse("w").unwrap());
    assert!(manager.mint(&worker).is_ok());
}

#[test]
fn every_role_passes_its_own_check() {
    let manager = LiveKitAuthManager::new(ring("secret"));
    for role in Role::ALL {
        let minted = manager.mint_for(&spec(role), role.purpose().longest());
        assert!(minted.is_ok(), "{role}: {minted:?}");
    }
}

#[test]
fn rights_over_the_server_do_not_stand_in_a_clients_token() {
    type Change = fn(&mut VideoGrant);
    let wide: [(&str, Change); 7] = [
        ("roomCreate", |grant| grant.room_create = true),
        ("roomList", |grant| grant.room_list = true),
        ("roomRecord", |grant| grant.room_record = true),
        ("ingressAdmin", |grant| grant.ingress_admin = true),
        ("agent", |grant| grant.agent = true),
        ("hidden", |grant| {
            grant.hidden = true;
            grant.can_publish = Some(false);
        }),
        ("recorder", |grant| grant.recorder = true),
    ];
    let manager = LiveKitAuthManager::new(ring("secret"));
    for (right, change) in wide {
        let spec = with(Role::Participant, change);
        let said = refusal(&spec);
        assert!(said.contains(&format!("{right} reaches beyond")), "{said}");
        assert!(manager.mint(&spec.deliberately_wide()).is_ok(), "{right}");
    }
    for grant in [(true, false), (false, true)] {
        let spec = spec(Role::Participant).saying(|claims| {
            claims.with_sip(SipGrant {
                admin: grant.0,
                call: grant.1,
            })
        });
        assert!(refusal(&spec).contains("sip."));
    }
}

#[test]
fn contradictions_are_named_even_where_width_is_allowed() {
    type Change = fn(&mut VideoGrant);
    let cases: [(Role, &str, Change); 9] = [
        (
            Role::Participant,
            "canPublish: false contradicts",
            |grant| {
                grant.can_publish = Some(false);
                grant.can_publish_sources = vec!["microphone".into()];
            },
        ),
        (
            Role::Participant,
            "canPublishSources[1] is none of",
            |grant| {
                grant.can_publish_sources = vec!["microphone".into(), "radio".into()];
            },
        ),
        (Role::RoomAdmin, "roomAdmin is for one room", |grant| {
            grant.room.clear();
        }),
        (Role::Participant, "roomJoin is for one room", |grant| {
            grant.room.clear();
        }),
        (
            Role::Participant,
            "destinationRoom means nothing without roomAdmin",
            |grant| {
                grant.destination_room = "hall".into();
            },
        ),
        (Role::RoomAdmin, "destinationRoom contradicts", |grant| {
            grant.destination_room = "lobby".into();
        }),
        (Role::Metrics, "hidden contradicts", |grant| {
            grant.can_publish = Some(true);
        }),
        (Role::Recorder, "recorder contradicts", |grant| {
            grant.can_publish = Some(true);
        }),
        (
            Role::RoomAdmin,
            "canPublish means nothing without roomJoin",
            |grant| {
                grant.can_publish = Some(true);
            },
        ),
    ];
    for (role, wanted, change) in cases {
        let said = refusal(&with(role, change).deliberately_wide());
        assert!(said.contains(wanted), "{role}: {said}");
    }
}

#[test]
fn identity_and_sizes_have_limits() {
    let called = |name: &str| {
        TokenSpec::new(Role::Participant, ParticipantIdentity::parse(name).unwrap())
            .in_room(RoomName::parse("lobby").unwrap())
    };
    assert!(ParticipantIdentity::parse("x".repeat(257)).is_err());
    assert!(refusal(&called("a\nb")).contains("control character"));
    let said = |say: fn(Claims) -> Claims| refusal(&called("ann").saying(say));
    assert!(said(|c| c.with_name("n".repeat(257))).contains("the name is 257 bytes"));
    assert!(said(|c| c.with_metadata("m".repeat(512 * 1024 + 1))).contains("the metadata"));
    let large = |c: Claims| c.with_attributes([("k".into(), "v".repeat(64 * 1024))].into());
    assert!(said(large).contains("the attributes together"));
}

#[test]
fn a_life_is_limited_by_purpose_and_never_empty() {
    let manager = LiveKitAuthManager::new(ring("secret"));
    let long = Duration::from_secs(7 * 3600);
    let said = manager
        .mint_for(&spec(Role::Participant), long)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("valid for 7 h and a client token may be for 6 h"),
        "{said}"
    );
    assert!(manager.mint_for(&spec(Role::Sip), long).is_ok());
    let wide = spec(Role::Participant).deliberately_wide();
    assert!(manager.mint_for(&wide, long).is_ok());
    let none = manager
        .mint_for(&wide, Duration::ZERO)
        .unwrap_err()
        .to_string();
    assert!(none.contains("no life"), "{none}");
}

#[test]
fn a_room_configuration_carries_no_credentials_and_is_one() {
    let config = |config| spec(Role::Sip).saying(|claims| claims.with_room_config(config));
    let s3 = json!({"egress": {"room": {"file_outputs": [
        {"filepath": "a.ogg", "s3": {"bucket": "b", "access_key": "k", "secret": "plain-secret"}}
    ]}}});
    let said = refusal(&config(s3.clone()));
    assert!(
        said.contains("roomConfig.egress.room.file_outputs[0].s3.secret"),
        "{said}"
    );
    assert!(!said.contains("plain-secret"));
    let manager = LiveKitAuthManager::new(ring("secret"));
    assert!(manager.mint(&config(s3).with_credentials()).is_ok());

    let harmless = json!({"egress": {"room": {"fileOutputs": [{"filepath": "a.ogg", "s3": {
        "bucket": "b", "secret": ""}}]}}, "maxParticipants": 2});
    assert!(manager.mint(&config(harmless)).is_ok());
    let stream = json!({"egress": {"room": {"streamOutputs": [{"urls": ["rtmp://x/live/key"]}]}}});
    assert!(refusal(&config(stream)).contains("streamOutputs"));
    assert!(refusal(&config(json!({"agents": "desk"}))).contains("not a RoomConfiguration"));
}

#[test]
fn every_fault_is_told_at_once() {
    let spec = with(Role::Participant, |grant| {
        grant.room_create = true;
        grant.room.clear();
    });
    let said = refusal(&spec);
    assert!(
        said.contains("roomCreate") && said.contains("; also: roomJoin"),
        "{said}"
    );
}
