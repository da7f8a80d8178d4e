use super::*;
use proptest::prelude::*;

fn local() -> Local {
    Local {
        address: "192.0.2.1:10000".parse().unwrap(),
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        session_id: 1,
        version: 1,
        direction: Direction::SendRecv,
    }
}

fn parse(text: &str) -> Session {
    Session::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()
}

const PHONE: &str = "v=0\no=x 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\n";

fn take(media: &str) -> (Session, Agreement) {
    answer(&parse(&format!("{PHONE}{media}")), &local()).unwrap()
}

#[test]
fn static_types_need_no_rtpmap_and_the_offers_order_counts() {
    let (session, agreed) = take("m=audio 4000 RTP/AVP 18 8 0\n");
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcma, 8));
    assert_eq!(agreed.remote, Some("198.51.100.1:4000".parse().unwrap()));
    assert_eq!(
        agreed.remote_rtcp,
        Some("198.51.100.1:4001".parse().unwrap())
    );
    assert_eq!((agreed.ptime, agreed.telephone_event), (20, None));
    assert_eq!(session.media[0].formats, ["8"]);
}

#[test]
fn keys_take_the_number_the_offer_gave_them() {
    let (session, agreed) = take(
        "m=audio 4000 RTP/AVP 0 96 97\na=rtpmap:96 telephone-event/48000\n\
              a=rtpmap:97 telephone-event/8000\n",
    );
    assert_eq!(agreed.telephone_event, Some(97));
    assert_eq!(session.media[0].formats, ["0", "97"]);
}

#[test]
fn every_section_is_answered() {
    let (session, _) = take(
        "m=video 5000 RTP/AVP 99\nm=audio 4000 RTP/AVP 0\nm=image 6000 udptl t38\n\
         m=audio 7000 RTP/AVP 0\n",
    );
    let ports: Vec<u16> = session.media.iter().map(|m| m.port).collect();
    assert_eq!(ports, [0, 10_000, 0, 0]);
    assert_eq!(session.media[2].formats, ["t38"]);
}

#[test]
fn nothing_that_fits_says_what_is_wrong() {
    let refuse = |media: &str| answer(&parse(&format!("{PHONE}{media}")), &local()).unwrap_err();
    assert_eq!(refuse("m=audio 4000 RTP/AVP 18\n"), AnswerError::NoCodec);
    assert_eq!(refuse("m=video 4000 RTP/AVP 99\n"), AnswerError::NoAudio);
    assert_eq!(refuse("m=audio 0 RTP/AVP 0\n"), AnswerError::NoAudio);
    assert_eq!(refuse("m=audio 4000 RTP/SAVP 0\n").warning(), 304);
}

#[test]
fn packet_times_are_honoured_within_reason() {
    let of = |extra: &str| take(&format!("m=audio 4000 RTP/AVP 0\n{extra}")).1.ptime;
    assert_eq!(of("a=ptime:30\n"), 30);
    assert_eq!(of("a=ptime:10\n"), 10);
    assert_eq!(of("a=ptime:40\na=maxptime:20\n"), 20);
    assert_eq!(of("a=maxptime:10\n"), 10);
    assert_eq!(of("a=ptime:25\n"), 20);
    assert_eq!(of("a=ptime:0\n"), 10);
    assert_eq!(of("a=ptime:junk\n"), 20);
}

#[test]
fn hold_is_understood_in_every_spelling() {
    let of = |extra: &str| take(&format!("m=audio 4000 RTP/AVP 0\n{extra}")).1;
    assert_eq!(of("a=sendonly\n").direction, Direction::RecvOnly);
    assert!(of("a=sendonly\n").on_hold());
    assert_eq!(of("a=inactive\n").direction, Direction::Inactive);
    assert_eq!(of("a=recvonly\n").direction, Direction::SendOnly);
    let nowhere = of("c=IN IP4 0.0.0.0\n");
    assert_eq!(
        (nowhere.direction, nowhere.remote),
        (Direction::RecvOnly, None)
    );
    let session = parse(&format!("{PHONE}a=inactive\nm=audio 4000 RTP/AVP 0\n"));
    assert_eq!(
        answer(&session, &local()).unwrap().1.direction,
        Direction::Inactive
    );
}

#[test]
fn offers_and_answers_of_our_own_meet() {
    let ours = offer(&local());
    let mut other = local();
    other.address = "203.0.113.4:20000".parse().unwrap();
    other.codecs = vec![Codec::Pcma];
    let (answered, theirs) = answer(&parse_again(&ours), &other).unwrap();
    let agreed = accept_answer(&parse_again(&answered), &local()).unwrap();
    assert_eq!((agreed.codec, theirs.codec), (Codec::Pcma, Codec::Pcma));
    assert_eq!(agreed.remote, Some(other.address));
    assert_eq!(agreed.telephone_event, Some(101));
}

fn parse_again(session: &Session) -> Session {
    let again = Session::parse(session.to_string().as_bytes()).unwrap();
    assert_eq!(&again, session);
    again
}

#[test]
fn what_is_not_a_description_is_refused() {
    assert_eq!(Session::parse(b""), Err(SdpError::Version));
    assert_eq!(Session::parse(b"s=x"), Err(SdpError::Version));
    assert_eq!(Session::parse(b"v=0\nhello"), Err(SdpError::Line(2)));
    assert_eq!(
        Session::parse(b"v=0\nm=audio x RTP/AVP 0"),
        Err(SdpError::Line(2))
    );
    assert_eq!(Session::parse(&[0xff, 0xfe]), Err(SdpError::NotText));
    let many = format!("v=0\n{}", "m=audio 1 RTP/AVP 0\n".repeat(99));
    assert_eq!(Session::parse(many.as_bytes()), Err(SdpError::TooLarge));
    // The last section counts even where nothing follows it.
    for (count, fits) in [(32, true), (33, false)] {
        let text = format!("v=0\n{}", "m=audio 1 RTP/AVP 0\n".repeat(count));
        assert_eq!(Session::parse(text.as_bytes()).is_ok(), fits, "{count}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(data in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = Session::parse(&data);
    }

    #[test]
    fn no_lines_panic(lines in proptest::collection::vec("[vosctma]=[ -~]{0,40}", 0..30)) {
        let text = format!("v=0\n{}", lines.join("\n"));
        if let Ok(session) = Session::parse(text.as_bytes()) {
            let again = Session::parse(session.to_string().as_bytes());
            prop_assert!(again.is_ok());
            let _ = answer(&session, &local());
            let _ = accept_answer(&session, &local());
        }
    }
}
