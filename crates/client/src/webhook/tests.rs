use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use trunkline_base::class::Classified as _;
use trunkline_base::token::{ApiKey, Claims, VerifyError, sign};

use super::*;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const TYPE: &str = "application/webhook+json";

/// As a LiveKit server writes it: camelCase, 64-bit numbers as text, defaults left out.
const JOINED: &str = r#"{"event":"participant_joined","room":{"sid":"RM_1","name":"lobby",
    "emptyTimeout":300,"creationTime":"1799999990","enabledCodecs":[{"mime":"audio/opus"}]},
    "participant":{"sid":"PA_1","identity":"alice","state":"ACTIVE","joinedAt":"1799999999",
    "attributes":{"sip.callID":"SCL_1"},"permission":{"canPublish":true},"kind":"SIP"},
    "id":"EV_1","createdAt":"1800000000"}"#;

fn key() -> ApiKey {
    ApiKey::new("devkey", "secret")
}

fn receiver() -> Receiver {
    Receiver::new(KeyRing::from(key()))
}

fn claims(body: &[u8]) -> Claims {
    Claims {
        sha256: STANDARD.encode(Sha256::digest(body)),
        ..Claims::new("", NOW, 300)
    }
}

fn signed(body: &[u8], key: &ApiKey) -> String {
    sign(&claims(body), key).unwrap()
}

fn post<'a>(body: &'a [u8], authorization: &'a str) -> Post<'a> {
    Post {
        content_type: TYPE,
        authorization,
        body,
    }
}

/// What comes of a body with a good signature.
fn read(body: &[u8]) -> Result<WebhookEvent, WebhookError> {
    receiver().receive(post(body, &signed(body, &key())), NOW)
}

fn created(seconds: u64) -> String {
    format!(r#"{{"event":"room_started","id":"EV_1","createdAt":"{seconds}"}}"#)
}

#[test]
fn a_signed_event_is_typed() {
    let event = read(JOINED.as_bytes()).unwrap();
    assert_eq!(event.kind, WebhookKind::ParticipantJoined);
    assert_eq!((event.id(), event.room()), ("EV_1", Some("lobby")));
    let Happening::ParticipantJoined(joined) = event.happening() else {
        panic!("not a participant");
    };
    assert_eq!(joined.identity.as_str(), "alice");
    assert_eq!(joined.kind, trunkline_base::token::ParticipantKind::Sip);
    assert_eq!(joined.room.sid.unwrap().as_str(), "RM_1");
    assert_eq!(joined.participant.attributes["sip.callID"], "SCL_1");
}

#[test]
fn the_scheme_before_the_token_is_optional() {
    let token = signed(JOINED.as_bytes(), &key());
    for authorization in [
        token.clone(),
        format!("Bearer {token}"),
        format!("bearer  {token} "),
    ] {
        let got = receiver().receive(post(JOINED.as_bytes(), &authorization), NOW);
        assert!(got.is_ok(), "{got:?}");
    }
}

#[test]
fn each_flaw_has_its_own_answer_and_status() {
    let body = JOINED.as_bytes();
    let token = signed(body, &key());
    let forged = signed(body, &ApiKey::new("devkey", "guess"));
    let foreign = signed(body, &ApiKey::new("other", "secret"));
    let unhashed = sign(&Claims::new("alice", NOW, 300), &key()).unwrap();
    let mut garbled = claims(body);
    garbled.sha256 = "not base64!".into();
    let garbled = sign(&garbled, &key()).unwrap();
    let mut short = claims(body);
    short.sha256 = STANDARD.encode(&Sha256::digest(body)[..31]);
    let short = sign(&short, &key()).unwrap();
    let token_error = |error| WebhookError::Token(error);
    let cases = [
        ("", WebhookError::Unsigned, 401),
        ("Bearer ", WebhookError::Unsigned, 401),
        ("a.b.c", token_error(VerifyError::Malformed), 401),
        (&forged, token_error(VerifyError::Signature), 401),
        (&foreign, token_error(VerifyError::UnknownKey), 401),
        (&unhashed, WebhookError::NoDigest, 401),
        (&garbled, WebhookError::Digest, 401),
        (&short, WebhookError::Digest, 401),
    ];
    for (authorization, error, status) in cases {
        let got = receiver().receive(post(body, authorization), NOW);
        assert_eq!(got, Err(error.clone()));
        assert_eq!(error.http_status(), status, "{error}");
        assert!(authorization.is_empty() || !error.to_string().contains(authorization));
    }
    let typed = |content_type| {
        let authorization = &token;
        receiver().receive(
            Post {
                content_type,
                authorization,
                body,
            },
            NOW,
        )
    };
    assert_eq!(typed("text/plain"), Err(WebhookError::ContentType));
    assert_eq!(typed(""), Err(WebhookError::ContentType));
    assert!(typed("Application/Webhook+JSON; charset=utf-8").is_ok());
    assert_eq!(WebhookError::ContentType.http_status(), 415);
}

#[test]
fn another_algorithm_is_refused_whatever_it_signs() {
    let header = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let token = signed(JOINED.as_bytes(), &key());
    let (_, rest) = token.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    for forged in [
        format!("{header}.{payload}."),
        format!("{header}.{payload}.{signature}"),
    ] {
        let got = receiver().receive(post(JOINED.as_bytes(), &forged), NOW);
        assert!(matches!(got, Err(WebhookError::Token(_))), "{got:?}");
    }
}

#[test]
fn a_changed_byte_anywhere_breaks_the_signature() {
    let token = signed(JOINED.as_bytes(), &key());
    for at in 0..JOINED.len() {
        let mut body = JOINED.as_bytes().to_vec();
        body[at] ^= 1;
        let got = receiver().receive(post(&body, &token), NOW);
        assert_eq!(got, Err(WebhookError::Digest));
    }
}

#[test]
fn an_old_key_still_counts_while_keys_rotate() {
    let ring = KeyRing::new(ApiKey::new("new", "n"), [key()]);
    let token = signed(JOINED.as_bytes(), &key());
    let got = Receiver::new(ring).receive(post(JOINED.as_bytes(), &token), NOW);
    assert!(got.is_ok());
}

#[test]
fn only_the_window_of_time_is_taken() {
    let at = |seconds| read(created(seconds).as_bytes());
    let now = NOW.secs();
    assert!(at(now - 600).is_ok() && at(now + 60).is_ok());
    let (old, early) = (at(now - 601).unwrap_err(), at(now + 61).unwrap_err());
    assert_eq!(
        old,
        WebhookError::TooOld {
            age: Duration::from_secs(601)
        }
    );
    assert_eq!(
        early,
        WebhookError::TooEarly {
            lead: Duration::from_secs(61)
        }
    );
    assert!(old.to_string().contains("601 s") && early.to_string().contains("clock"));
    assert_eq!((old.http_status(), early.reason()), (401, "too_early"));

    let window = Window {
        past: Duration::from_secs(5),
        ..Window::default()
    };
    let body = created(now - 6);
    let strict = receiver().with_window(window);
    let got = strict.receive(post(body.as_bytes(), &signed(body.as_bytes(), &key())), NOW);
    assert!(matches!(got, Err(WebhookError::TooOld { .. })));
    // Without a time the token's own life is the bound.
    assert!(read(br#"{"event":"room_started","id":"EV_1"}"#).is_ok());
}

#[test]
fn what_is_too_large_is_refused() {
    let body = format!(
        r#"{{"event":"room_started","x":"{}"}}"#,
        "x".repeat(BODY_LIMIT)
    );
    let error = read(body.as_bytes()).unwrap_err();
    assert_eq!(error, WebhookError::TooLarge { limit: BODY_LIMIT });
    assert_eq!(error.http_status(), 413);
    let small = receiver().with_limit(10);
    let token = signed(JOINED.as_bytes(), &key());
    let got = small.receive(post(JOINED.as_bytes(), &token), NOW);
    assert_eq!(got, Err(WebhookError::TooLarge { limit: 10 }));
}

#[test]
fn signed_nonsense_is_no_event() {
    let nonsense: [&[u8]; 8] = [
        b"",
        b"[]",
        b"{}",
        b"null",
        br#"{"event":7}"#,
        br#"{"event":""}"#,
        br#"{"event":"room_started""#,
        b"{\"event\":\"room_started\",\"x\":\"\xff\"}",
    ];
    for body in nonsense {
        assert_eq!(read(body), Err(WebhookError::Body), "{body:?}");
    }
    assert_eq!(WebhookError::Body.http_status(), 400);
}

#[test]
fn every_word_has_its_kind_and_its_type() {
    let body = |word: &str| {
        format!(
            r#"{{"event":"{word}","id":"EV_1","createdAt":"1800000000",
            "room":{{"sid":"RM_1","name":"lobby"}},
            "participant":{{"sid":"PA_1","identity":"alice"}},"track":{{"sid":"TR_1"}},
            "egressInfo":{{"egressId":"EG_1","roomName":"lobby"}},
            "ingressInfo":{{"ingressId":"IN_1","roomName":"lobby"}},
            "job":{{"id":"AJ_1","dispatchId":"AD_1","room":{{"name":"lobby"}}}}}}"#
        )
    };
    let mut forms = BTreeSet::new();
    for kind in WebhookKind::ALL {
        let event = read(body(kind.as_str()).as_bytes()).unwrap();
        assert_eq!(event.kind, *kind);
        forms.insert(form(&event.happening()));
    }
    assert_eq!(forms.len(), WebhookKind::ALL.len());
    assert!(!forms.contains("other"));
}

fn form(happening: &Happening<'_>) -> &'static str {
    match happening {
        Happening::RoomStarted(_) => "room_started",
        Happening::RoomFinished(_) => "room_finished",
        Happening::ParticipantJoined(_) => "participant_joined",
        Happening::ParticipantLeft(_) => "participant_left",
        Happening::ParticipantConnectionAborted(_) => "aborted",
        Happening::TrackPublished(_) => "track_published",
        Happening::TrackUnpublished(_) => "track_unpublished",
        Happening::EgressStarted(_) => "egress_started",
        Happening::EgressUpdated(_) => "egress_updated",
        Happening::EgressEnded(_) => "egress_ended",
        Happening::IngressStarted(_) => "ingress_started",
        Happening::IngressEnded(_) => "ingress_ended",
        Happening::AgentJobStarted(_) => "agent_job_started",
        Happening::AgentJobEnded(_) => "agent_job_ended",
        Happening::Other => "other",
    }
}

#[test]
fn what_is_newer_than_this_library_is_kept() {
    let body =
        r#"{"event":"call_transferred","id":"EV_9","call":{"to":"x"},"createdAt":"1800000000"}"#;
    let event = read(body.as_bytes()).unwrap();
    assert_eq!(
        (event.kind, event.word()),
        (WebhookKind::Other, "call_transferred")
    );
    assert_eq!(event.json()["call"]["to"], "x");
    assert_eq!(event.raw(), body);
    assert!(event.happening() == Happening::Other);
}

#[test]
fn a_word_of_a_newer_server_costs_only_its_own_field() {
    let body = JOINED
        .replace(
            r#""kind":"SIP""#,
            r#""kind":"HOLOGRAM","kindDetails":["NEW","CLOUD_AGENT"]"#,
        )
        .replace(r#""state":"ACTIVE""#, r#""state":{"is":"a shape now"}"#);
    let event = read(body.as_bytes()).unwrap();
    let Happening::ParticipantJoined(joined) = event.happening() else {
        panic!("not a participant");
    };
    assert_eq!(joined.identity.as_str(), "alice");
    assert_eq!(joined.participant.attributes["sip.callID"], "SCL_1");
    assert_eq!(joined.participant.kind_details.len(), 1);
    assert_eq!(event.json()["participant"]["kind"], "HOLOGRAM");
}

#[test]
fn an_event_that_lacks_what_its_word_promises_is_other_and_kept() {
    let event = read(br#"{"event":"participant_left","id":"EV_1"}"#).unwrap();
    assert_eq!(event.kind, WebhookKind::ParticipantLeft);
    assert!(event.happening() == Happening::Other);
    let nameless = read(br#"{"event":"room_started"}"#).unwrap();
    assert!(nameless.id().starts_with("EV_sha256_"), "{}", nameless.id());
}

#[test]
fn an_event_prints_neither_its_room_nor_its_people() {
    let shown = format!("{:?}", read(JOINED.as_bytes()).unwrap());
    assert_eq!(shown, "WebhookEvent(participant_joined, EV_1)");
}

#[test]
fn mutated_bodies_never_panic_and_what_is_read_holds_together() {
    let mut rng = SmallRng::seed_from_u64(7);
    for _ in 0..5_000 {
        let mut body = JOINED.as_bytes().to_vec();
        for _ in 0..rng.random_range(1..8) {
            let at = rng.random_range(0..body.len());
            body[at] = *b"{}[]\":,0tn\\xA\xff"
                .get(rng.random_range(0..15))
                .unwrap_or(&b' ');
        }
        if let Ok(event) = WebhookEvent::parse(&body) {
            assert!(event.json().is_object() && !event.word().is_empty());
        }
    }
}

#[tokio::test]
async fn a_repeat_is_told_from_a_first() {
    let (receiver, seen) = (receiver(), RecentIds::default());
    let token = signed(JOINED.as_bytes(), &key());
    let take = async || {
        receiver
            .take(post(JOINED.as_bytes(), &token), NOW, &seen)
            .await
    };
    assert_eq!(take().await.unwrap().1, Delivery::First);
    assert_eq!(take().await.unwrap().1, Delivery::Repeat);
    seen.forget("EV_1");
    assert_eq!(take().await.unwrap().1, Delivery::First);
}

#[tokio::test]
async fn a_journal_that_fails_asks_for_another_try() {
    struct Broken;
    impl Journal for Broken {
        type Error = &'static str;
        async fn keep(&self, _: &WebhookEvent, _: UnixTime) -> Result<Delivery, &'static str> {
            Err("disk full")
        }
    }
    let token = signed(JOINED.as_bytes(), &key());
    let receiver = receiver();
    let taken = receiver.take(post(JOINED.as_bytes(), &token), NOW, &Broken);
    let error = taken.await.unwrap_err();
    assert!(matches!(error, TakeError::Journal("disk full")));
    assert_eq!(error.http_status(), 503);
}

#[test]
fn memory_of_ids_is_bounded_in_number_and_in_time() {
    let seen = RecentIds::new(Duration::from_secs(60), 3);
    let at = |seconds| NOW.plus(Duration::from_secs(seconds));
    for id in ["a", "b", "c"] {
        assert_eq!(seen.remember(id, at(0)), Delivery::First);
    }
    assert_eq!(seen.remember("a", at(1)), Delivery::Repeat);
    assert_eq!(seen.remember("d", at(2)), Delivery::First);
    assert_eq!(
        seen.remember("a", at(3)),
        Delivery::First,
        "the oldest made room"
    );
    assert_eq!(seen.remember("d", at(4)), Delivery::Repeat);
    assert_eq!(
        seen.remember("d", at(70)),
        Delivery::First,
        "its minute has passed"
    );
}

#[test]
fn every_refusal_has_a_word_of_its_own() {
    let errors = [
        WebhookError::ContentType,
        WebhookError::Unsigned,
        WebhookError::Token(VerifyError::Expired),
        WebhookError::NoDigest,
        WebhookError::Digest,
        WebhookError::TooLarge { limit: 1 },
        WebhookError::Body,
        WebhookError::TooOld {
            age: Duration::ZERO,
        },
        WebhookError::TooEarly {
            lead: Duration::ZERO,
        },
    ];
    let words: BTreeSet<_> = errors.iter().map(WebhookError::reason).collect();
    assert_eq!(words.len(), errors.len());
    assert!(words.contains("expired"));
    assert!(
        errors
            .iter()
            .all(|error| error.code().starts_with("client.webhook."))
    );
}
