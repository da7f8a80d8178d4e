//! Networks that lose, change and come back.

use super::*;

#[test]
fn a_provider_that_was_away_for_ten_minutes_has_us_back_within_a_minute() {
    let mut registrar = Registrar::new();
    registrar.grants = 120;
    let mut world = World::new(settings());
    world.with(secs(300), &mut registrar);
    assert!(world.is_registered());
    world.run(secs(900), |_, _| Back::Nothing);
    assert!(!world.is_registered(), "it lapsed");
    assert_eq!(world.registration.state().trouble, Some(Trouble::Silence));
    // One silent try and one pause.
    world.with(secs(900 + 32 + 61), &mut registrar);
    assert!(world.is_registered());
    assert_eq!(world.registration.state().trouble, None);
}

#[test]
fn lost_requests_cost_no_registration() {
    for seed in 0..20 {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut registrar = Registrar::new();
        let mut world = World::new(settings());
        world.with(secs(1), &mut registrar);
        for minute in 1..=600 {
            world.run(secs(minute * 60), |_, request| {
                // All repeats of one request, which is a bad line; the answer may be what is lost.
                let (status, headers) = registrar.answer(request);
                if chance.random_bool(0.05) {
                    return Back::Nothing;
                }
                Back::Answer(Box::new(response(status, registrar.sees, &headers)))
            });
            assert!(world.is_registered(), "seed {seed}, minute {minute}");
        }
    }
}

#[test]
fn the_next_target_is_tried_at_once() {
    for silent in [true, false] {
        let mut registrar = Registrar::new();
        let mut world = World::new(settings());
        world.places = (1..=3).map(|n| place(n, Transport::Tcp)).collect();
        world.run(secs(40), |place, request| {
            if place.target.address.ip() == std::net::IpAddr::from([203, 0, 113, 1]) {
                return if silent { Back::Nothing } else { Back::Refused };
            }
            let (status, headers) = registrar.answer(request);
            Back::Answer(Box::new(response(status, registrar.sees, &headers)))
        });
        assert!(world.is_registered());
        let target = world.registration.state().target.clone().unwrap();
        assert_eq!(target.address, ([203, 0, 113, 2], 5060).into());
        let took = world.sent.last().unwrap().0;
        assert!(took < if silent { secs(34) } else { secs(1) }, "{took:?}");
    }
}

#[test]
fn an_overloaded_registrar_is_left_alone_as_long_as_it_asks() {
    let mut world = World::new(settings());
    world.always(secs(119), 503, "Retry-After: 120 (back soon)\r\n");
    assert_eq!(world.sent.len(), 1);
    world.always(secs(300), 503, "Retry-After: 120\r\n");
    assert!(world.sent.len() > 1);
}

#[test]
fn behind_a_nat_the_contact_is_where_the_registrar_sees_us() {
    let mut registrar = Registrar::new();
    registrar.sees = ([198, 51, 100, 7], 31_337).into();
    let mut world = World::new(settings());
    world.with(secs(1), &mut registrar);
    assert_eq!(
        registrar.bindings,
        ["sip:tl0815@198.51.100.7:31337"],
        "and the first one is taken back"
    );
    let count = world.sent.len();
    world.with(secs(200), &mut registrar);
    assert_eq!(world.sent.len(), count);
    // The NAT forgot us.
    registrar.sees = ([198, 51, 100, 7], 40_000).into();
    world.with(secs(3600), &mut registrar);
    assert_eq!(registrar.bindings, ["sip:tl0815@198.51.100.7:40000"]);
    // An address that the operator gave is not argued with.
    let mut fixed = World::new(Settings {
        is_fixed: true,
        ..settings()
    });
    let mut registrar = Registrar {
        sees: registrar.sees,
        ..Registrar::new()
    };
    fixed.with(secs(1), &mut registrar);
    assert_eq!(registrar.bindings, ["sip:tl0815@192.168.1.5:5060"]);
    assert_eq!(fixed.sent.len(), 2);
}

#[test]
fn our_own_contact_is_found_among_others() {
    let mut registrar = Registrar::new();
    registrar.others = "Contact: <sip:desk@198.51.100.1>;expires=5, \"B\" <sip:b@h>;expires=7\r\n\
                        Service-Route: <sip:edge.example.com;lr>\r\n"
        .to_owned();
    let mut world = World::new(settings());
    world.with(secs(1), &mut registrar);
    let state = world.registration.state();
    assert!(state.registered_until.unwrap() - world.began >= secs(600));
    assert_eq!(state.routes.len(), 1);
}

#[test]
fn leaving_takes_the_registration_back() {
    let mut registrar = Registrar::new();
    let mut world = World::new(settings());
    world.with(secs(1), &mut registrar);
    registrar.challenge = Some(challenge("n2", Algorithm::Md5, true));
    world.registration.leave();
    world.with(secs(2), &mut registrar);
    assert!(world.left && registrar.bindings.is_empty());
    assert!(!world.is_registered());
    world.with(secs(7200), &mut registrar);
    assert!(registrar.bindings.is_empty(), "and that is that");
    // One that is registered nowhere has nothing to take back.
    let mut away = World::new(settings());
    away.run(secs(40), |_, _| Back::Refused);
    away.registration.leave();
    away.run(secs(41), |_, _| Back::Refused);
    assert!(away.left);
}

#[test]
fn a_lost_flow_is_registered_again_within_a_second() {
    let mut registrar = Registrar::new();
    let mut world = World::new(Settings {
        keep_alive: secs(25),
        ..settings()
    });
    world.with(secs(101), &mut registrar);
    assert_eq!(world.keep_alives, 4);
    let count = world.sent.len();
    world.registration.flow_lost(world.now);
    assert_eq!(world.registration.state().trouble, Some(Trouble::FlowLost));
    world.with(secs(103), &mut registrar);
    assert_eq!(world.sent.len(), count + 1);
    assert!(world.is_registered());
}

#[test]
fn requests_of_one_registration_count_on_and_say_who_goes_where() {
    let mut registrar = Registrar::new();
    let route = NameAddr::parse("<sip:proxy.example.com;lr>").unwrap();
    let mut world = World::new(Settings {
        routes: vec![route],
        ..settings()
    });
    world.with(secs(3600), &mut registrar);
    let ids = world
        .sent
        .iter()
        .map(|(_, _, r)| r.headers.call_id().unwrap());
    let ids: std::collections::BTreeSet<&str> = ids.collect();
    assert_eq!(ids.len(), 1);
    for (n, (_, _, request)) in world.sent.iter().enumerate() {
        let headers = &request.headers;
        assert_eq!(headers.cseq().unwrap().number as usize, n + 1);
        assert_eq!(headers.get(name::ROUTE), Some("<sip:proxy.example.com;lr>"));
        assert_eq!(headers.get(name::TO), Some("<sip:alice@example.com>"));
        let text = format!("{request:?}");
        assert!(!text.contains("wonderland"), "{text}");
    }
}
