use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::srtp::{Lifetime, MasterKey, Mki, Suite};

const PHONE: &str =
    "v=0\r\no=x 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n";

/// Thirty bytes of key and salt, as RFC 4568 writes them.
const KEY: &str = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn local(encryption: Encryption, seed: u64) -> Local {
    let mut rng = StdRng::seed_from_u64(seed);
    let keys = Suite::ALL
        .into_iter()
        .map(|suite| MasterKey::generate(suite, &mut rng));
    Local {
        address: ([192, 0, 2, 1], 10_000).into(),
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        session_id: 1,
        version: 1,
        direction: Direction::SendRecv,
        crypto: LocalCrypto {
            encryption,
            keys: keys.collect(),
        },
    }
}

fn parse(media: &str) -> Session {
    Session::parse(format!("{PHONE}{media}").as_bytes()).unwrap()
}

fn take(encryption: Encryption, media: &str) -> Result<(Session, Agreement), AnswerError> {
    answer(&parse(media), &local(encryption, 1))
}

fn section(protocol: &str, lines: &[&str]) -> String {
    let lines: String = lines
        .iter()
        .map(|line| format!("a=crypto:{line}\r\n"))
        .collect();
    format!("m=audio 4000 {protocol} 0\r\n{lines}")
}

#[test]
fn a_line_is_read_with_all_that_may_stand_in_it() {
    for (text, lifetime, mki) in [
        (format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}"), None, None),
        (
            format!("001 AES_CM_128_HMAC_SHA1_80 {KEY}|2^20|1:4"),
            Some(1 << 20),
            Some(vec![0, 0, 0, 1]),
        ),
        (
            format!("1  aes_cm_128_hmac_sha1_80  {KEY}|1:1 WSH=64 -X=1 KDR=0"),
            None,
            Some(vec![1]),
        ),
        (
            format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|4000"),
            Some(4000),
            None,
        ),
        (
            format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|258:2;{KEY}|2^31|1:2"),
            None,
            Some(vec![1, 2]),
        ),
    ] {
        let line = CryptoLine::parse(&text).expect(&text);
        assert_eq!(line.tag, 1);
        let first = &line.keys()[0];
        assert_eq!(first.suite(), Suite::Aes128CmSha1_80);
        assert_eq!(first.lifetime, lifetime.map(Lifetime), "{text}");
        assert_eq!(first.mki, mki.map(Mki), "{text}");
        assert_eq!(CryptoLine::parse(&line.written()), Some(line));
    }
}

#[test]
fn a_line_that_cannot_be_used_is_passed_over() {
    for text in [
        "",
        "1",
        "1 AES_CM_128_HMAC_SHA1_80",
        "1 AES_CM_128_HMAC_SHA1_80 inline:",
        "1 AES_CM_128_HMAC_SHA1_80 inline:short",
        "1 AES_CM_128_HMAC_SHA1_80 other:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
        &format!("1 NULL_HMAC_SHA1_80 {KEY}"),
        &format!("1 AES_256_CM_HMAC_SHA1_80 {KEY}"),
        &format!("x AES_CM_128_HMAC_SHA1_80 {KEY}"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|2^99"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|0"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|1:0"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|256:1"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY};{KEY}"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}|1:1;{KEY}|1:2"),
        // What these ask for is not what the keys are agreed for.
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY} UNENCRYPTED_SRTP"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY} UNAUTHENTICATED_SRTP"),
        &format!("1 AES_CM_128_HMAC_SHA1_80 {KEY} KDR=1"),
    ] {
        assert_eq!(CryptoLine::parse(text), None, "{text}");
    }
}

#[test]
fn the_first_line_that_is_known_is_taken_and_its_tag_kept() {
    let junk = "1 F8_128_HMAC_SHA1_80 inline:xx";
    let known = format!("7 AES_CM_128_HMAC_SHA1_32 {KEY}");
    let second = format!("8 AES_CM_128_HMAC_SHA1_80 {KEY}");
    let media = section("RTP/SAVP", &[junk, &known, &second]);
    let (ours, agreed) = take(Encryption::Allow, &media).unwrap();
    let keys = agreed.keys.unwrap();
    assert_eq!(keys.ours.suite(), Suite::Aes128CmSha1_32);
    assert_eq!(keys.theirs.len(), 1);
    assert_ne!(keys.ours.expose(), keys.theirs[0].expose());
    let answered = &ours.media[0];
    assert_eq!(
        (answered.protocol.as_str(), answered.port),
        ("RTP/SAVP", 10_000)
    );
    let line = CryptoLine::parse(answered.attribute("crypto").unwrap()).unwrap();
    assert_eq!((line.tag, line.keys()), (7, &[keys.ours][..]));
}

/// What is asked for, what is offered, and what comes of it.
#[test]
fn each_wish_meets_each_offer() {
    let line = format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}");
    let plain = section("RTP/AVP", &[]);
    let both = section("RTP/AVP", &[&line]);
    let encrypted = section("RTP/SAVP", &[&line]);
    let feedback = section("RTP/SAVPF", &[&line]);
    let keyless = section("RTP/SAVP", &[]);
    let dtls = section("UDP/TLS/RTP/SAVPF", &[]);
    let of = |encryption, media: &str| {
        take(encryption, media)
            .map(|(_, agreed)| agreed.keys.is_some())
            .map_err(|error| match error {
                AnswerError::Encryption(unfit) => unfit,
                other => panic!("{other}"),
            })
    };
    use Encryption::{Allow, Disable, Require};
    for (media, disable, allow, require) in [
        (&plain, Ok(false), Ok(false), Err(Unfit::Plain)),
        (&both, Ok(false), Ok(true), Ok(true)),
        (&encrypted, Err(Unfit::Encrypted), Ok(true), Ok(true)),
        (&feedback, Err(Unfit::Encrypted), Ok(true), Ok(true)),
        (
            &keyless,
            Err(Unfit::Encrypted),
            Err(Unfit::Suite),
            Err(Unfit::Suite),
        ),
        (
            &dtls,
            Err(Unfit::Encrypted),
            Err(Unfit::Dtls),
            Err(Unfit::Dtls),
        ),
    ] {
        assert_eq!(of(Disable, media), disable, "{media}");
        assert_eq!(of(Allow, media), allow, "{media}");
        assert_eq!(of(Require, media), require, "{media}");
    }
}

/// Phones that leave it to us offer their audio twice.
#[test]
fn of_two_sections_the_encrypted_one_is_taken_whatever_their_order() {
    let line = format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}");
    let (plain, encrypted) = (section("RTP/AVP", &[]), section("RTP/SAVP", &[&line]));
    let ports = |encryption, media: &str| -> Vec<u16> {
        let (ours, _) = take(encryption, media).unwrap();
        ours.media.iter().map(|m| m.port).collect()
    };
    for encryption in [Encryption::Allow, Encryption::Require] {
        assert_eq!(
            ports(encryption, &format!("{plain}{encrypted}")),
            [0, 10_000]
        );
        assert_eq!(
            ports(encryption, &format!("{encrypted}{plain}")),
            [10_000, 0]
        );
    }
    let off = Encryption::Disable;
    assert_eq!(ports(off, &format!("{encrypted}{plain}")), [0, 10_000]);
}

#[test]
fn our_own_two_sides_meet_in_every_combination() {
    use Encryption::{Allow, Disable, Require};
    for (caller, callee, expected) in [
        (Disable, Disable, Some(false)),
        (Disable, Allow, Some(false)),
        (Disable, Require, None),
        (Allow, Disable, Some(false)),
        (Allow, Allow, Some(true)),
        (Allow, Require, Some(true)),
        (Require, Disable, None),
        (Require, Allow, Some(true)),
        (Require, Require, Some(true)),
    ] {
        let (caller_side, callee_side) = (local(caller, 1), local(callee, 2));
        let offered = Session::parse(offer(&caller_side).to_string().as_bytes()).unwrap();
        let answered = answer(&offered, &callee_side);
        let Some(encrypted) = expected else {
            assert_eq!(
                answered.unwrap_err().warning(),
                302,
                "{caller:?} {callee:?}"
            );
            continue;
        };
        let (ours, theirs) = answered.unwrap();
        let read = Session::parse(ours.to_string().as_bytes()).unwrap();
        let agreed = accept_answer(&read, &caller_side).unwrap();
        assert_eq!(agreed.keys.is_some(), encrypted, "{caller:?} {callee:?}");
        if let (Some(one), Some(other)) = (agreed.keys, theirs.keys) {
            assert_eq!(one.ours.suite(), Suite::ALL[0]);
            assert_eq!([one.ours], other.theirs[..]);
            assert_eq!(one.theirs[..], [other.ours]);
        }
    }
}

#[test]
fn an_answer_that_takes_none_of_our_lines_is_none() {
    let ours = local(Encryption::Allow, 1);
    let line = |tag: u32, suite: &str| format!("{tag} {suite} {KEY}");
    let made = |tag, suite| {
        let key = MasterKey::generate(suite, &mut StdRng::seed_from_u64(3));
        CryptoLine::new(tag, key).written()
    };
    for lines in [
        line(9, "AES_CM_128_HMAC_SHA1_80"),
        line(0, "AES_CM_128_HMAC_SHA1_80"),
        // That tag is another suite's, and that one was not offered.
        made(2, Suite::ALL[0]),
        made(3, Suite::ALL[2]),
        "1 junk".to_owned(),
    ] {
        let answered = parse(&section("RTP/AVP", &[&lines]));
        let refused = accept_answer(&answered, &ours).unwrap_err();
        assert_eq!(refused, AnswerError::Encryption(Unfit::Suite), "{lines}");
    }
    let right = parse(&section("RTP/AVP", &[&line(1, "AES_CM_128_HMAC_SHA1_80")]));
    let mut ours = ours;
    ours.crypto.prefer(Suite::Aes128CmSha1_80);
    assert!(accept_answer(&right, &ours).unwrap().keys.is_some());
}

#[test]
fn debug_shows_no_key() {
    let offered = offer(&local(Encryption::Require, 1));
    let key = offered.media[0].attribute("crypto").unwrap();
    let key = key.rsplit_once(':').unwrap().1;
    let read = CryptoLine::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 {KEY}")).unwrap();
    let printed = format!("{offered:?} {read:?}");
    assert!(printed.contains("crypto") && printed.contains("rtpmap"));
    assert!(
        !printed.contains(key) && !printed.contains("d0Rmd"),
        "{printed}"
    );
}

proptest! {
    #[test]
    fn no_line_panics(value in "[0-9]{0,3} ?(AES_CM_128_HMAC_SHA1_80|[A-Z_0-9]{0,20}) ?(inline:)?[ -~]{0,80}") {
        if let Some(line) = CryptoLine::parse(&value) {
            prop_assert_eq!(CryptoLine::parse(&line.written()), Some(line));
        }
    }

    #[test]
    fn what_is_printed_is_read(tag in 0..1_000_000_000_u32, suite in 0..6_usize, seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let line = CryptoLine::new(tag, MasterKey::generate(Suite::ALL[suite], &mut rng));
        prop_assert_eq!(CryptoLine::parse(&line.written()), Some(line));
    }
}
