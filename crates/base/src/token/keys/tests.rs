use super::*;
use crate::time::UnixTime;
use crate::token::{ParticipantKind, VideoGrant};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn key() -> ApiKey {
    ApiKey::new("APIkey", "a secret of at least thirty-two characters")
}

fn claims() -> Claims {
    Claims::new("alice", NOW, 600)
        .with_name("Alice")
        .with_kind(ParticipantKind::Sip)
        .with_video(VideoGrant {
            can_publish: Some(false),
            ..VideoGrant::join("lobby")
        })
}

#[test]
fn a_signed_token_verifies_to_the_same_claims() {
    let token = sign(&claims(), &key()).unwrap();
    let back = KeyRing::from(key()).verify(&token, NOW).unwrap();
    assert_eq!(
        back,
        Claims {
            iss: "APIkey".into(),
            ..claims()
        }
    );
}

#[test]
fn claims_are_written_in_livekit_words() {
    let json = serde_json::to_value(claims()).unwrap();
    assert_eq!(json["kind"], "sip");
    assert_eq!(json["video"]["roomJoin"], true);
    assert_eq!(json["video"]["canPublish"], false);
    assert!(json["video"].get("roomAdmin").is_none());
}

#[test]
fn each_flaw_has_its_own_answer() {
    let ring = KeyRing::from(key());
    let good = sign(&claims(), &key()).unwrap();
    let forged = sign(&claims(), &ApiKey::new("APIkey", "another secret")).unwrap();
    let foreign = sign(&claims(), &ApiKey::new("other", "x")).unwrap();
    let early = Claims {
        nbf: Some(NOW.secs() + 3600),
        ..claims()
    };
    let early = sign(&early, &key()).unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpc3MiOiJBUElrZXkifQ.";

    assert_eq!(ring.verify("nonsense", NOW), Err(VerifyError::Malformed));
    assert_eq!(ring.verify(&forged, NOW), Err(VerifyError::Signature));
    assert_eq!(ring.verify(&foreign, NOW), Err(VerifyError::UnknownKey));
    assert_eq!(ring.verify(&early, NOW), Err(VerifyError::NotYetValid));
    assert_eq!(
        ring.verify(&good, UnixTime::from_secs(NOW.secs() + 661)),
        Err(VerifyError::Expired)
    );
    assert!(
        ring.verify(&good, UnixTime::from_secs(NOW.secs() + 659))
            .is_ok()
    );
    assert!(ring.verify(none, NOW).is_err());
}

#[test]
fn an_old_key_still_verifies_after_a_new_one_signs() {
    let old = sign(&claims(), &key()).unwrap();
    let ring = KeyRing::new(ApiKey::new("new", "n"), [key()]);
    assert_eq!(ring.active().id(), "new");
    assert!(ring.verify(&old, NOW).is_ok());
}

#[test]
fn publishing_data_follows_publishing_unless_said_otherwise() {
    let grant = VideoGrant {
        can_publish: Some(false),
        ..VideoGrant::default()
    };
    assert!(!grant.may_publish_data());
    let grant = VideoGrant {
        can_publish_data: Some(true),
        ..grant
    };
    assert!(grant.may_publish_data() && !grant.may_publish());
}

#[test]
fn a_key_never_prints_its_secret() {
    assert!(!format!("{:?}", key()).contains("thirty-two"));
}

#[test]
fn an_empty_secret_neither_signs_nor_verifies() {
    let hollow = ApiKey::new("APIkey", "");
    assert!(matches!(sign(&claims(), &hollow), Err(SignError::NoSecret)));
    let token = sign(&claims(), &key()).unwrap();
    let verified = KeyRing::from(hollow).verify(&token, NOW);
    assert_eq!(verified, Err(VerifyError::NoSecret));
}

#[test]
fn a_token_without_expiry_is_refused_by_name() {
    let eternal = Claims { exp: 0, ..claims() };
    let token = sign(&eternal, &key()).unwrap();
    let verified = KeyRing::from(key()).verify(&token, NOW);
    assert_eq!(verified, Err(VerifyError::NoExpiry));
}

#[test]
fn a_token_over_the_limit_is_not_read() {
    let long = claims().with_metadata("m".repeat(8 * 1024));
    let token = sign(&long, &key()).unwrap();
    let ring = KeyRing::from(key());
    let limit = TOKEN_LIMIT;
    assert_eq!(
        ring.verify(&token, NOW),
        Err(VerifyError::TooLong { limit })
    );
    assert!(ring.verify_within(&token, NOW, 1 << 20).is_ok());
}

#[test]
fn a_replaced_ring_is_replaced_for_every_clone() {
    let ring = KeyRing::from(key());
    let held = ring.clone();
    let old = sign(&claims(), &held.active()).unwrap();
    ring.replace(&KeyRing::new(ApiKey::new("new", "n"), [key()]));
    assert_eq!((held.active().id(), held.version()), ("new", 1));
    assert!(held.verify(&old, NOW).is_ok(), "the old key still verifies");
    ring.replace(&KeyRing::from(ApiKey::new("new", "n")));
    assert_eq!(held.verify(&old, NOW), Err(VerifyError::UnknownKey));
    assert!(!format!("{held:?}").contains("thirty-two"));
}
