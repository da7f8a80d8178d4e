//! What registrars answer, and what becomes of it.

use super::*;

#[test]
fn every_kind_of_challenge_is_answered_and_the_next_refresh_needs_none() {
    for (algorithm, counted) in [
        (Algorithm::Md5, true),
        (Algorithm::Md5, false),
        (Algorithm::Sha256, true),
        (Algorithm::Sha256, false),
    ] {
        let mut registrar = Registrar::new();
        registrar.challenge = Some(challenge("n1", algorithm, counted));
        let mut world = World::new(settings());
        world.with(secs(1), &mut registrar);
        assert!(world.is_registered());
        assert_eq!(world.sent.len(), 2, "one challenge");
        world.with(secs(3600), &mut registrar);
        assert!(world.is_registered());
        let times: Vec<u64> = world.sent.iter().map(|(at, ..)| at.as_secs()).collect();
        for pair in times[1..].windows(2) {
            let pause = pair[1] - pair[0];
            assert!((299..=481).contains(&pause), "half to four fifths: {pause}");
        }
        let pauses: std::collections::BTreeSet<u64> =
            times.windows(2).map(|p| p[1] - p[0]).collect();
        assert!(pauses.len() > 3, "not in step with everybody else");
    }
}

/// A registrar that was restarted knows no nonce of before, and need not say so.
#[test]
fn a_new_nonce_costs_one_more_request_and_no_registration() {
    for stale in [true, false] {
        let mut registrar = Registrar::new();
        let mut world = World::new(settings());
        for hour in 1..=5 {
            let mut next = challenge(&format!("n{hour}"), Algorithm::Md5, true);
            next.stale = stale;
            registrar.challenge = Some(next);
            world.with(secs(hour * 600), &mut registrar);
            assert!(world.is_registered());
            assert_eq!(world.registration.state().trouble, None);
        }
    }
}

#[test]
fn a_wrong_password_is_said_and_not_tried_again_and_again() {
    let mut registrar = Registrar::new();
    let mut world = World::new(Settings {
        login: login("nope"),
        ..settings()
    });
    world.with(secs(1), &mut registrar);
    assert_eq!(world.sent.len(), 2);
    assert_eq!(world.registration.state().trouble, Some(Trouble::Password));
    world.with(secs(24 * 3600), &mut registrar);
    assert!(world.sent.len() < 130, "{} in a day", world.sent.len());
    // Somebody mends the account.
    registrar.challenge = None;
    world.with(secs(25 * 3600), &mut registrar);
    assert!(world.is_registered());
}

#[test]
fn refusals_are_told_and_come_later_and_later() {
    for status in [403, 404, 420, 603] {
        let mut world = World::new(settings());
        world.always(secs(24 * 3600), status, "");
        let state = world.registration.state();
        assert_eq!(state.trouble, Some(Trouble::Answered(status)));
        assert!(!state.is_registered() && state.next_try.is_some());
        let count = world.sent.len();
        assert!((40..70).contains(&count), "{count}");
    }
}

#[test]
fn too_short_is_asked_again_for_longer() {
    let mut registrar = Registrar::new();
    registrar.least = 1800;
    let mut world = World::new(settings());
    world.with(secs(10), &mut registrar);
    assert!(world.is_registered());
    assert_eq!(world.sent.len(), 3, "401, 423, 200");
    let until = world.registration.state().registered_until.unwrap();
    assert!(until - world.began >= secs(1800));
}

/// Whatever a registrar says, it is not asked without pause, nor given up for good.
#[test]
fn odd_registrars_are_not_asked_without_end() {
    let nonce = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=true\r\n";
    let contact = |rest: &str| format!("Contact: <sip:tl0815@192.168.1.5:5060>{rest}\r\n");
    for (status, headers, most) in [
        (401, nonce.to_owned(), 400),
        (
            401,
            "WWW-Authenticate: Basic realm=\"r\"\r\n".to_owned(),
            400,
        ),
        (401, String::new(), 400),
        (423, "Min-Expires: 601\r\n".to_owned(), 400),
        (423, "Min-Expires: 4000000000\r\n".to_owned(), 400),
        (200, contact(";expires=0"), 2000),
        (200, contact(";expires=1"), 44_000),
        (200, contact(";expires=zebra"), 400),
        (
            200,
            "Contact: <sip:bob@198.51.100.1>, <sip:eve@198.51.100.2>\r\n".to_owned(),
            2000,
        ),
        (503, "Retry-After: 4000000000\r\n".to_owned(), 40),
        (503, "Retry-After: 0\r\n".to_owned(), 2000),
        (302, contact(""), 400),
    ] {
        let mut world = World::new(settings());
        let day = secs(24 * 3600);
        let sees: SocketAddr = ([192, 168, 1, 5], 5060).into();
        let mut count = 0;
        for hour in 1..=24 {
            world.sent.clear();
            world.run(day / 24 * hour, |_, _| {
                count += 1;
                Back::Answer(Box::new(response(status, sees, &headers)))
            });
        }
        assert!(count > 5, "{status} {headers} gives up");
        assert!(count < most, "{status} {headers}: {count}");
    }
}
