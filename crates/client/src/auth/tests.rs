use std::sync::atomic::{AtomicU64, Ordering};

use trunkline_base::id::{ParticipantIdentity, RoomName};
use trunkline_base::token::{ApiKey, Claims, ParticipantKind, VideoGrant};

use super::*;

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
    manager.rotate(next.clone());
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
    assert!(!video(Role::ViewOnly).may_publish() && !video(Role::ViewOnly).may_publish_data());
    assert!(video(Role::Agent).agent && video(Role::Agent).may_update_own_metadata());
    assert_eq!(claims(Role::Sip).kind, ParticipantKind::Sip);
    assert!(video(Role::Recorder).hidden && video(Role::Recorder).recorder);
    assert_eq!(claims(Role::Recorder).kind, ParticipantKind::Egress);
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(role));
    }
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
