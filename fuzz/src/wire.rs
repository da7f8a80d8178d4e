//! Packets of sound and reports as they come off the wire, in the clear and under keys, and what is
//! written into headers of authentication.

use std::net::IpAddr;

use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;
use trunkline_sip::digest::{Challenge, Credentials, Login, Verdict, Verifier, answer};
use trunkline_sip::message::{Headers, Method, Request, RequestUri};
use trunkline_sip::routing::DigestLogin;
use trunkline_sip::rtp::{Rtcp, is_rtcp, parse, parse_rtcp, report, sender_of};
use trunkline_sip::srtp::{MasterKey, Receiver, Sender, Suite};
use trunkline_sip::uri::Uri;

/// Bytes as a packet of sound: what is read and written reads the same again; what we seal opens to
/// what it was, once; and nobody seals without the key.
pub fn rtp(data: &[u8]) {
    if let Some((header, payload)) = parse(data) {
        assert!(!is_rtcp(data));
        let written = header.write(payload);
        assert_eq!(parse(&written), Some((header, payload)));
    }
    for suite in SUITES {
        let (mut sender, mut receiver) = ends(suite);
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        assert!(receiver.rtp(data, &mut opened).is_err(), "forged");
        if sender.rtp(data, &mut sealed).is_err() || parse(data).is_none() {
            continue;
        }
        if receiver.rtp(&sealed, &mut opened).is_ok() {
            assert_eq!(opened, data);
            assert!(receiver.rtp(&sealed, &mut opened).is_err(), "replayed");
        }
    }
}

/// Bytes as reports: what is read of a stream can be said again, and sealed ones open to what they
/// were.
pub fn rtcp(data: &[u8]) {
    let _ = sender_of(data);
    for found in parse_rtcp(data) {
        if let Rtcp::Block(block) = found {
            let said = report(1, "fuzz", None, Some(&block));
            assert!(parse_rtcp(&said).contains(&found));
        }
    }
    for suite in SUITES {
        let (mut sender, mut receiver) = ends(suite);
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        assert!(receiver.rtcp(data, &mut opened).is_err(), "forged");
        if sender.rtcp(data, &mut sealed).is_ok() && receiver.rtcp(&sealed, &mut opened).is_ok() {
            assert_eq!(opened, data);
            assert!(receiver.rtcp(&sealed, &mut opened).is_err(), "replayed");
        }
    }
}

fn ends(suite: Suite) -> (Sender, Receiver) {
    let key = MasterKey::new(suite, vec![7; suite.key_length() + suite.salt_length()]);
    let key = key.expect("as long as it has to be");
    let sender = Sender::new(&key).expect("a suite of ours");
    let receiver = Receiver::new(std::slice::from_ref(&key)).expect("a suite of ours");
    (sender, receiver)
}

/// Bytes as a challenge and as credentials: what is read and written reads the same again, our answer
/// to a challenge can be read by its server, and nobody proves a password without knowing it.
pub fn digest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(challenge) = Challenge::parse(text) {
        let again = Challenge::parse(&challenge.to_string());
        assert_eq!(again.as_ref(), Some(&challenge));
        let brief = Challenge::parse(&challenge.to_brief()).expect("what we write we can read");
        assert_eq!(
            (&brief.realm, &brief.nonce),
            (&challenge.realm, &challenge.nonce)
        );
        let login = Login {
            username: "alice \"a\\b\"".to_owned(),
            password: Secret::from("wonderland"),
        };
        let ours = answer(&challenge, &login, "INVITE", "sip:100@192.0.2.1", (1, "c"));
        assert_eq!(Credentials::parse(&ours.to_string()), Some(ours));
    }
    let mut headers = Headers::new();
    headers.push("Authorization", text);
    headers.push("Proxy-Authorization", text);
    let request = Request {
        method: Method::Invite,
        uri: RequestUri::Known(Uri::parse("sip:100@192.0.2.1").expect("a URI")),
        headers,
        body: bytes::Bytes::new(),
    };
    let login = DigestLogin {
        username: "alice".to_owned(),
        password: Secret::from("wonderland"),
        realm: "LiveKit".to_owned(),
    };
    let source = IpAddr::from([192, 0, 2, 9]);
    let mut verifier = Verifier::new(Secret::from("fuzz"));
    let now = UnixTime::from_secs(1_800_000_000);
    let verdict = verifier.verify(&request, &login, source, now);
    assert_ne!(verdict, Verdict::Proven);
    for challenge in verifier.challenges(&login.realm, source, now, verdict) {
        assert_eq!(Challenge::parse(&challenge.to_string()), Some(challenge));
    }
}

const SUITES: [Suite; 2] = [Suite::Aes128CmSha1_80, Suite::AeadAes128Gcm];
