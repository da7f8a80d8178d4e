use super::*;
use proptest::prelude::*;

const INVITE: &str = "INVITE sip:100@192.0.2.1 SIP/2.0\r\n\
v: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa;rport, SIP/2.0/UDP far;branch=z9hG4bKb\r\n\
f: \"O\\\"Neil, A\" <sip:200@192.0.2.9>;tag=x1\r\n\
t: sip:100@192.0.2.1\r\n\
i: abc@192.0.2.9\r\n\
CSeq:  7   INVITE\r\n\
m: <sip:200@192.0.2.9:5060>\r\n\
Subject: first\r\n  second\r\n\
Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\n\
c: application/sdp\r\n\
l: 4\r\n\r\nv=0\n trailing";

fn request(text: &str) -> Request {
    match parse(text.as_bytes()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

#[test]
fn an_invite_with_every_liberty_is_read() {
    let invite = request(INVITE);
    assert_eq!(invite.method, Method::Invite);
    assert_eq!(invite.headers.via().unwrap().branch(), "z9hG4bKa");
    assert_eq!(invite.headers.values(name::VIA).count(), 2);
    let from = invite.headers.from().unwrap();
    assert_eq!(from.name.as_ref().unwrap().expose(), "O\"Neil, A");
    assert_eq!(from.tag(), Some("x1"));
    assert_eq!(invite.headers.to().unwrap().tag(), None);
    assert_eq!(
        invite.headers.cseq().unwrap(),
        CSeq {
            number: 7,
            method: Method::Invite
        }
    );
    assert_eq!(invite.headers.get("Subject"), Some("first second"));
    assert_eq!(invite.headers.values(name::RECORD_ROUTE).count(), 3);
    assert_eq!(invite.headers.contact().unwrap().uri.port, Some(5060));
    assert_eq!(
        invite.headers.content_type().as_deref(),
        Some("application/sdp")
    );
    assert_eq!(invite.body.as_ref(), b"v=0\n");
}

#[test]
fn printing_and_reading_agree() {
    let invite = Message::Request(request(INVITE));
    let again = parse(&invite.to_bytes()).unwrap();
    // Content-Length moves to the end, so compare printed forms.
    assert_eq!(again.to_bytes(), invite.to_bytes());
}

fn fault(text: &str) -> Option<Fault> {
    match parse(text.as_bytes()) {
        Err(ParseError::Request(faulty)) => Some(faulty.fault),
        _ => None,
    }
}

#[test]
fn what_is_not_sip_is_refused() {
    assert_eq!(parse(b"\r\n\r\n"), Err(ParseError::Empty));
    assert_eq!(parse(b"GET / HTTP/1.1\r\n\r\n"), Err(ParseError::StartLine));
    assert_eq!(parse(b"SIP/2.0 99 Low\r\n\r\n"), Err(ParseError::StartLine));
    let short = parse(b"SIP/2.0 200 OK\r\nl: 9\r\n\r\nabc");
    assert_eq!(short, Err(ParseError::Response(Fault::BodyShort)));
}

#[test]
fn a_request_that_can_only_be_answered_says_why() {
    let version = fault("INVITE sip:a@b SIP/3.0\r\n\r\n");
    assert_eq!(version, Some(Fault::Version));
    let short = fault("BYE sip:a@b SIP/2.0\r\nl: 9\r\n\r\nabc");
    assert_eq!(short, Some(Fault::BodyShort));
    let two = fault("BYE sip:a@b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nabc");
    assert_eq!(two, Some(Fault::ContentLength));
    let uri = fault("BYE nobody SIP/2.0\r\n\r\n");
    assert_eq!(uri, Some(Fault::RequestUri));
    let endless = "X: y\r\n".repeat(MAX_HEADERS + 1);
    let endless = fault(&format!("BYE sip:a@b SIP/2.0\r\n{endless}\r\n"));
    assert_eq!(endless, Some(Fault::Headers));
}

#[test]
fn what_has_as_many_headers_as_fit_can_be_printed_and_read_again() {
    let with = |count| format!("BYE sip:a@b SIP/2.0\r\n{}\r\n", "X: y\r\n".repeat(count));
    // Printing adds Content-Length where there was none.
    let most = parse(with(MAX_HEADERS - 1).as_bytes()).unwrap();
    assert!(parse(&most.to_bytes()).is_ok());
    assert_eq!(fault(&with(MAX_HEADERS)), Some(Fault::Headers));
}

#[test]
fn a_foreign_scheme_is_kept_for_the_answer() {
    let call = request("INVITE http://x SIP/2.0\r\n\r\n");
    assert_eq!(call.uri, RequestUri::Foreign("http://x".to_owned()));
}

#[test]
fn a_value_cannot_start_a_header() {
    let mut headers = Headers::new();
    headers.push("X-Note", "a\r\nEvil: 1");
    assert_eq!(headers.get("x-note"), Some("a  Evil: 1"));
}

/// On a stream such a host was a whole request of somebody else's.
#[test]
fn nothing_can_end_a_start_line_early() {
    let evil = "h SIP/2.0\r\nA: b\r\n\r\nBYE sip:x@y";
    let mut known = Uri::parse("sip:a@b").unwrap();
    known.host = evil.to_owned();
    for uri in [
        RequestUri::Known(known),
        RequestUri::Foreign(evil.to_owned()),
    ] {
        let mut request = request(INVITE);
        request.uri = uri;
        request.method = Method::Other("X Y\n".to_owned());
        request.headers.push("X-A: 1\r\nEvil", "1");
        let printed = request.to_bytes();
        let text = String::from_utf8_lossy(&printed);
        let first = text.lines().next().unwrap();
        assert_eq!(first.split(' ').count(), 3, "{first}");
        assert!(first.ends_with(" SIP/2.0"), "{first}");
        assert!(
            !text.contains("\nBYE") && !text.contains("\nEvil"),
            "{text}"
        );
    }
    let response = Response {
        status: 486,
        reason: "Busy\r\nEvil: 1".to_owned(),
        headers: Headers::new(),
        body: Bytes::new(),
    };
    assert!(!String::from_utf8_lossy(&response.to_bytes()).contains("\nEvil"));
}

/// Rooms, logs and webhooks got them as they came.
#[test]
fn no_value_has_control_bytes_in_it() {
    for byte in (0..32)
        .chain([127])
        .filter(|byte| !b"\t\r\n".contains(byte))
    {
        let byte = char::from(byte);
        let call = request(&format!(
            "BYE sip:a@b SIP/2.0\r\nFrom: \"J{byte}o\" <sip:200@h>;tag=1\r\nSubject: {byte}a{byte}\r\n\r\n"
        ));
        let from = call.headers.from().unwrap();
        assert_eq!(from.name.unwrap().expose(), "J o", "{byte:?}");
        assert_eq!(call.headers.get("Subject"), Some("a"), "{byte:?}");
    }
}

#[test]
fn an_empty_folded_line_adds_nothing() {
    let call = request("BYE sip:a@b SIP/2.0\r\nSubject: first\r\n \t\r\n\r\n");
    assert_eq!(call.headers.get("Subject"), Some("first"));
}

#[test]
fn debug_shows_no_values() {
    let shown = format!("{:?}", request(INVITE));
    assert!(
        !shown.contains("200@") && !shown.contains("Neil"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = parse(&data);
        let mut framer = Framer::new();
        framer.push(&data);
        while let Ok(Some(_)) = framer.take() {}
        let _ = framer.expire();
    }

    #[test]
    fn no_damage_panics(at in 0..INVITE.len(), byte in any::<u8>(), cut in 0..INVITE.len()) {
        let mut data = INVITE.as_bytes().to_vec();
        data[at] = byte;
        data.truncate(cut);
        if let Ok(message) = parse(&data) {
            let headers = message.headers();
            let _ = (headers.via(), headers.from(), headers.to(), headers.cseq());
            let _ = (headers.call_id(), headers.contact(), headers.content_type());
            let printed = message.to_bytes();
            prop_assert_eq!(parse(&printed).unwrap().to_bytes(), printed);
        }
    }

    #[test]
    fn addresses_survive(name in "[ -~]{0,12}", user in "[a-z0-9+]{1,8}", tag in "[a-z0-9]{1,8}") {
        let uri = Uri::parse(&format!("sip:{user}@192.0.2.1:5070;lr")).unwrap();
        let mut address = NameAddr::new(uri).with_tag(&tag);
        let name = name.trim().to_owned();
        address.name = (!name.is_empty()).then(|| trunkline_base::secret::Personal::new(name));
        prop_assert_eq!(NameAddr::parse(&address.to_string()), Some(address));
    }
}
