//! What a kept token says later, and by which key.

use trunkline_base::class::Classified as _;
use trunkline_base::token::sign;

use super::*;

fn named(id: &str) -> KeyRing {
    KeyRing::from(ApiKey::new(id, format!("secret of {id}")))
}

fn kept(keys: &KeyRing) -> (FreshToken, WallClock) {
    let (clock, _) = stepped_clock();
    let manager = LiveKitAuthManager::with_clock(keys.clone(), Arc::clone(&clock));
    (manager.keep(spec(Role::Participant)).unwrap(), clock)
}

/// A token like this one, as a server sends it to say something new.
fn told(claims: &Claims, keys: &KeyRing) -> Secret<String> {
    Secret::new(sign(claims, &keys.active()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn tokens_for_the_moment_say_all_there_is_and_are_dated_back() {
    let keys = named("one");
    let (fresh, clock) = kept(&keys);
    let now = clock();
    let manager = LiveKitAuthManager::with_clock(keys.clone(), Arc::new(move || now));
    let scope = Scope::between("lobby", "hall");
    let mut tokens = vec![(fresh.current(), LIFE)];
    for grant in ApiGrant::ALL {
        tokens.push((manager.mint_api(grant, scope).unwrap(), grant.life()));
    }
    for (token, life) in tokens {
        let claims = read(&token, &keys, now);
        let past = now.secs() - DATED_BACK.as_secs();
        assert_eq!((claims.iss.as_str(), claims.iat), ("one", Some(past)));
        assert_eq!(claims.nbf, Some(past));
        assert_eq!(claims.exp, now.secs() + life.as_secs());
        assert!(!claims.sub.is_empty() && claims.video.is_some());
        // A verifier that forgives nothing, on a clock a minute behind.
        let strict = now.secs() - 60;
        assert!(claims.iat <= Some(strict) && claims.nbf <= Some(strict));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_token_after_a_rotation_gets_one_of_the_new_key() {
    let keys = named("one");
    let (fresh, clock) = kept(&keys);
    keys.replace(&named("two"));
    assert_eq!(read(&fresh.current(), &keys, clock()).iss, "two");
    assert_eq!(fresh.renewals().borrow().why, Why::KeysChanged);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says_of_the_bearer_is_said_from_then_on() {
    let keys = named("one");
    let (fresh, clock) = kept(&keys);
    let mut claims = read(&fresh.current(), &keys, clock());
    claims.name = "Alice of the desk".to_owned();
    claims.video.as_mut().unwrap().can_publish = Some(false);
    fresh.follow(&told(&claims, &keys));
    keys.replace(&named("two"));
    let after = read(&fresh.current(), &keys, clock());
    assert_eq!(after.name, "Alice of the desk");
    assert!(!after.video.unwrap().may_publish());
}

#[tokio::test(start_paused = true)]
async fn a_word_of_somebody_else_or_for_somebody_else_changes_nothing() {
    let keys = named("one");
    let (fresh, clock) = kept(&keys);
    let before = fresh.current();
    let good = read(&before, &keys, clock());
    let wide = Claims {
        name: "Mallory".to_owned(),
        ..good
    };
    let stranger = Claims {
        sub: "mallory".to_owned(),
        ..wide.clone()
    };
    let mut elsewhere = wide.clone();
    elsewhere.video.as_mut().unwrap().room = "vault".to_owned();
    fresh.follow(&told(&wide, &named("unknown")));
    fresh.follow(&told(&stranger, &keys));
    fresh.follow(&told(&elsewhere, &keys));
    fresh.follow(&Secret::from("not a token"));
    assert_eq!(fresh.current(), before);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_cured_by_another_key_or_by_the_servers_time_and_by_nothing_else() {
    let keys = named("one");
    let (fresh, clock) = kept(&keys);
    let used = fresh.current();
    assert!(!fresh.is_cured(&used, None));
    assert!(!fresh.is_cured(&used, Some(clock().plus(Duration::from_secs(30)))));
    let ahead = clock().plus(Duration::from_secs(3600));
    assert!(fresh.is_cured(&used, Some(ahead)));
    let used = fresh.current();
    assert!(read(&used, &keys, ahead).exp >= ahead.secs() + 590);
    assert!(!fresh.is_cured(&used, Some(ahead)), "told once");
    keys.replace(&named("two"));
    assert!(fresh.is_cured(&used, Some(ahead)));
}

#[tokio::test(start_paused = true)]
async fn a_token_of_ours_is_kept_as_it_is_and_a_foreign_one_is_not() {
    let keys = named("one");
    let manager = LiveKitAuthManager::new(keys.clone());
    let now = system_clock()();
    let job = Claims::new("agent-AJ_1", now, 60)
        .with_video(VideoGrant::join("lobby"))
        .with_kind(ParticipantKind::Agent)
        .with_attributes([("desk".to_owned(), "one".to_owned())].into());
    let fresh = manager.keep_like(&told(&job, &keys)).unwrap();
    let again = read(&fresh.current(), &keys, now);
    assert_eq!((again.identity(), again.kind), ("agent-AJ_1", job.kind));
    assert_eq!(
        (&again.video, &again.attributes),
        (&job.video, &job.attributes)
    );
    assert!(again.exp >= now.secs() + 590);
    let foreign = manager.keep_like(&told(&job, &named("unknown")));
    assert_eq!(foreign.unwrap_err().code(), "client.auth.foreign");
}
