//! What those draw from us whom no trunk knows.

use super::*;

/// The INVITE of a scanner: some 300 bytes, as they come by the thousand.
fn scan(n: usize) -> String {
    format!(
        "INVITE sip:900441234567890@203.0.113.5 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 198.51.100.9:5070;branch=z9hG4bK{n:08}\r\nMax-Forwards: 70\r\n\
         From: <sip:100@203.0.113.5>;tag=x{n}\r\nTo: <sip:900441234567890@203.0.113.5>\r\n\
         Call-ID: {n}\r\nCSeq: 1 INVITE\r\nContact: <sip:100@198.51.100.9:5070>\r\nExpires: 120\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// svmap, svwar and svcrack call themselves so; 403 and 401 alike told them that somebody is here.
#[test]
fn a_scanner_that_names_itself_hears_nothing() {
    let named =
        |header: &str| scan(1).replace("Max-Forwards", &format!("{header}\r\nMax-Forwards"));
    for (text, is_heard) in [
        (named("User-Agent: friendly-scanner"), false),
        (named("User-Agent: SIPVicious 0.3.4"), false),
        (scan(1).replace("From: ", "From: \"sipvicious\""), false),
        (named("User-Agent: Yealink SIP-T46S 66.86.0.15"), true),
        (named("Subject: friendly-scanner"), true),
        (
            scan(1).replace("From: <sip:100@", "From: <sip:SIPVicious@"),
            false,
        ),
        (scan(1).replace("From: ", "From: \"R. Tiwari\""), true),
        (
            scan(1).replace("From: <sip:100@", "From: <sip:tiwari@"),
            true,
        ),
        (scan(1).replace("tag=x1", "tag=7gulp2"), true),
    ] {
        for method in ["INVITE", "OPTIONS", "REGISTER"] {
            let text = text.replace("INVITE", method);
            let mut world = World::new().strange();
            world.say_bytes(text.as_bytes());
            let answered = world.endpoint.poll_transmit().is_some();
            let invited = world.endpoint.poll_event().is_some();
            assert_eq!(answered || invited, is_heard, "{text}");
        }
    }
    // Whom a trunk names may call itself what it likes.
    let mut world = World::new();
    world.say_bytes(named("User-Agent: sipcli/v1.8").as_bytes());
    assert!(world.invitation().is_some());
}

fn sizes(world: &mut World) -> Vec<usize> {
    std::iter::from_fn(|| world.endpoint.poll_transmit())
        .map(|transmit| transmit.bytes.len())
        .collect()
}

/// One INVITE of 296 bytes drew twelve packets and 3.5 kB towards whoever it said it was.
#[test]
fn a_refused_stranger_draws_one_packet_no_larger_than_his_and_leaves_nothing() {
    let mut world = World::new().strange();
    for status in [403, 404, 480, 486, 503] {
        let text = scan(usize::from(status));
        world.say_bytes(text.as_bytes());
        let invitation = world.invitation().unwrap();
        world
            .endpoint
            .turn_away(&invitation, &Rejection::status(status));
        let drawn = sizes(&mut world);
        assert!(
            drawn.len() == 1 && drawn[0] <= text.len(),
            "{status}: {drawn:?}"
        );
    }
    world.pass(Duration::from_secs(64));
    assert!(sizes(&mut world).is_empty(), "nothing is repeated");
    assert_eq!(
        (world.endpoint.calls(), world.endpoint.transactions()),
        (0, 0)
    );
}

#[test]
fn the_same_question_gets_the_same_answer_tag_included() {
    let mut world = World::new().strange();
    let mut ask = |text: &str| {
        world.say_bytes(text.as_bytes());
        let invitation = world.invitation().unwrap();
        world
            .endpoint
            .turn_away(&invitation, &Rejection::status(403));
        world.endpoint.poll_transmit().unwrap().bytes
    };
    let (first, again, other) = (ask(&scan(1)), ask(&scan(1)), ask(&scan(2)));
    assert_eq!(first, again);
    let tag = |bytes: &[u8]| {
        let message = parse(bytes).unwrap();
        message.headers().to().unwrap().tag().unwrap().to_owned()
    };
    assert!(tag(&first).len() >= 12 && tag(&first) != tag(&other));
    let mut other_seed = Endpoint::new(EndpointConfig::new("t"), [2; 32], world.now);
    other_seed.handle_input(world.flow, scan(1).as_bytes(), world.now);
    let Some(Event::Invited(invitation)) = other_seed.poll_event() else {
        panic!("not invited");
    };
    other_seed.turn_away(&invitation, &Rejection::status(403));
    let elsewhere = other_seed.poll_transmit().unwrap().bytes;
    assert_ne!(tag(&first), tag(&elsewhere), "the key is the process's own");
}

#[test]
fn whatever_a_stranger_asks_the_answer_is_no_larger() {
    let short = "v:SIP/2.0/UDP 198.51.100.9:5070;branch=z9hG4bKq\r\nf:<sip:a@b>;tag=1\r\n\
                 t:<sip:a@b>\r\ni:1\r\n";
    for method in [
        "OPTIONS",
        "REGISTER",
        "SUBSCRIBE",
        "BYE",
        "CANCEL",
        "INFO",
        "MESSAGE",
    ] {
        let mut world = World::new().strange();
        let text = format!("{method} sip:a@b SIP/2.0\r\n{short}CSeq:1 {method}\r\n\r\n");
        world.say_bytes(text.as_bytes());
        let drawn = sizes(&mut world);
        assert!(
            drawn.iter().all(|size| *size <= text.len()),
            "{method}: {drawn:?} of {}",
            text.len()
        );
        assert!(drawn.len() <= 1, "{method}");
    }
    let mut world = World::new().strange();
    let call = format!("INVITE sip:a@b SIP/2.0\r\n{short}CSeq:1 INVITE\r\n\r\n");
    world.say_bytes(call.as_bytes());
    let invitation = world.invitation().unwrap();
    let challenge = "Digest realm=\"LiveKit\", nonce=\"0123456789abcdef0123456789abcdef0123456789abcdef\", algorithm=MD5, qop=\"auth\"";
    let rejection = Rejection::status(407).with(name::PROXY_AUTHENTICATE, challenge);
    let fate = world.endpoint.turn_away(&invitation, &rejection);
    assert_eq!(fate, Fate::Dropped("answer_too_large"));
    assert!(sizes(&mut world).is_empty());
}

/// A phone that may log in from anywhere is challenged once, in a packet no larger than its own.
#[test]
fn a_challenge_fits_into_an_ordinary_invite() {
    let mut world = World::new().strange();
    let text = scan(1);
    world.say_bytes(text.as_bytes());
    let invitation = world.invitation().unwrap();
    let mut rejection = Rejection::status(407);
    for algorithm in ["MD5", "SHA-256"] {
        let challenge = format!(
            "Digest realm=\"LiveKit\", nonce=\"{}\", algorithm={algorithm}, qop=\"auth\"",
            "0".repeat(36)
        );
        rejection = rejection.with(name::PROXY_AUTHENTICATE, challenge);
    }
    world.endpoint.turn_away(&invitation, &rejection);
    let challenged = world.endpoint.poll_transmit().unwrap().bytes;
    assert!(
        challenged.len() <= text.len(),
        "{} of {}",
        challenged.len(),
        text.len()
    );
    let Ok(Message::Response(response)) = parse(&challenged) else {
        panic!("no response");
    };
    let challenge = response.headers.get(name::PROXY_AUTHENTICATE).unwrap();
    let challenge = crate::digest::Challenge::parse(challenge).unwrap();
    assert_eq!(challenge.algorithm, crate::digest::Algorithm::Md5);
    assert!(challenge.counted, "replays are told from repeats");
}

#[test]
fn strangers_who_are_ignored_hear_nothing_but_a_challenge() {
    let mut world = World::new().strange();
    world.endpoint.config.strangers = Strangers::Ignored;
    for text in [
        message("OPTIONS", "1", 1, "", ""),
        message("REGISTER", "2", 1, "", ""),
        message("BYE", "3", 1, "ghost", ""),
        message("INVITE", "4", 1, "", "").replace("CSeq: 1", "CSeq: x"),
        message("INVITE", "5", 1, "", "Require: x\r\n"),
    ] {
        world.say_bytes(text.as_bytes());
        assert_eq!(world.fate, Fate::Dropped("stranger"), "{text}");
    }
    let mut refuse = |status: u16| {
        world.say_bytes(scan(1).as_bytes());
        let invitation = world.invitation().unwrap();
        let fate = world
            .endpoint
            .turn_away(&invitation, &Rejection::status(status));
        (fate, world.statuses())
    };
    assert_eq!(refuse(403), (Fate::Dropped("stranger"), vec![]));
    assert_eq!(refuse(407), (Fate::TurnedAway, vec![407]));
    let mut world = World::new();
    world.endpoint.config.strangers = Strangers::Ignored;
    world.say(&message("OPTIONS", "1", 1, "", ""));
    assert_eq!(world.statuses(), [200], "a trunk is answered");
}

/// Twenty sources, each under its own limit, filled every transaction, and a good call got 503.
#[test]
fn a_flood_of_many_sources_leaves_room_for_the_known() {
    let mut world = World::new();
    let (known, mut answered) = (world.flow, 0);
    for n in 0..20_000_usize {
        world.now += Duration::from_micros(1190);
        world.flow = Flow {
            remote: format!("198.51.100.{}:5060", n % 20).parse().unwrap(),
            ..known
        };
        world.say_bytes(scan(n).as_bytes());
        if let Some(invitation) = world.invitation() {
            answered += 1;
            world
                .endpoint
                .turn_away(&invitation, &Rejection::status(403));
        }
        if n % 1000 == 0 {
            world.flow = known;
            let call = message("INVITE", &format!("k{n}"), 1, "", "");
            world.say(&call.replace("Call-ID: c1", &format!("Call-ID: k{n}")));
            world.incoming();
        }
        while world.endpoint.poll_transmit().is_some() {}
    }
    assert_eq!(world.endpoint.calls(), 20, "every good call");
    assert_eq!(world.endpoint.transactions(), 20);
    assert!(
        (4_000..6_000).contains(&answered),
        "{answered} in 24 s at 200/s"
    );
}

/// A trunk that is open to all may fill three quarters; the rest is for those with an address or a
/// password.
#[test]
fn a_quarter_of_all_calls_is_kept_for_the_known() {
    let mut world = World::with(Limits {
        calls: 8,
        ..Limits::default()
    });
    let mut call = |n: usize, standing: Standing| {
        let text = message("INVITE", &format!("c{n}"), 1, "", "");
        world.say_bytes(
            text.replace("Call-ID: c1", &format!("Call-ID: c{n}"))
                .as_bytes(),
        );
        let invitation = world.invitation().unwrap();
        world
            .endpoint
            .admit(&invitation, standing, world.now)
            .is_ok()
    };
    let strangers = (0..20).filter(|n| call(*n, Standing::Stranger)).count();
    let known = (20..40).filter(|n| call(*n, Standing::Known)).count();
    assert_eq!((strangers, known), (6, 2));
}

/// Whoever answered our 200 from where it went is no forged address.
#[test]
fn a_confirmed_call_makes_its_source_known() {
    let mut world = World::new().strange();
    let source = world.flow.remote.ip();
    assert!(!world.endpoint.knows(source, world.now));
    world.up();
    assert!(world.endpoint.knows(source, world.now));
}

/// What a scanner sends, to the byte.
fn bare() -> String {
    let text = scan(1).replace("Expires: 120\r\n", "");
    let text = text.replace("Max-Forwards: 70\r\n", "");
    let pad = 296_usize.checked_sub(text.len() + "X: \r\n".len()).unwrap();
    text.replace(
        "Content-Length",
        &format!("X: {}\r\nContent-Length", "y".repeat(pad)),
    )
}

/// Both challenges of a trunk with a password, as long as they are in life.
fn challenged(world: &World) -> Rejection {
    let verifier = crate::digest::Verifier::new("secret".to_owned().into());
    let source = world.flow.remote.ip();
    let now = trunkline_base::time::UnixTime(1_700_000_000_000);
    let verdict = crate::digest::Verdict::Missing;
    let challenges = verifier.challenges("LiveKit", source, now, verdict);
    let rejection = Rejection::status(407);
    challenges.iter().fold(rejection, |rejection, challenge| {
        rejection.with(name::PROXY_AUTHENTICATE, challenge.to_string())
    })
}

/// A phone that may log in from anywhere was never asked to when its INVITE was this short.
#[test]
fn a_bare_invite_of_296_bytes_is_answered_within_296_bytes() {
    let text = bare();
    assert_eq!(text.len(), 296);
    let mut world = World::new().strange();
    let plain = [403, 404, 480, 486, 488, 503].map(Rejection::status);
    let later = Rejection::retry_after(Duration::from_secs(5));
    let all = plain.into_iter().chain([later, challenged(&world)]);
    for rejection in all {
        world.say_bytes(text.as_bytes());
        let invitation = world.invitation().unwrap();
        world.endpoint.turn_away(&invitation, &rejection);
        let drawn = sizes(&mut world);
        assert!(
            drawn.len() == 1 && drawn[0] <= text.len(),
            "{}: {drawn:?}",
            rejection.status
        );
    }
}

/// The bound is for forged addresses; a trunk hears all there is to say, however short it asks.
#[test]
fn a_trunk_that_asks_briefly_is_answered_in_full() {
    let mut world = World::new();
    let text = "INVITE sip:a@b SIP/2.0\r\nv:SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKq\r\n\
                f:<sip:a@b>;tag=1\r\nt:<sip:a@b>\r\ni:1\r\nCSeq:1 INVITE\r\n\r\n";
    world.say_bytes(text.as_bytes());
    let invitation = world.invitation().unwrap();
    let rejection = challenged(&world);
    world.endpoint.turn_away(&invitation, &rejection);
    let response = world.response();
    assert_eq!(response.reason, "Proxy Authentication Required");
    assert_eq!(response.headers.lines(name::PROXY_AUTHENTICATE).count(), 2);
    assert_eq!(response.headers.get(name::SERVER), Some("test"));
}
