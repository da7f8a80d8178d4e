//! What holds for every token: beside another implementation of the same standard, and under
//! whatever may arrive.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::time::UnixTime;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const SECRET: &str = "a secret of at least thirty-two characters";

fn key() -> ApiKey {
    ApiKey::new("APIkey", SECRET)
}

fn ring() -> KeyRing {
    KeyRing::from(key())
}

fn video() -> impl Strategy<Value = VideoGrant> {
    let rights = any::<[bool; 9]>();
    let optional = any::<[Option<bool>; 6]>();
    let sources = vec(prop_oneof!["microphone", "camera", "[a-z_]{0,9}"], 0..3);
    (rights, optional, sources, ".{0,12}", ".{0,12}").prop_map(
        |(rights, optional, can_publish_sources, room, destination_room)| VideoGrant {
            room_create: rights[0],
            room_list: rights[1],
            room_record: rights[2],
            room_admin: rights[3],
            room_join: rights[4],
            ingress_admin: rights[5],
            hidden: rights[6],
            recorder: rights[7],
            agent: rights[8],
            room,
            destination_room,
            can_publish: optional[0],
            can_subscribe: optional[1],
            can_publish_data: optional[2],
            can_update_own_metadata: optional[3],
            can_subscribe_metrics: optional[4],
            can_manage_agent_session: optional[5],
            can_publish_sources,
        },
    )
}

fn others() -> impl Strategy<Value = Claims> {
    let rights = any::<[bool; 8]>();
    let config = option::of((".{0,8}", any::<u32>()));
    (any::<[bool; 5]>(), rights, config, ".{0,8}", ".{0,44}").prop_map(
        |(present, rights, config, room_preset, sha256)| Claims {
            sip: present[0].then_some(SipGrant {
                admin: rights[0],
                call: rights[1],
            }),
            agent: present[1].then_some(AgentGrant {
                admin: rights[2],
                simulation_admin: rights[3],
                database_admin: rights[4],
                dispatch_admin: rights[7],
            }),
            inference: present[2].then_some(InferenceGrant { perform: rights[5] }),
            observability: present[3].then_some(ObservabilityGrant { write: rights[6] }),
            room_config: config.map(|(name, most)| json!({"name": name, "maxParticipants": most})),
            room_preset,
            sha256,
            ..Claims::default()
        },
    )
}

prop_compose! {
    fn claims()(
        identity in ".{0,40}",
        name in ".{0,40}",
        metadata in ".{0,80}",
        attributes in btree_map(".{1,9}", ".{0,9}", 0..4),
        kind in (0i32..9).prop_map(ParticipantKind::from_wire),
        kind_details in vec("[a-z]{1,9}", 0..2),
        video in option::of(video()),
        others in others(),
        ttl in 1u64..1_000_000,
    ) -> Claims {
        Claims { kind_details, ..Claims { video, ..others }
            .with_name(name)
            .with_metadata(metadata)
            .with_attributes(attributes)
            .with_kind(kind)
            .valid(NOW, ttl)
            .called(identity) }
    }
}

impl Claims {
    fn called(mut self, identity: String) -> Self {
        self.jti.clone_from(&identity);
        self.sub = identity;
        self
    }
}

fn issued(claims: &Claims) -> Claims {
    Claims {
        iss: "APIkey".into(),
        ..claims.clone()
    }
}

/// Validation by the other implementation, of the signature alone.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

proptest! {
    #[test]
    fn what_is_signed_verifies_to_the_same(claims in claims()) {
        let token = sign(&claims, &key()).unwrap();
        prop_assert_eq!(ring().verify(&token, NOW), Ok(issued(&claims)));
        prop_assert_eq!(unverified_issuer(&token), Ok("APIkey".to_owned()));
        let shown = Unverified::read(&token).unwrap();
        prop_assert_eq!(shown.claims, issued(&claims));
        prop_assert_eq!(shown.raw, serde_json::to_value(issued(&claims)).unwrap());
    }

    #[test]
    fn another_implementation_reads_ours_and_writes_what_we_read(claims in claims()) {
        let ours = sign(&claims, &key()).unwrap();
        let decoding = DecodingKey::from_secret(SECRET.as_bytes());
        let read = decode::<Value>(&ours, &decoding, &signature_only()).unwrap();
        prop_assert_eq!(read.header.alg, Algorithm::HS256);
        prop_assert_eq!(&read.claims, &serde_json::to_value(issued(&claims)).unwrap());

        let encoding = EncodingKey::from_secret(SECRET.as_bytes());
        let theirs = encode(&Header::new(Algorithm::HS256), &read.claims, &encoding).unwrap();
        prop_assert_eq!(ring().verify(&theirs, NOW), Ok(issued(&claims)));
    }

    #[test]
    fn no_text_panics(text in ".*") {
        let _ = (ring().verify(&text, NOW), Unverified::read(&text), unverified_issuer(&text));
    }

    #[test]
    fn no_text_in_the_shape_of_a_token_panics(parts in vec(vec(any::<u8>(), 0..64), 3)) {
        let parts: Vec<String> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
        let text = parts.join(".");
        prop_assert!(ring().verify(&text, NOW).is_err());
        let _ = Unverified::read(&text);
    }

    #[test]
    fn a_flipped_bit_never_verifies(claims in claims(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = sign(&claims, &key()).unwrap().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(ring().verify(&text, NOW).is_err());
        }
    }

    #[test]
    fn grants_survive_their_json(grant in video()) {
        let json = serde_json::to_value(&grant).unwrap();
        prop_assert_eq!(serde_json::from_value::<VideoGrant>(json).unwrap(), grant);
    }
}

/// A token as `livekit-server-sdk` for Node writes its header, with claims in LiveKit's words.
#[test]
fn a_header_of_another_spelling_is_read() {
    let payload = json!({
        "iss": "APIkey", "sub": "ann", "exp": 1_800_000_600.5, "nbf": 0, "unknown": [1],
        "video": {"roomJoin": true, "room": "lobby", "canPublishSources": ["microphone"]},
        "agent": {"simulationAdmin": true}, "inference": {"perform": true},
        "observability": {"write": true}, "attributes": {"a": "b"},
    });
    let mac = jws::Mac::new(SECRET.as_bytes()).unwrap();
    let sealed = mac.seal(payload.to_string().as_bytes());
    let claims = ring().verify(&sealed, NOW).unwrap();
    assert_eq!(claims.exp, 1_800_000_600);
    assert_eq!(
        claims.attributes,
        BTreeMap::from([("a".into(), "b".into())])
    );
    assert!(claims.agent.unwrap().simulation_admin && claims.inference.unwrap().perform);
    assert!(claims.observability.unwrap().write);

    let signed = |header: Header| {
        let encoding = EncodingKey::from_secret(SECRET.as_bytes());
        encode(&header, &payload, &encoding).unwrap()
    };
    let mut named = Header::new(Algorithm::HS256);
    named.kid = Some("APIkey".into());
    assert!(ring().verify(&signed(named), NOW).is_ok());
    let other = signed_with(Algorithm::HS384, &payload);
    assert_eq!(ring().verify(&other, NOW), Err(VerifyError::Algorithm));
}

fn signed_with(algorithm: Algorithm, payload: &Value) -> String {
    let encoding = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(algorithm), payload, &encoding).unwrap()
}

#[test]
fn an_extension_that_must_be_understood_is_not() {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#);
    let token = sign(&Claims::new("ann", NOW, 60), &key()).unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    let verified = ring().verify(&format!("{header}.{rest}"), NOW);
    assert_eq!(verified, Err(VerifyError::Malformed));
}
