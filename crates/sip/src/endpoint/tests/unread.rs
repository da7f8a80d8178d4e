//! What goes back to whom, of requests that nobody can obey.

use super::odd::Odd;
use super::*;

#[test]
fn odd_methods_are_named_as_such() {
    for method in [
        "!interesting-Method0123456789_*+`.%indeed'~",
        "NEWMETHOD",
        "invite",
    ] {
        let text = message(method, "1", 1, "", "");
        let mut world = World::new();
        world.say_bytes(text.as_bytes());
        assert_eq!(world.statuses(), [501], "{method}");
    }
}

/// An answer to a Via without a port that can be sent to goes back where the request came from, with
/// what the sender wrote.
#[test]
fn an_odd_via_goes_back_as_it_came() {
    let mut world = World::new();
    let via = "SIP/2.0/UDP 192.0.2.9:99999;branch=z9hG4bKodd";
    world.say_bytes(&Odd::new().with("Via", via).raw());
    let sent = world.endpoint.poll_transmit().unwrap();
    assert_eq!(sent.flow.remote, world.flow.remote);
    let text = String::from_utf8_lossy(&sent.bytes).into_owned();
    assert!(text.contains(&format!("Via: {via}")), "{text}");
}

/// Nobody answers these, however broken.
#[test]
fn a_broken_ack_or_response_is_not_answered() {
    for (first, cseq) in [
        ("ACK sip:100@192.0.2.1", "1 ACK"),
        ("ACK sip:100@192.0.2.1", "1 INVITE"),
        ("X sip:100@192.0.2.1", "1 ACK"),
        ("SIP/2.0 2000 OK", "1 INVITE"),
        ("SIP/7.0 200 OK", "1 INVITE"),
    ] {
        let mut world = World::new();
        world.say_bytes(
            &Odd {
                first,
                ..Odd::new().with("CSeq", cseq)
            }
            .raw(),
        );
        assert!(world.sent().is_empty(), "{first}");
        assert!(matches!(world.fate, Fate::Dropped(_)), "{first}");
    }
}

/// Whoever compares what comes back with what was sent gets the bytes that were sent.
#[test]
fn latin_1_goes_back_byte_by_byte() {
    let from = b"\"J\xf6rg\" <sip:200@h>;tag=them";
    let to = b"\"Caf\xe9\" <sip:100@h>";
    let data = Odd::new().with("From", from).with("To", to).raw();
    let mut world = World::new();
    world.say_bytes(&data);
    let invitation = world.invitation().unwrap();
    let name = invitation.request.headers.from().unwrap().name.unwrap();
    assert_eq!(name.expose(), "J\u{f6}rg", "read as what was meant");
    world
        .endpoint
        .turn_away(&invitation, &Rejection::status(486));
    let sent = world.endpoint.poll_transmit().unwrap().bytes;
    let holds = |piece: &[u8]| sent.windows(piece.len()).any(|window| window == piece);
    assert!(
        holds(from) && holds(to),
        "{}",
        String::from_utf8_lossy(&sent)
    );
}

#[test]
fn what_cannot_be_answered_is_counted_by_reason() {
    let odd = Odd::new;
    for (data, reason) in [
        (b"hello".to_vec(), "not_sip"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "not_sip"),
        (odd().without("Via").raw(), "no_via"),
        (odd().with("Via", "nonsense").raw(), "no_via"),
        (odd().with("Via", "SIP/2.0/UDP").raw(), "no_via"),
        (b"SIP/2.0 200 OK\r\n\r\n".to_vec(), "damaged_response"),
        (
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nCSeq: 1 BYE\r\n\r\n".to_vec(),
            "stray_response",
        ),
    ] {
        let mut world = World::new();
        world.say_bytes(&data);
        assert_eq!(
            world.fate,
            Fate::Dropped(reason),
            "{}",
            String::from_utf8_lossy(&data)
        );
        assert!(world.sent().is_empty());
    }
}

/// Of an answer too large for a datagram nothing was heard at all.
#[test]
fn an_answer_fits_into_a_datagram_however_much_was_asked() {
    let mut world = World::new();
    world.say_bytes(&Odd::new().with("Require", "a,".repeat(30_000)).raw());
    let answer = world.response();
    assert_eq!(answer.status, 420);
    assert!(
        answer
            .headers
            .get(name::UNSUPPORTED)
            .is_some_and(|list| list.len() < 100)
    );
    let from = format!("<sip:a@b>;tag=1;x={}", "y".repeat(64_900));
    world.say(&message("OPTIONS", "1", 1, "", "").replace("<sip:200@192.0.2.9>;tag=them", &from));
    assert!(
        world
            .endpoint
            .poll_transmit()
            .is_none_or(|sent| sent.bytes.len() <= 65_507)
    );
}

/// Thirty thousand Vias in one line held everybody up for a second.
#[test]
fn a_long_list_of_vias_comes_back_in_order() {
    let mut world = World::new();
    let rest: Vec<String> = (0..6_000).map(|n| format!("b{n}")).collect();
    let top = "SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKodd";
    let via = format!("{top},{}", rest.join(","));
    world.say_bytes(&Odd::new().with("Via", via).with("Require", "x").raw());
    let answer = world.response();
    let back: Vec<&str> = answer.headers.values(name::VIA).collect();
    assert_eq!(
        (back[0], &back[1..]),
        (
            top,
            &rest.iter().map(String::as_str).collect::<Vec<_>>()[..]
        )
    );
}
