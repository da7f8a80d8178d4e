use super::*;
use crate::message::{Headers, Method, Request, RequestUri, name};
use crate::routing::DigestLogin;
use crate::uri::Uri;
use trunkline_base::secret::Secret;
use trunkline_base::time::UnixTime;

fn login() -> DigestLogin {
    DigestLogin {
        username: "alice".to_owned(),
        password: Secret::from("wonder\"land"),
        realm: "LiveKit".to_owned(),
    }
}

fn user(password: &str) -> Login {
    Login {
        username: "alice".to_owned(),
        password: Secret::from(password),
    }
}

fn ip(text: &str) -> std::net::IpAddr {
    text.parse().unwrap()
}

/// A request for `sip:100@h`, with credentials.
fn request(method: &str, credentials: Option<&Credentials>) -> Request {
    let mut headers = Headers::new();
    if let Some(credentials) = credentials {
        headers.push(name::PROXY_AUTHORIZATION, credentials.to_string());
    }
    Request {
        method: Method::parse(method),
        uri: RequestUri::Known(Uri::parse("sip:100@h").unwrap()),
        headers,
        body: bytes::Bytes::new(),
    }
}

const NOW: UnixTime = UnixTime(1_700_000_000_000);

fn later(millis: u64) -> UnixTime {
    UnixTime(NOW.millis() + millis)
}

#[test]
fn the_rfc_7616_example_holds() {
    let mut question = Question {
        algorithm: Algorithm::Md5,
        username: "Mufasa",
        password: "Circle of Life",
        realm: "http-auth@example.org",
        nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        method: "GET",
        uri: "/dir/index.html",
        counted: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
    };
    assert_eq!(question.response(), "8ca523f5e9506fed4657c9700eebdbec");
    question.algorithm = Algorithm::Sha256;
    assert_eq!(
        question.response(),
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    );
}

#[test]
fn the_right_password_passes_once_per_count() {
    let mut verifier = Verifier::new(Secret::from("s"));
    let source = ip("192.0.2.1");
    for challenge in verifier.challenges("LiveKit", source, NOW, Verdict::Missing) {
        let challenge = Challenge::parse(&challenge.to_string()).unwrap();
        let mut check = |count: u32| {
            let reply = answer(
                &challenge,
                &user("wonder\"land"),
                "INVITE",
                "sip:100@h",
                (count, "cn"),
            );
            let reply = Credentials::parse(&reply.to_string()).unwrap();
            verifier.verify(
                &request("INVITE", Some(&reply)),
                &login(),
                source,
                later(10),
            )
        };
        // Both hashes share one nonce, so the second starts counting where the first stopped.
        let base = if challenge.algorithm == Algorithm::Md5 {
            1
        } else {
            3
        };
        assert_eq!(check(base), Verdict::Proven);
        assert_eq!(check(base), Verdict::Replayed);
        assert_eq!(check(base + 1), Verdict::Proven);
    }
}

#[test]
fn wrong_passwords_methods_and_sources_fail() {
    let mut verifier = Verifier::new(Secret::from("s"));
    let [challenge, _] = verifier.challenges("LiveKit", ip("192.0.2.1"), NOW, Verdict::Missing);
    let mut check = |password: &str, method: &str, source: &str, at: UnixTime| {
        let reply = answer(
            &challenge,
            &user(password),
            "INVITE",
            "sip:100@h",
            (1, "cn"),
        );
        verifier.verify(&request(method, Some(&reply)), &login(), ip(source), at)
    };
    assert_eq!(check("nope", "INVITE", "192.0.2.1", NOW), Verdict::Wrong);
    assert_eq!(
        check("wonder\"land", "BYE", "192.0.2.1", NOW),
        Verdict::Wrong
    );
    assert_eq!(
        check("wonder\"land", "INVITE", "192.0.2.2", NOW),
        Verdict::Stale
    );
    assert_eq!(
        check("wonder\"land", "INVITE", "192.0.2.1", later(121_000)),
        Verdict::Stale
    );
    assert_eq!(
        check("wonder\"land", "INVITE", "192.0.2.1", later(1)),
        Verdict::Proven
    );
}

#[test]
fn credentials_without_counting_are_good_once() {
    let mut verifier = Verifier::new(Secret::from("s"));
    let source = ip("192.0.2.1");
    let [mut challenge, _] = verifier.challenges("LiveKit", source, NOW, Verdict::Missing);
    challenge.counted = false;
    let reply = answer(
        &challenge,
        &user("wonder\"land"),
        "INVITE",
        "sip:100@h",
        (1, "cn"),
    );
    assert!(!reply.to_string().contains("qop"));
    let mut check = || verifier.verify(&request("INVITE", Some(&reply)), &login(), source, NOW);
    assert_eq!(check(), Verdict::Proven);
    assert_eq!(check(), Verdict::Replayed);
}

#[test]
fn nothing_sent_is_missing() {
    let mut verifier = Verifier::new(Secret::from("s"));
    let verdict = verifier.verify(&request("INVITE", None), &login(), ip("192.0.2.1"), NOW);
    assert_eq!(verdict, Verdict::Missing);
}

#[test]
fn odd_headers_are_not_read_as_digest() {
    assert_eq!(Credentials::parse("Basic abc"), None);
    assert_eq!(Credentials::parse("Digest"), None);
    assert_eq!(Challenge::parse("Digest realm=\"a\""), None);
    let unknown = "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-512-256";
    assert_eq!(Challenge::parse(unknown), None);
}

/// Credentials caught on a call to one number were good for a call to any other.
#[test]
fn credentials_for_another_uri_prove_nothing() {
    let mut verifier = Verifier::new(Secret::from("s"));
    let source = ip("192.0.2.1");
    let [challenge, _] = verifier.challenges("LiveKit", source, NOW, Verdict::Missing);
    let mut check = |uri: &str, count: u32| {
        let user = user("wonder\"land");
        let reply = answer(&challenge, &user, "INVITE", uri, (count, "cn"));
        verifier.verify(&request("INVITE", Some(&reply)), &login(), source, NOW)
    };
    for other in [
        "sip:900@h",
        "sip:100@elsewhere",
        "sips:100@h",
        "sip:h",
        "tel:100",
        "",
        "*",
    ] {
        assert_eq!(check(other, 1), Verdict::OtherUri, "{other}");
    }
    for (count, same) in (1..).zip([
        "sip:100@h",
        "SIP:100@H",
        "sip:%31%30%30@h:5060",
        "sip:100@h;x=y",
    ]) {
        assert_eq!(check(same, count), Verdict::Proven, "{same}");
    }
}
