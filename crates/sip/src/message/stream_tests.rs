use bytes::Bytes;
use proptest::prelude::*;

use super::MAX_MESSAGE;
use super::stream::{FrameError, Framed, Framer};

const BYE: &[u8] = b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nl: 3\r\n\r\nabc";

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn all(framer: &mut Framer) -> Vec<Framed> {
    std::iter::from_fn(|| framer.take().unwrap()).collect()
}

#[test]
fn messages_are_found_whatever_the_pieces() {
    for size in 1..BYE.len() {
        let mut framer = Framer::new();
        let mut found = Vec::new();
        let twice = [BYE, b"\r\n\r\n", BYE].concat();
        for piece in twice.chunks(size) {
            framer.push(piece);
            found.extend(all(&mut framer));
        }
        let message = Framed::Message(Bytes::from_static(BYE));
        assert_eq!(
            found,
            [message.clone(), Framed::Ping, message],
            "pieces of {size}"
        );
    }
}

/// A provider's proxy carries all its calls over one connection; whatever one of its phones
/// writes, the BYE of another must get through.
#[test]
fn a_bad_message_does_not_cost_the_next_one() {
    let sdp = "Content-Type: application/sdp\r\n";
    let body = "v=0\r\no=- 1 1 IN IP4 h\r\n";
    for (what, bad) in [
        (
            "latin-1",
            "OPTIONS sip:a@b SIP/2.0\r\nFrom: J\u{f6}rg\r\nl: 0\r\n\r\n".to_owned(),
        ),
        (
            "no length",
            format!("INVITE sip:a@b SIP/2.0\r\n{sdp}\r\n{body}"),
        ),
        (
            "a length that is no number",
            format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: x\r\n\r\n{body}"),
        ),
        (
            "a negative length",
            format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: -999\r\n\r\n{body}"),
        ),
        (
            "two lengths",
            format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: 1\r\nl: 2\r\n\r\n{body}"),
        ),
        (
            "a length too short",
            format!("INVITE sip:a@b SIP/2.0\r\n{sdp}l: 12\r\n\r\n{body}"),
        ),
        (
            "no empty line",
            "OPTIONS sip:a@b SIP/2.0\r\nl: 0\r\n".to_owned(),
        ),
        (
            "a line that is no header",
            "OPTIONS sip:a@b SIP/2.0\r\nhello\r\nl: 0\r\n\r\n".to_owned(),
        ),
        (
            "another version",
            "OPTIONS sip:a@b SIP/7.0\r\nl: 0\r\n\r\n".to_owned(),
        ),
        (
            "another protocol behind a message",
            format!("{}GET / HTTP/1.1\r\nHost: x\r\n\r\n", text(BYE)),
        ),
        ("a word", "hello\r\n".to_owned()),
        ("nothing", "\0\0\r\n\r\nhello\r\n".to_owned()),
        (
            "no version",
            "OPTIONS sip:a@b\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nl: 0\r\n\r\n".to_owned(),
        ),
        (
            "the rest of a body",
            "v=0\r\no=- 1 1 IN IP4 h\r\nt=0 0\r\na=note sip:a@b\r\n".to_owned(),
        ),
    ] {
        for size in [1, 7, 4096] {
            let mut framer = Framer::new();
            let mut found = Vec::new();
            for piece in [bad.as_bytes(), BYE].concat().chunks(size) {
                framer.push(piece);
                found.extend(all(&mut framer));
            }
            let last = found.last();
            let bye = Framed::Message(Bytes::from_static(BYE));
            assert_eq!(last, Some(&bye), "{what} in pieces of {size}: {found:?}");
        }
    }
}

/// Phones keep a connection alive with zeros, too; half a minute later it was closed.
#[test]
fn zeros_between_messages_are_a_sign_of_life() {
    for size in [1, 2, 5, 4096] {
        let mut framer = Framer::new();
        let mut found = Vec::new();
        for piece in [BYE, b"\0\0\r\n\0", BYE, b"\0"].concat().chunks(size) {
            framer.push(piece);
            found.extend(all(&mut framer));
        }
        let message = Framed::Message(Bytes::from_static(BYE));
        found.retain(|framed| *framed != Framed::Skipped);
        assert_eq!(found, [message.clone(), message], "pieces of {size}");
        assert!(!framer.is_partial());
    }
}

/// Its sender waited for an answer that nobody thought of.
#[test]
fn a_broken_first_line_is_handed_on_for_its_400() {
    for first in [
        "INVITE sip:a@b",
        "INVITE sip:a@b HTTP/1.1",
        "INVITE sip:a@b SIP/2.0 x",
        "INV:ITE sip:a@b SIP/2.0",
        "INVITE",
        "hello",
        "hello world",
        "From: <sip:a@b>",
    ] {
        let text = format!("{first}\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nl: 2\r\n\r\nab");
        for size in [1, 7, 4096] {
            let mut framer = Framer::new();
            let mut found = Vec::new();
            for piece in [text.as_bytes(), BYE].concat().chunks(size) {
                framer.push(piece);
                found.extend(all(&mut framer));
            }
            let message = |bytes: &[u8]| Framed::Message(Bytes::copy_from_slice(bytes));
            assert_eq!(found, [message(text.as_bytes()), message(BYE)], "{first}");
        }
    }
}

/// A client that spoke TLS or STUN to the port of plain SIP was neither heard nor sent away.
#[test]
fn another_protocol_ends_the_stream_at_its_first_bytes() {
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";
    let framed = [b"\x00\x14", stun.as_slice()].concat();
    let cases: [(&[u8], FrameError, FrameError); 3] = [
        (tls, FrameError::Tls, FrameError::NotSip),
        (stun, FrameError::Stun, FrameError::NotSip),
        (&framed, FrameError::Stun, FrameError::NotSip),
    ];
    for (data, at_once, in_pieces) in cases {
        let mut framer = Framer::new();
        framer.push(data);
        assert_eq!(framer.take(), Err(at_once));
        assert_eq!(framer.take(), Err(at_once), "for good");
        let mut framer = Framer::new();
        let end = data.iter().find_map(|byte| {
            framer.push(std::slice::from_ref(byte));
            framer.take().err()
        });
        assert_eq!(end, Some(in_pieces));
        // After a message, too.
        let mut framer = Framer::new();
        framer.push(BYE);
        assert_eq!(all(&mut framer).len(), 1);
        framer.push(data);
        assert_eq!(framer.take(), Err(at_once));
    }
    for data in [&b"\x80\x00\x01\x02"[..], b"x\x07y", b"\x05\x01\x00"] {
        let mut framer = Framer::new();
        framer.push(data);
        assert_eq!(framer.take(), Err(FrameError::NotSip), "{data:?}");
    }
}

/// The connection was reset, and whoever had sent it heard nothing, where a datagram got its 400.
#[test]
fn a_damaged_byte_at_the_beginning_costs_the_message_its_answer_no_more() {
    let good = String::from_utf8(BYE.to_vec()).unwrap();
    for byte in (0..=8).chain(11..32).chain([127]) {
        let byte = char::from(byte);
        for bad in [
            good.replacen("BYE", &format!("{byte}BYE"), 1),
            good.replacen("BYE", &format!("BYE{byte}"), 1),
            good.replacen("BYE", &format!("B{byte}YE"), 1),
        ] {
            let mut framer = Framer::new();
            framer.push(bad.as_bytes());
            framer.push(BYE);
            let framed = all(&mut framer);
            assert_eq!(framed.len(), 2, "{byte:?}: {framed:?}");
            assert_eq!(framed[1], Framed::Message(Bytes::from_static(BYE)));
        }
    }
}

/// Whoever said a word and nothing else, or asked for a page, held the connection for half a minute.
#[test]
fn a_stream_that_begins_with_a_head_of_no_message_ends_with_it() {
    for head in [
        "hello\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "EHLO x\n\n",
    ] {
        for size in [1, 7, 4096] {
            let mut framer = Framer::new();
            let lost = head.as_bytes().chunks(size).find_map(|piece| {
                framer.push(piece);
                framer.take().err()
            });
            assert_eq!(lost, Some(FrameError::NotSip), "{head:?}");
        }
    }
}

/// What is left of a body without its end must not close a connection that calls go over.
#[test]
fn a_word_behind_a_message_is_not_waited_for() {
    let mut framer = Framer::new();
    framer.push(&[BYE, b"hello\r\n"].concat());
    assert_eq!(all(&mut framer).len(), 1);
    assert!(framer.is_partial() && framer.awaits_rest());
    assert_eq!(framer.expire(), Some(Framed::Skipped));
    assert!(!framer.is_partial() && !framer.awaits_rest());
    framer.push(BYE);
    assert_eq!(all(&mut framer).len(), 1);
}

#[test]
fn a_body_that_never_comes_is_not_waited_for() {
    let mut framer = Framer::new();
    let cut: &[u8] = b"INVITE sip:a@b SIP/2.0\r\nc: application/sdp\r\nl: 90\r\n\r\nv=0\r\n";
    framer.push(cut);
    assert_eq!(framer.take(), Ok(None));
    assert!(framer.is_partial());
    let given = framer.expire();
    assert_eq!(given, Some(Framed::Message(Bytes::from_static(cut))));
    assert!(!framer.is_partial());
    framer.push(BYE);
    assert_eq!(all(&mut framer).len(), 1);
    framer.push(b"BYE sip:a@b SIP/2.0\r\nVia");
    assert_eq!((framer.take(), framer.expire()), (Ok(None), None));
}

/// The bad one gets its 400 and what it swallowed is gone; whatever comes then is heard.
#[test]
fn a_length_too_long_costs_what_it_covers_and_no_more() {
    let lost = b"BYE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKl\r\nl: 0\r\n\r\n";
    let sdp = "c: application/sdp\r\n";
    for length in 24..300 {
        let bad = format!(
            "INVITE sip:a@b SIP/2.0\r\n{sdp}l: {length}\r\n\r\nv=0\r\no=- 1 1 IN IP4 h\r\n"
        );
        for size in [1, 7, 4096] {
            let mut framer = Framer::new();
            let mut found = Vec::new();
            for piece in [bad.as_bytes(), lost].concat().chunks(size) {
                framer.push(piece);
                found.extend(all(&mut framer));
            }
            while framer.awaits_rest() {
                found.extend(framer.expire());
                found.extend(all(&mut framer));
            }
            let inner = Framed::Message(Bytes::from_static(lost));
            assert!(!found.contains(&inner), "{length}: it began in the body");
            let bye = Framed::Message(Bytes::from_static(BYE));
            for piece in [BYE, BYE].concat().chunks(size) {
                framer.push(piece);
                found.extend(all(&mut framer));
            }
            let end = found.split_off(found.len() - 2);
            assert_eq!(end, [bye.clone(), bye], "{length} in pieces of {size}");
        }
    }
}

/// Whoever got a trunk to pass on his body called from its address, by any name he liked.
#[test]
fn a_message_in_a_body_is_not_run() {
    let call = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKy\r\nl: 0\r\n\r\n";
    for kind in [
        "",
        "c: text/plain\r\n",
        "c: application/sdp\r\n",
        "c: application/x-foo\r\n",
        "c: message/sipfrag\r\n",
        "c: multipart/mixed;boundary=b\r\n",
    ] {
        for body in [
            call.to_owned(),
            format!("v=0\r\n{call}"),
            format!("v=0\r\n\r\n\r\n{call}bye"),
            "SIP/2.0 180 Ringing\r\n".to_owned(),
            "v=0\r\nBYE sip:x SIP/2.0".to_owned(),
        ] {
            let length = body.len();
            let outer = format!("OPTIONS sip:a@b SIP/2.0\r\n{kind}l: {length}\r\n\r\n{body}");
            for size in [1, 7, 4096] {
                let mut framer = Framer::new();
                let mut found = Vec::new();
                for piece in [outer.as_bytes(), BYE].concat().chunks(size) {
                    framer.push(piece);
                    found.extend(all(&mut framer));
                }
                let message = |bytes: &[u8]| Framed::Message(Bytes::copy_from_slice(bytes));
                assert_eq!(found, [message(outer.as_bytes()), message(BYE)]);
            }
        }
    }
}

/// A pause of the network inside a body must not make a message of its rest.
#[test]
fn the_rest_of_a_body_that_comes_late_is_not_run() {
    let body = [b"a line\r\n", BYE, b"\r\n\r\n", BYE, b"hello"].concat();
    let head = format!("INFO sip:a@b SIP/2.0\r\nl: {}\r\n\r\n", body.len());
    for size in [1, 7, 4096] {
        let mut framer = Framer::new();
        framer.push(&[head.as_bytes(), b"a l"].concat());
        assert_eq!(framer.take(), Ok(None));
        assert!(matches!(framer.expire(), Some(Framed::Message(_))));
        let mut found = Vec::new();
        for piece in [&body[3..], BYE].concat().chunks(size) {
            framer.push(piece);
            found.extend(all(&mut framer));
        }
        found.retain(|framed| *framed != Framed::Skipped);
        let bye = Framed::Message(Bytes::from_static(BYE));
        assert_eq!(found, [bye], "pieces of {size}");
        assert!(!framer.awaits_rest());
    }
}

/// What two readers would cut in two places is refused, and no part of it is run.
#[test]
fn of_two_lengths_the_longer_one_ends_the_body() {
    for lengths in [
        "l: 0\r\nContent-Length: 68",
        "l: 68\r\nl: 1",
        "l: x\r\nl: 68",
    ] {
        let outer = format!("INFO sip:a@b SIP/2.0\r\n{lengths}\r\n\r\n{}", text(BYE));
        let mut framer = Framer::new();
        framer.push(&[outer.as_bytes(), BYE].concat());
        let message = |bytes: &[u8]| Framed::Message(Bytes::copy_from_slice(bytes));
        assert_eq!(all(&mut framer), [message(outer.as_bytes()), message(BYE)]);
    }
}

/// A stranger's words stand in headers too, folded as he wrote them.
#[test]
fn a_header_that_reads_like_a_message_ends_no_head() {
    for header in [
        "Subject: x\r\n INVITE sip:a@b SIP/2.0",
        "Subject: x\r\n\tSIP/2.0 200 OK",
        "Subject : hello SIP/2.0",
        "Subject :hello SIP/2.0",
    ] {
        let outer = format!("OPTIONS sip:a@b SIP/2.0\r\n{header}\r\nl: 0\r\n\r\n");
        let mut framer = Framer::new();
        framer.push(&[outer.as_bytes(), BYE].concat());
        let message = |bytes: &[u8]| Framed::Message(Bytes::copy_from_slice(bytes));
        assert_eq!(all(&mut framer), [message(outer.as_bytes()), message(BYE)]);
    }
}

/// Another protocol's request may carry a message as well.
#[test]
fn the_body_of_no_message_is_not_run() {
    let length = BYE.len();
    for head in ["POST / HTTP/1.1\r\nHost: x\r\n", "=5;tag=x\r\nTo: x\r\n"] {
        for size in [1, 7, 4096] {
            let foreign = format!("{head}Content-Length: {length}\r\n\r\n");
            let stream = [BYE, foreign.as_bytes(), BYE, BYE].concat();
            let mut framer = Framer::new();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                framer.push(piece);
                found.extend(all(&mut framer));
            }
            found.retain(|framed| *framed != Framed::Skipped);
            let bye = Framed::Message(Bytes::from_static(BYE));
            assert_eq!(found, [bye.clone(), bye], "{head} in pieces of {size}");
        }
    }
}

/// Lines as messages have them, and anything else.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just(BYE.to_vec()),
        Just(b"SIP/2.0 200 OK\r\n".to_vec()),
        Just(b"INVITE sip:a@b SIP/2.0\r\n".to_vec()),
        Just(b"Content-Length: 99\r\n".to_vec()),
        Just(b"v=0\r\n".to_vec()),
        Just(b"\r\n\r\n".to_vec()),
        Just(b"\0".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(line, 0..8).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn a_right_length_ends_the_message_whatever_its_body_says(
        body in body(),
        kind in prop::sample::select(vec!["", "c: application/sdp\r\n", "c: text/plain\r\n"]),
        size in 1..200_usize,
    ) {
        let head = format!("INFO sip:a@b SIP/2.0\r\n{kind}l: {}\r\n\r\n", body.len());
        let outer = [head.as_bytes(), body.as_slice()].concat();
        let mut framer = Framer::new();
        let mut found = Vec::new();
        for piece in [outer.as_slice(), BYE].concat().chunks(size) {
            framer.push(piece);
            found.extend(all(&mut framer));
        }
        let message = |bytes: &[u8]| Framed::Message(Bytes::copy_from_slice(bytes));
        prop_assert_eq!(found, [message(&outer), message(BYE)]);
    }
}

#[test]
fn a_stream_that_lost_its_framing_says_so() {
    for head in [
        "Content-Length: 99999999\r\n\r\n".to_owned(),
        "X: y\r\n".repeat(20_000),
    ] {
        let mut framer = Framer::new();
        framer.push(format!("BYE sip:a@b SIP/2.0\r\n{head}").as_bytes());
        assert!(
            matches!(framer.take(), Ok(Some(Framed::Message(_)))),
            "for its 400"
        );
        assert_eq!(framer.take(), Err(FrameError::TooLarge));
    }
    for noise in [vec![b'x'; MAX_MESSAGE + 1], b"x\r\n".repeat(MAX_MESSAGE)] {
        let mut framer = Framer::new();
        framer.push(&noise);
        let end = (0..3).find_map(|_| framer.take().err());
        assert_eq!(end, Some(FrameError::NotSip));
    }
}
