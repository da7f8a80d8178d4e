use super::*;

fn local(codecs: &[Codec]) -> Local {
    Local {
        address: "192.0.2.1:10000".parse().unwrap(),
        codecs: codecs.to_vec(),
        session_id: 1,
        version: 1,
        direction: Direction::SendRecv,
        crypto: LocalCrypto::default(),
    }
}

fn parse(media: &str) -> Session {
    let text = format!("v=0\no=x 1 1 IN IP4 198.51.100.1\nc=IN IP4 198.51.100.1\n{media}");
    Session::parse(text.as_bytes()).unwrap()
}

fn take(media: &str) -> (Session, Agreement) {
    answer(&parse(media), &local(&Codec::ALL)).unwrap()
}

const OPUS: &str = "m=audio 4000 RTP/AVP 0 8 9 96\na=rtpmap:96 opus/48000/2\n";

#[test]
fn our_order_of_codecs_decides_and_theirs_between_the_laws_of_g711() {
    let of = |offered: &str, ours: &[Codec]| {
        let offer = parse(&format!(
            "m=audio 4000 RTP/AVP {offered}\na=rtpmap:96 opus/48000/2\n"
        ));
        answer(&offer, &local(ours)).unwrap().1.codec
    };
    assert_eq!(of("0 8 9 96", &Codec::ALL), Codec::Opus);
    assert_eq!(of("0 8 9", &Codec::ALL), Codec::G722);
    assert_eq!(of("8 0", &Codec::ALL), Codec::Pcma);
    assert_eq!(of("0 8", &Codec::ALL), Codec::Pcmu);
    assert_eq!(
        of("9 8 0", &[Codec::Pcmu, Codec::Pcma, Codec::G722]),
        Codec::Pcma
    );
    assert_eq!(of("8 0", &[Codec::Pcmu]), Codec::Pcmu);
    assert_eq!(of("0 96 9", &[Codec::G722, Codec::Opus]), Codec::G722);
}

#[test]
fn opus_is_read_by_its_name_and_its_wishes_are_kept() {
    let (ours, agreed) = take(&format!(
        "{OPUS}a=fmtp:96 useinbandfec=1; maxaveragebitrate=16000;stereo=1\na=ptime:30\na=maxptime:40\n"
    ));
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Opus, 96));
    let wishes = OpusWishes {
        fec: true,
        max_bitrate: Some(16_000),
    };
    assert_eq!(agreed.opus, wishes);
    // No frame of Opus lasts 30 ms.
    assert_eq!((agreed.ptime, agreed.max_ptime), (20, 40));
    let said = ours.to_string();
    assert!(said.contains("a=rtpmap:96 opus/48000/2\r\n"), "{said}");
    assert!(said.contains("a=fmtp:96 useinbandfec=1;stereo=0"), "{said}");
    // What is called Opus on another clock is something else.
    let odd = OPUS.replace("48000/2", "16000");
    assert_eq!(take(&odd).1.codec, Codec::G722);
}

#[test]
fn keys_run_on_the_clock_of_the_voice_where_they_can() {
    let keys = "a=rtpmap:101 telephone-event/8000\na=rtpmap:110 telephone-event/48000\n";
    let of = |types: &str| {
        let offer = format!("m=audio 4000 RTP/AVP {types}\na=rtpmap:96 opus/48000/2\n{keys}");
        take(&offer).1.telephone_event
    };
    assert_eq!(of("96 101 110"), Some((110, 48_000)));
    assert_eq!(of("9 110 101"), Some((101, 8_000)));
    assert_eq!(of("96 101"), Some((101, 8_000)));
    assert_eq!(of("96"), None);
}

#[test]
fn comfort_noise_is_taken_where_it_is_offered_and_fits() {
    let of = |types: &str| {
        let (ours, agreed) = take(&format!("m=audio 4000 RTP/AVP {types}\n"));
        (agreed.comfort_noise, ours.media[0].formats.join(" "))
    };
    assert_eq!(of("0 13"), (Some(13), "0 13".to_owned()));
    assert_eq!(of("0"), (None, "0".to_owned()));
    // It is described for 8 kHz, and no phone means it for a wide band.
    assert_eq!(of("9 13"), (None, "9".to_owned()));
}

#[test]
fn a_refusal_names_what_was_offered_and_what_would_be_taken() {
    let refuse = |media: &str| answer(&parse(media), &local(&Codec::ALL)).unwrap_err();
    let error = refuse(
        "m=audio 4000 RTP/AVP 18 3 97 98 99\na=rtpmap:97 AMR-WB/16000\n\
         a=rtpmap:98 \"evil\"\\/8000\na=rtpmap:99 telephone-event/8000\n",
    );
    assert_eq!(error.warning(), 305);
    assert_eq!(
        error.to_string(),
        "no codec in common: G729, GSM, AMRWB, EVIL offered, OPUS, G722, PCMU, PCMA taken"
    );
}

#[test]
fn offers_of_ours_name_every_codec_and_keys_on_each_clock() {
    let said = offer(&local(&Codec::ALL)).to_string();
    assert!(said.contains("RTP/AVP 111 9 0 8 101 102\r\n"), "{said}");
    for line in [
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:102 telephone-event/48000",
    ] {
        assert!(said.contains(&format!("{line}\r\n")), "{line} in {said}");
    }
    let narrow = offer(&local(&[Codec::Pcmu])).to_string();
    assert!(narrow.contains("RTP/AVP 0 101\r\n"), "{narrow}");
}

#[test]
fn the_first_codec_of_an_answer_counts() {
    let theirs = parse("m=audio 4000 RTP/AVP 0 9\n");
    let agreed = accept_answer(&theirs, &local(&Codec::ALL)).unwrap();
    assert_eq!(agreed.codec, Codec::Pcmu);
}
