use std::sync::atomic::{AtomicU64, Ordering};

use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::token::{
    AgentGrant, ApiKey, Claims, InferenceGrant, ObservabilityGrant, ParticipantKind, VideoGrant,
};

use super::fresh::LOOK;
use super::*;

mod kept;
mod refusals;

const START: u64 = 1_700_000_000_000;

fn spec(role: Role) -> TokenSpec {
    TokenSpec::new(role, ParticipantIdentity::parse("alice").unwrap())
        .in_room(RoomName::parse("lobby").unwrap())
}

fn ring(secret: &str) -> KeyRing {
    KeyRing::from(ApiKey::new("devkey", secret))
}

/// A wall clock that runs with tokio's paused time and can be stepped.
fn stepped_clock() -> (WallClock, Arc<AtomicU64>) {
    let origin = tokio::time::Instant::now();
    let offset = Arc::new(AtomicU64::new(START));
    let base = Arc::clone(&offset);
    let clock: WallClock =
        Arc::new(move || UnixTime(base.load(Ordering::SeqCst)).plus(origin.elapsed()));
    (clock, offset)
}

fn read(token: &Secret<String>, ring: &KeyRing, now: UnixTime) -> Claims {
    ring.verify(token.expose(), now).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_kept_token_is_never_within_two_minutes_of_its_end() {
    let (clock, _) = stepped_clock();
    let keys = ring("secret");
    let manager = LiveKitAuthManager::with_clock(keys.clone(), Arc::clone(&clock));
    let fresh = manager.keep(spec(Role::Participant)).unwrap();
    for _ in 0..200 {
        tokio::time::advance(Duration::from_secs(15)).await;
        tokio::task::yield_now().await;
        let now = clock();
        let claims = read(&fresh.current(), &keys, now);
        assert!(
            claims.exp > now.secs() + 90,
            "{} left",
            claims.exp - now.secs()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_stepped_forward_renews_at_the_next_look() {
    let (clock, offset) = stepped_clock();
    let keys = ring("secret");
    let manager = LiveKitAuthManager::with_clock(keys.clone(), Arc::clone(&clock));
    let fresh = manager.keep(spec(Role::Participant)).unwrap();
    let mut watch = fresh.watch();
    watch.mark_unchanged();
    offset.fetch_add(3_600_000, Ordering::SeqCst);
    tokio::time::timeout(LOOK * 2, watch.changed())
        .await
        .unwrap()
        .unwrap();
    assert!(read(&fresh.current(), &keys, clock()).exp > clock().secs());
    assert_eq!(fresh.renewals().borrow().why, Why::ClockStepped);
}

#[tokio::test(start_paused = true)]
async fn a_clock_stepped_back_renews_so_that_nbf_is_not_in_the_future() {
    let (clock, offset) = stepped_clock();
    let keys = ring("secret");
    let manager = LiveKitAuthManager::with_clock(keys.clone(), Arc::clone(&clock));
    let fresh = manager.keep(spec(Role::Participant)).unwrap();
    let mut watch = fresh.watch();
    watch.mark_unchanged();
    offset.fetch_sub(3_600_000, Ordering::SeqCst);
    tokio::time::timeout(LOOK * 2, watch.changed())
        .await
        .unwrap()
        .unwrap();
    assert!(read(&fresh.current(), &keys, clock()).nbf.unwrap() <= clock().secs());
}

#[tokio::test(start_paused = true)]
async fn rotated_keys_sign_at_once_and_renewal_outlives_the_manager() {
    let (clock, _) = stepped_clock();
    let manager = LiveKitAuthManager::with_clock(ring("secret"), Arc::clone(&clock));
    let fresh = manager.keep(spec(Role::Agent)).unwrap();
    let mut watch = fresh.watch();
    watch.mark_unchanged();
    let next = ring("another");
    manager.rotate(&next);
    tokio::time::timeout(Duration::from_millis(1), watch.changed())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        read(&fresh.current(), &next, clock()).kind,
        ParticipantKind::Agent
    );

    drop(manager);
    watch.mark_unchanged();
    tokio::time::timeout(LIFE, watch.changed())
        .await
        .unwrap()
        .unwrap();
    assert!(read(&fresh.current(), &next, clock()).exp > clock().secs() + 500);
}

/// Renewals over an hour, as the moments at which they were made.
async fn moments(seed: u64) -> Vec<UnixTime> {
    let (clock, _) = stepped_clock();
    let manager = LiveKitAuthManager::with_clock(ring("secret"), clock);
    let fresh = manager.keep_seeded(spec(Role::Participant), seed).unwrap();
    let mut renewals = fresh.renewals();
    let mut made = Vec::new();
    for _ in 0..6 {
        tokio::time::timeout(LIFE, renewals.changed())
            .await
            .unwrap()
            .unwrap();
        let renewal = renewals.borrow_and_update().clone();
        assert_eq!((renewal.why, renewal.failures), (Why::Due, 0));
        assert_eq!(renewal.expires, renewal.made.plus(LIFE));
        assert_eq!(renewal.key, "devkey");
        made.push(renewal.made);
    }
    assert_eq!(renewals.borrow().count, 7);
    made
}

#[tokio::test(start_paused = true)]
async fn renewals_are_spread_by_the_seed_and_every_one_is_told() {
    let first = moments(1).await;
    assert_eq!(first, moments(1).await);
    assert_ne!(first, moments(2).await);
}

#[tokio::test(start_paused = true)]
async fn a_clock_stepped_back_and_forth_never_leaves_a_token_unusable() {
    let (clock, offset) = stepped_clock();
    let keys = ring("secret");
    let manager = LiveKitAuthManager::with_clock(keys.clone(), Arc::clone(&clock));
    let fresh = manager.keep(spec(Role::Participant)).unwrap();
    for step in [
        90_000_i64,
        -600_000,
        3_600_000,
        -3_600_000,
        15_000,
        -86_400_000,
    ] {
        let mut watch = fresh.watch();
        watch.mark_unchanged();
        let moved = offset.load(Ordering::SeqCst).saturating_add_signed(step);
        offset.store(moved, Ordering::SeqCst);
        tokio::time::timeout(LOOK * 2, watch.changed())
            .await
            .unwrap()
            .unwrap();
        let claims = read(&fresh.current(), &keys, clock());
        assert!(claims.nbf.unwrap() <= clock().secs(), "after {step}");
        assert!(claims.exp > clock().secs() + 500, "after {step}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ring_replaced_elsewhere_is_seen_at_the_next_look() {
    let (clock, _) = stepped_clock();
    let keys = ring("secret");
    let manager = LiveKitAuthManager::with_clock(keys.clone(), Arc::clone(&clock));
    let fresh = manager.keep(spec(Role::Participant)).unwrap();
    let mut renewals = fresh.renewals();
    renewals.mark_unchanged();
    keys.replace(&KeyRing::from(ApiKey::new("next", "another")));
    tokio::time::timeout(LOOK * 2, renewals.changed())
        .await
        .unwrap()
        .unwrap();
    let renewal = renewals.borrow().clone();
    assert_eq!(
        (renewal.why, renewal.key.as_str()),
        (Why::KeysChanged, "next")
    );
    assert_eq!(read(&fresh.current(), &keys, clock()).iss, "next");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_counted_and_the_old_token_stays() {
    let (clock, _) = stepped_clock();
    let keys = ring("secret");
    let manager = LiveKitAuthManager::with_clock(keys.clone(), clock);
    let fresh = manager.keep(spec(Role::Participant)).unwrap();
    let before = fresh.current();
    let mut renewals = fresh.renewals();
    renewals.mark_unchanged();
    manager.rotate(&ring(""));
    tokio::time::timeout(LOOK * 2, renewals.changed())
        .await
        .unwrap()
        .unwrap();
    assert!(renewals.borrow().failures > 0);
    assert_eq!(fresh.current(), before);
}

#[test]
fn roles_grant_what_they_say() {
    let manager = LiveKitAuthManager::new(ring("secret"));
    let now = system_clock()();
    let claims = |role| read(&manager.mint(&spec(role)).unwrap(), &ring("secret"), now);
    let video = |role| -> VideoGrant { claims(role).video.unwrap() };

    assert!(video(Role::Participant).may_publish() && video(Role::Participant).room_join);
    assert!(video(Role::Admin).room_admin && !video(Role::Admin).room_join);
    assert!(
        claims(Role::Admin)
            .sip
            .is_some_and(|sip| sip.admin && sip.call)
    );
    assert_eq!(video(Role::RoomAdmin), VideoGrant::admin("lobby"));
    assert!(claims(Role::RoomAdmin).sip.is_none());
    assert!(!video(Role::ViewOnly).may_publish() && !video(Role::ViewOnly).may_publish_data());
    assert!(video(Role::Agent).agent && video(Role::Agent).may_update_own_metadata());
    assert_eq!(claims(Role::Sip).kind, ParticipantKind::Sip);
    assert!(video(Role::Recorder).hidden && video(Role::Recorder).recorder);
    assert_eq!(claims(Role::Recorder).kind, ParticipantKind::Egress);
    assert_eq!(claims(Role::Ingress).kind, ParticipantKind::Ingress);
    assert!(video(Role::Ingress).may_publish() && !video(Role::Ingress).may_subscribe());
    let metrics = video(Role::Metrics);
    assert!(metrics.hidden && metrics.can_subscribe_metrics == Some(true));
    assert!(!metrics.may_publish() && !metrics.may_subscribe());
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(role));
    }
}

#[test]
fn everything_that_claims_can_say_can_be_said() {
    let manager = LiveKitAuthManager::new(ring("secret"));
    let rich = spec(Role::Participant).saying(|claims| {
        claims
            .with_name("Alice")
            .with_metadata("m")
            .with_attributes([("a".to_owned(), "b".to_owned())].into())
            .with_room_config(serde_json::json!({"agents": [{"agentName": "desk"}]}))
            .with_room_preset("small")
            .with_sha256("digest")
            .with_inference(InferenceGrant { perform: true })
            .with_observability(ObservabilityGrant { write: true })
            .with_agent(AgentGrant::default())
    });
    let claims = read(
        &manager.mint(&rich).unwrap(),
        &ring("secret"),
        system_clock()(),
    );
    assert_eq!(
        (claims.name.as_str(), claims.metadata.as_str()),
        ("Alice", "m")
    );
    assert_eq!(claims.attributes["a"], "b");
    assert_eq!(
        claims.room_config.as_ref().unwrap()["agents"][0]["agentName"],
        "desk"
    );
    assert_eq!(
        (claims.room_preset.as_str(), claims.sha256.as_str()),
        ("small", "digest")
    );
    assert!(claims.inference.unwrap().perform && claims.observability.unwrap().write);
    assert_eq!(claims.identity(), "alice");
    assert!(
        claims.video.unwrap().room_join,
        "the role's own rights stay"
    );
}

#[test]
fn a_call_of_the_api_gets_the_least_right_for_it() {
    let manager = LiveKitAuthManager::new(ring("secret"));
    let scope = Scope::between("lobby", "hall");
    let now = system_clock()();
    for grant in ApiGrant::ALL {
        let claims = read(
            &manager.mint_api(grant, scope).unwrap(),
            &ring("secret"),
            now,
        );
        let rights = serde_json::to_value((&claims.video, &claims.sip)).unwrap();
        let granted = rights.to_string().matches("true").count();
        let wanted = if grant == ApiGrant::SipCallInRoom {
            2
        } else {
            1
        };
        assert_eq!(granted, wanted, "{grant:?}: {rights}");
        let life = claims.exp - now.secs();
        assert!(
            life.abs_diff(grant.life().as_secs()) <= 1,
            "{grant:?}: {life}"
        );
    }
    let homeless = manager.mint_api(ApiGrant::RoomAdmin, Scope::SERVER);
    assert!(homeless.unwrap_err().to_string().contains("name the room"));
    let nowhere = manager.mint_api(ApiGrant::RoomAdminTo, Scope::room("lobby"));
    assert!(nowhere.unwrap_err().to_string().contains("destinationRoom"));
}
