use super::*;
use proptest::prelude::*;

fn local() -> Local {
    Local {
        address: "192.0.2.1:10000".parse().unwrap(),
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        session_id: 1,
        version: 1,
        direction: Direction::SendRecv,
        crypto: LocalCrypto::default(),
    }
}

fn parse(text: &str) -> Session {
    Session::parse(text.replace('\n', "\r\n").as_bytes()).unwrap()
}

const PHONE: &str = "v=0\no=x 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\n";

fn take(media: &str) -> (Session, Agreement) {
    answer(&parse(&format!("{PHONE}{media}")), &local()).unwrap()
}

fn refuse(media: &str) -> AnswerError {
    answer(&parse(&format!("{PHONE}{media}")), &local()).unwrap_err()
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
    assert_eq!(agreed.telephone_event, Some((97, 8000)));
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
    assert_eq!(refuse("m=audio 4000 RTP/AVP 18\n").warning(), 305);
    assert_eq!(refuse("m=video 4000 RTP/AVP 99\n"), AnswerError::NoAudio);
    assert_eq!(refuse("m=audio 0 RTP/AVP 0\n"), AnswerError::NoAudio);
    assert_eq!(refuse("m=audio 4000 RTP/SAVP 0\n").warning(), 302);
}

#[test]
fn packet_times_are_honoured_within_reason() {
    let of = |extra: &str| take(&format!("m=audio 4000 RTP/AVP 0\n{extra}")).1.ptime;
    assert_eq!(of("a=ptime:30\n"), 30);
    assert_eq!(of("a=ptime:10\n"), 10);
    assert_eq!(of("a=ptime:40\na=maxptime:20\n"), 20);
    assert_eq!(of("a=maxptime:10\n"), 10);
    assert_eq!(of("a=ptime:25\n"), 20);
    for no_wish in ["0", "junk", "-20", "1000", "65536", "99999999999", ""] {
        assert_eq!(of(&format!("a=ptime:{no_wish}\n")), 20, "{no_wish}");
    }
    assert_eq!(of("a=ptime:20.0\n"), 20);
    assert_eq!(of("a=ptime:5\n"), 10);
    assert_eq!(of("a=ptime:200\n"), 60);
    assert_eq!(of("a=PTIME: 30 \n"), 30);
    assert_eq!(of("a=maxptime:0\n"), 20);
    assert_eq!(of("a=maxptime:5\n"), 10);
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
    assert_eq!(agreed.telephone_event, Some((101, 8000)));
}

fn parse_again(session: &Session) -> Session {
    let again = Session::parse(session.to_string().as_bytes()).unwrap();
    assert_eq!(&again, session);
    again
}

#[test]
fn what_is_not_a_description_is_refused() {
    for junk in [b"".as_slice(), b"s=x", b"hello", b"\0\0", &[0xff, 0xfe]] {
        assert_eq!(Session::parse(junk), Err(SdpError::Nothing));
    }
    assert_eq!(
        Session::parse(b"v=1\nm=audio 1 RTP/AVP 0"),
        Err(SdpError::Version)
    );
    let many = format!("v=0\n{}", "m=audio 1 RTP/AVP 0\n".repeat(99));
    assert_eq!(Session::parse(many.as_bytes()), Err(SdpError::TooLarge));
    // The last section counts even where nothing follows it.
    for (count, fits) in [(32, true), (33, false)] {
        let text = format!("v=0\n{}", "m=audio 1 RTP/AVP 0\n".repeat(count));
        assert_eq!(Session::parse(text.as_bytes()).is_ok(), fits, "{count}");
    }
}

/// One bad line used to cost the call: a telephone exchange wrote its name in Latin-1, a door
/// station ended its text with a zero, a soft phone offered video without a format.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn odd_bytes_and_lines_cost_nothing() {
    let good = format!("{PHONE}m=audio 4000 RTP/AVP 0\n");
    let odd: Vec<(&str, Vec<u8>)> = vec![
        ("lf only", good.clone().into_bytes()),
        ("cr only", good.replace('\n', "\r").into_bytes()),
        ("blank lines", good.replace('\n', "\r\n\r\n").into_bytes()),
        ("blank first", format!("\r\n{good}").into_bytes()),
        ("nul last", format!("{good}\0").into_bytes()),
        ("nuls last", format!("{good}\0\0\0").into_bytes()),
        ("nul at once", format!("{}\0", good.trim_end()).into_bytes()),
        ("bom", [b"\xef\xbb\xbf", good.as_bytes()].concat()),
        ("no equals", format!("{good}garbage\n").into_bytes()),
        ("long letter", format!("{good}abc=def\n").into_bytes()),
        ("no letter", format!("{good}=x\n").into_bytes()),
        (
            "empty value",
            format!("{good}a=\na=:\nb=\ni=\n").into_bytes(),
        ),
        ("spaces", good.replace("s=-", " s = - ").into_bytes()),
        ("capital letters", good.replace("m=", "M=").into_bytes()),
        ("odd version", good.replacen("v=0", "v=00", 1).into_bytes()),
        ("empty version", good.replacen("v=0", "v=", 1).into_bytes()),
        ("no version", good.replacen("v=0\n", "", 1).into_bytes()),
        (
            "version last",
            format!("{}v=0\n", good.replacen("v=0\n", "", 1)).into_bytes(),
        ),
        ("twice", good.repeat(2).into_bytes()),
        (
            "lower protocol",
            good.replace("RTP/AVP", "rtp/avp").into_bytes(),
        ),
        ("capital kind", good.replace("audio", "AUDIO").into_bytes()),
        ("port count", good.replace("4000", "4000/1").into_bytes()),
        (
            "wide",
            good.replace("RTP/AVP 0", "  RTP/AVP\t 0  ").into_bytes(),
        ),
        (
            "unknown lines",
            good.replace("t=0 0", "t=0 0\ny=7\nk=clear:x\nz=0")
                .into_bytes(),
        ),
        (
            "order",
            "v=0\nt=0 0\nc=IN IP4 198.51.100.1\nm=audio 4000 RTP/AVP 0\ns=-\no=x\n".into(),
        ),
        (
            "ttl",
            good.replace("198.51.100.1\nt", "198.51.100.1/127\nt")
                .into_bytes(),
        ),
        (
            "two c=",
            good.replace("t=0", "c=IN IP4 203.0.113.5\nt=0")
                .into_bytes(),
        ),
        (
            "bad c= first",
            good.replace("c=", "c=IN IP4\nc=").into_bytes(),
        ),
        (
            "bad c= last",
            good.replace("t=0", "c=nonsense\nt=0").into_bytes(),
        ),
        (
            "no c=",
            good.replace("c=IN IP4 198.51.100.1\n", "").into_bytes(),
        ),
        (
            "c= below",
            format!(
                "{}c=IN IP4 198.51.100.1\n",
                good.replace("c=IN IP4 198.51.100.1\n", "")
            )
            .into_bytes(),
        ),
        (
            "wrong family",
            good.replace("c=IN IP4", "c=IN IP6").into_bytes(),
        ),
        (
            "mapped",
            good.replace("c=IN IP4 ", "c=IN IP6 ::ffff:").into_bytes(),
        ),
        (
            "latin-1",
            [
                b"v=0\ns=Z\xfcrich \xe9\n",
                good.replacen("v=0\n", "", 1).as_bytes(),
            ]
            .concat(),
        ),
        (
            "controls",
            good.replace("s=-", "s=\u{1}\u{2}\u{7f}").into_bytes(),
        ),
    ];
    for (name, bytes) in odd {
        let (ours, agreed) = answer(&Session::parse(&bytes).expect(name), &local()).expect(name);
        assert_eq!(
            agreed.remote,
            Some("198.51.100.1:4000".parse().unwrap()),
            "{name}"
        );
        assert_eq!((agreed.codec, ours.media.len()), (Codec::Pcmu, 1), "{name}");
    }
}

#[test]
fn a_section_that_cannot_be_read_is_refused_in_its_place() {
    for bad in [
        "m=video 0 RTP/AVP",
        "m=video 65536 RTP/AVP 96",
        "m=video x RTP/AVP 96",
        "m=video",
        "m=",
        "m=audio -1 RTP/AVP 0",
        "m=vid\u{e9}o 5000 R\u{fc}P/AVP \u{e4}",
        "m=application 9 UDP/BFCP *",
        "m=audio 5000 RTP/SAVP 0",
        "m=audio 5000 RTP/AVP 18",
    ] {
        let (ours, _) = take(&format!("{bad}\na=junk\nm=audio 4000 RTP/AVP 0\n"));
        let ports: Vec<u16> = ours.media.iter().map(|m| m.port).collect();
        assert_eq!(ports, [0, 10_000], "{bad}");
        assert!(ours.to_string().is_ascii(), "{bad}");
        parse_again(&ours);
    }
}

#[test]
fn payload_types_are_understood_however_they_are_described() {
    let of = |media: &str| {
        let agreed = take(media).1;
        (agreed.codec, agreed.payload_type, agreed.telephone_event)
    };
    let keys = Some((101, 8000));
    assert_eq!(
        of("m=audio 4000 RTP/AVP 0 101\na=RTPMAP:101 TELEPHONE-EVENT/8000/1\n"),
        (Codec::Pcmu, 0, keys)
    );
    assert_eq!(
        of(
            "m=audio 4000 RTP/AVP 110 101\na=rtpmap: 110 pcma\na=rtpmap:101  telephone-event/8000 \n"
        ),
        (Codec::Pcma, 110, keys)
    );
    // Named by what they can, not by what they are.
    assert_eq!(
        of("m=audio 4000 RTP/AVP 0 101\na=fmtp:101 0-15\n"),
        (Codec::Pcmu, 0, keys)
    );
    // The only keys there are run on another clock.
    assert_eq!(
        of("m=audio 4000 RTP/AVP 0 100\na=rtpmap:100 telephone-event/48000\n"),
        (Codec::Pcmu, 0, Some((100, 48_000)))
    );
    // One number for two things is the first of them; stereo is nothing a phone plays.
    assert_eq!(
        of(
            "m=audio 4000 RTP/AVP 96 0\na=rtpmap:96 PCMU/8000/2\na=rtpmap:96 telephone-event/8000\n"
        )
        .0,
        Codec::Pcmu
    );
    assert_eq!(
        of("m=audio 4000 RTP/AVP 97 97\na=rtpmap:97 PCMA/8000\na=rtpmap:97 telephone-event/8000\n"),
        (Codec::Pcma, 97, None)
    );
    let (ours, _) = take("m=audio 4000 RTP/AVP 0 100\na=rtpmap:100 telephone-event/16000\n");
    assert!(
        ours.to_string()
            .contains("a=rtpmap:100 telephone-event/16000\r\n")
    );
}

#[test]
fn a_phone_that_turns_its_audio_off_is_told_so_section_by_section() {
    let off = parse(&format!(
        "{PHONE}m=audio 0 RTP/AVP 0\nm=video 0 RTP/AVP 99\n"
    ));
    assert!(is_off(&off));
    let ports: Vec<u16> = decline(&off, &local())
        .media
        .iter()
        .map(|m| m.port)
        .collect();
    assert_eq!(ports, [0, 0]);
    assert!(!is_off(&parse(&format!(
        "{PHONE}m=audio 0 RTP/AVP 0\nm=audio 4 RTP/AVP 0\n"
    ))));
    assert!(!is_off(&parse(&format!("{PHONE}m=video 0 RTP/AVP 99\n"))));
}

#[test]
fn an_address_our_socket_cannot_reach_is_none() {
    let for_many = ["IP4 224.2.1.1/127", "IP4 255.255.255.255"];
    for address in ["IP6 2001:db8::1", "IP4 0.0.0.0", "IP4 127.0.0.1"]
        .into_iter()
        .chain(for_many)
    {
        if !for_many.contains(&address) {
            let (_, agreed) = take(&format!("m=audio 4000 RTP/AVP 0\nc=IN {address}\n"));
            assert_eq!(agreed.remote, None, "{address}");
        }
        let (_, agreed) = take(&format!("m=audio 4000 RTP/AVP 0\na=rtcp:9 IN {address}\n"));
        let voice = agreed.remote.map(|remote| remote.ip());
        assert_eq!(agreed.remote_rtcp.map(|rtcp| rtcp.ip()), voice, "{address}");
    }
}

#[test]
fn sound_for_many_is_refused() {
    for address in [
        "IP4 239.1.2.3",
        "IP4 224.2.1.1/127",
        "IP4 255.255.255.255",
        "IP6 ff02::1",
    ] {
        let section = format!("m=audio 4000 RTP/AVP 0\nc=IN {address}\n");
        assert_eq!(refuse(&section), AnswerError::ForMany, "{address}");
        let theirs = parse(&format!("{PHONE}{section}"));
        assert_eq!(accept_answer(&theirs, &local()), Err(AnswerError::ForMany));
        let both = format!("{section}m=audio 4002 RTP/AVP 0\nc=IN IP4 192.0.2.9\n");
        let (_, agreed) = take(&both);
        assert_eq!(agreed.remote, Some(([192, 0, 2, 9], 4002).into()));
    }
}

#[test]
fn numbers_that_no_packet_can_have_are_no_formats() {
    for number in [72, 76, 128, 200, 255] {
        let alone = format!("m=audio 4000 RTP/AVP {number}\na=rtpmap:{number} PCMU/8000\n");
        assert!(
            matches!(refuse(&alone), AnswerError::NoCodec { .. }),
            "{number}"
        );
        let keys =
            format!("m=audio 4000 RTP/AVP 0 {number}\na=rtpmap:{number} telephone-event/8000\n");
        assert_eq!(take(&keys).1.telephone_event, None, "{number}");
    }
    let usable = "m=audio 4000 RTP/AVP 127\na=rtpmap:127 PCMU/8000\n";
    assert_eq!(take(usable).1.payload_type, 127);
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
            prop_assert!(again.is_ok(), "{session}");
            let _ = answer(&session, &local());
            let _ = accept_answer(&session, &local());
        }
    }
}
