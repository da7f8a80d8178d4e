use super::*;
use crate::token::{ParticipantKind, VideoGrant};
use proptest::prelude::*;

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

proptest! {
    #[test]
    fn no_text_panics_the_verifier(text in ".*") {
        let _ = KeyRing::from(key()).verify(&text, NOW);
    }

    #[test]
    fn a_token_changed_in_one_byte_is_refused(at in 0usize..200, to in any::<u8>()) {
        let token = sign(&claims(), &key()).unwrap();
        let mut bytes = token.into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(KeyRing::from(key()).verify(&text, NOW).is_err());
        }
    }
}
