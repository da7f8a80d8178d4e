//! What each fuzz target does with its bytes, and what must hold whatever they are. The fuzzer and
//! the replay of its corpora (`tests/tests/corpora.rs`) share these.

mod phone;
mod room;
mod rtc;
mod wire;

pub use phone::{phone_packets, sip_call};
pub use rtc::{data_packet, join_query, room_packets, signal_request, stun_demux, webrtc_offer};
pub use wire::{digest, rtcp, rtp};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{ApiKey, Claims, KeyRing, Unverified, sign, unverified_issuer};
use trunkline_client::webhook::{Happening, Post, Receiver, WebhookError, WebhookKind};
use trunkline_sip::message;
use trunkline_sip::sdp::{Codec, Direction, Local, LocalCrypto, Session, answer};

/// A target's work on one input.
pub type Body = fn(&[u8]);

/// Every target by name; its corpus has the same name.
pub const TARGETS: &[(&str, Body)] = &[
    ("token_verify", token_verify),
    ("token_claims", token_claims),
    ("webhook_receive", webhook_receive),
    ("sip_message", sip_message),
    ("sip_call", sip_call),
    ("phone_packets", phone_packets),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("digest", digest),
    ("sdp", sdp),
    ("stun_demux", stun_demux),
    ("webrtc_offer", webrtc_offer),
    ("signal_request", signal_request),
    ("data_packet", data_packet),
    ("room_packets", room_packets),
    ("join_query", join_query),
];

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn key() -> ApiKey {
    ApiKey::new("devkey", "secret")
}

/// Bytes as a token: refused or read, without a panic; a refusal does not quote it, and what is
/// accepted is what was signed.
pub fn token_verify(data: &[u8]) {
    let Ok(token) = std::str::from_utf8(data) else {
        return;
    };
    let issuer = unverified_issuer(token);
    if let Ok(unverified) = Unverified::read(token) {
        let _ = unverified.algorithm();
        assert_eq!(issuer.as_deref(), Ok(unverified.claims.iss.as_str()));
    }
    match KeyRing::from(key()).verify(token, NOW) {
        Ok(claims) => assert_eq!(claims.iss, "devkey"),
        Err(error) => {
            let told = format!("{error} {error:?}");
            // Short texts occur in any sentence.
            assert!(
                token.len() < 40 || !told.contains(token),
                "the token is in its error"
            );
        }
    }
}

/// Bytes as claims: signing and verifying give back what was signed, and the claims survive a
/// round trip through JSON.
pub fn token_claims(data: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Claims>(data) else {
        return;
    };
    // A token is a header line: what nobody could send is not checked. Nor are fractions, which
    // a reader of JSON may round in its last place.
    if data.len() > 4096 || claims.room_config.as_ref().is_some_and(has_fraction) {
        return;
    }
    let token = sign(&claims, &key()).expect("claims that were read can be written");
    let live = Claims {
        iss: "devkey".to_owned(),
        ..claims
    };
    match KeyRing::from(key()).verify(&token, NOW) {
        Ok(verified) => assert_eq!(verified, live),
        Err(_) => {
            let begins = live.nbf.unwrap_or(0);
            let lives = live.exp.saturating_add(60) >= NOW.secs() && begins <= NOW.secs() + 60;
            assert!(!lives || live.exp == 0, "a live token of ours is refused");
        }
    }
    let json = serde_json::to_vec(&live).expect("claims are JSON");
    let again: Claims = serde_json::from_slice(&json).expect("our JSON is claims");
    assert_eq!(again, live);
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(elements) => elements.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// Bytes as the body of a webhook: signed, they are an event or are not; unsigned or changed, they
/// are refused.
pub fn webhook_receive(data: &[u8]) {
    let receiver = Receiver::new(KeyRing::from(key()));
    let claims = Claims {
        sha256: STANDARD.encode(Sha256::digest(data)),
        ..Claims::new("", NOW, 300)
    };
    let token = sign(&claims, &key()).expect("plain claims can be signed");
    let post = |body, authorization| Post {
        content_type: "application/webhook+json",
        authorization,
        body,
    };
    if let Ok(event) = receiver.receive(post(data, &token), NOW) {
        assert_eq!(event.kind, WebhookKind::from_word(event.word()));
        assert_eq!(event.raw().as_bytes(), data);
        assert!(!event.id().is_empty() && event.json().is_object());
        if event.kind == WebhookKind::Other {
            assert!(matches!(event.happening(), Happening::Other));
        }
        let _ = event.happening();
    }
    let mut changed = data.to_vec();
    changed.push(b' ');
    let refused = receiver.receive(post(&changed, &token), NOW);
    assert!(matches!(
        refused,
        Err(WebhookError::Digest | WebhookError::TooLarge { .. })
    ));
    // The same bytes as the header instead.
    if let Ok(header) = std::str::from_utf8(data) {
        assert!(receiver.receive(post(b"{}", header), NOW).is_err());
    }
}

/// Bytes as a SIP message: what is read and printed reads the same again.
pub fn sip_message(data: &[u8]) {
    let shown = message::masked(data);
    let kept = trunkline_sip::capture::Captured {
        seq: 1,
        at_us: 1,
        sent: false,
        flow: trunkline_sip::endpoint::Flow {
            transport: trunkline_sip::endpoint::Transport::Tcp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([192, 0, 2, 2], 5060).into(),
        },
        bytes: shown.into(),
    };
    let _ = trunkline_sip::capture::Ladder::of(std::slice::from_ref(&kept));
    let _ = trunkline_sip::capture::pcap(&[kept]);
    let mut framer = message::Framer::new();
    framer.push(data);
    while let Ok(Some(_)) = framer.take() {}
    let _ = framer.expire();
    let Ok(read) = message::parse(data) else {
        return;
    };
    let headers = read.headers();
    let _ = (headers.via(), headers.from(), headers.to(), headers.cseq());
    let _ = (headers.call_id(), headers.contact(), headers.content_type());
    if let message::Message::Request(request) = &read {
        let _ = message::sdp_of(headers, &request.body);
    }
    let printed = read.to_bytes();
    // Printing spells out what was short, so a message at the limit may grow beyond it.
    if printed.len() <= message::MAX_MESSAGE {
        let again = message::parse(&printed).expect("what we print we can read");
        assert_eq!(again.to_bytes(), printed);
    }
}

/// Bytes as a session description: what is read and printed reads the same again, and an answer to
/// it is one that can be read.
pub fn sdp(data: &[u8]) {
    let Ok(session) = Session::parse(data) else {
        return;
    };
    let printed = session.to_string();
    let again = Session::parse(printed.as_bytes()).expect("what we print we can read");
    assert_eq!(again.to_string(), printed);
    let local = Local {
        address: ([192, 0, 2, 1], 10_000).into(),
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        session_id: 1,
        version: 1,
        direction: Direction::SendRecv,
        crypto: LocalCrypto::default(),
    };
    if let Ok((answer, _)) = answer(&session, &local) {
        Session::parse(answer.to_string().as_bytes()).expect("our answer can be read");
    }
}
