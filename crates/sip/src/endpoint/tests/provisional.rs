//! Answers before the answer that must arrive, both ways (RFC 3262).

use super::*;

fn rack(response: &Response) -> String {
    let number = response.headers.get(name::RSEQ).unwrap();
    format!("RAck: {number} 1 INVITE\r\n")
}

fn required(body: &str) -> String {
    let text = message("INVITE", "1", 1, "", "Require: 100rel\r\n");
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let text = text.replace("Content-Length: 0\r\n\r\n", &length);
    text.replace("Require", "Content-Type: application/sdp\r\nRequire")
}

#[test]
fn ringing_is_repeated_until_its_prack_and_the_answer_waits_for_it() {
    let mut world = World::new();
    world.say(&required("v=0"));
    let (leg, tag) = world.incoming();
    world.sent();
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    let ringing = world.response();
    assert_eq!(ringing.headers.get(name::REQUIRE), Some("100rel"));
    world.pass(Duration::from_millis(1600));
    assert_eq!(world.statuses(), [180, 180]);
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    assert!(world.sent().is_empty());
    let wrong = rack(&ringing).replace(" 1 INVITE", " 2 INVITE");
    world.say(&message("PRACK", "2", 2, &tag, &wrong));
    assert_eq!(world.statuses(), [481]);
    let prack = message("PRACK", "3", 3, &tag, &rack(&ringing));
    world.say(&prack);
    assert_eq!(world.statuses(), [200, 200], "to PRACK and to INVITE");
    world.say(&prack);
    assert_eq!(world.statuses(), [200], "again");
    world.say(&message("ACK", "4", 1, &tag, ""));
    assert!(matches!(world.event(), Event::Confirmed { .. }));
    world.pass(Duration::from_secs(60));
    assert!(world.sent().is_empty());
}

#[test]
fn ringing_that_nobody_confirms_ends_the_call() {
    let mut world = World::new();
    world.say(&required("v=0"));
    let (leg, _) = world.incoming();
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    world.sent();
    world.pass(Duration::from_secs(33));
    let said = world.statuses();
    assert!(
        said.starts_with(&[180, 180, 180, 180, 180, 180, 504]),
        "{said:?}"
    );
    assert_eq!(world.ended(), EndCause::Rejected(504));
}

#[test]
fn what_comes_after_ringing_waits_for_its_prack() {
    let mut world = World::new();
    world.say(&required("v=0"));
    let (leg, tag) = world.incoming();
    world.sent();
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    let ringing = world.response();
    world
        .endpoint
        .ring(leg, 183, Some("v=0".into()), world.now)
        .unwrap();
    assert!(world.sent().is_empty());
    world.say(&message("PRACK", "2", 2, &tag, &rack(&ringing)));
    let progress = world.response();
    let number =
        |response: &Response| -> u32 { response.headers.get(name::RSEQ).unwrap().parse().unwrap() };
    assert_eq!(
        (progress.status, number(&progress)),
        (183, number(&ringing) + 1)
    );
    world.say(&message("CANCEL", "1", 1, "", ""));
    assert_eq!(world.statuses(), [200, 487]);
    world.pass(Duration::from_secs(60));
    assert!(world.statuses().iter().all(|status| *status == 487));
}

/// A first answer that must arrive would have to make the offer.
#[test]
fn who_brings_no_offer_hears_no_ringing_that_must_arrive() {
    let mut world = World::new();
    world.say(&message("INVITE", "1", 1, "", "Require: 100rel\r\n"));
    let (leg, _) = world.incoming();
    world.sent();
    world.endpoint.ring(leg, 180, None, world.now).unwrap();
    assert!(world.sent().is_empty());
    world
        .endpoint
        .accept(leg, "v=0".into(), &[], world.now)
        .unwrap();
    assert_eq!(world.statuses(), [200]);
}

#[test]
fn every_phone_of_a_fork_that_rings_is_confirmed_once() {
    let mut world = World::new();
    let (leg, invite) = world.place(None);
    let reliable = |number| [(name::REQUIRE, "100rel"), (name::RSEQ, number)];
    world.answer(&invite, 183, "a", &reliable("7"));
    let prack = world.request();
    assert_eq!(prack.headers.get(name::RACK), Some("7 1 INVITE"));
    assert_eq!(prack.headers.cseq().unwrap().number, 2);
    assert_eq!(prack.headers.to().unwrap().tag(), Some("a"));
    world.answer(&prack, 200, "a", &[]);
    world.answer(&invite, 183, "a", &reliable("7"));
    world.answer(&invite, 183, "a", &reliable("9"));
    assert!(world.sent().is_empty(), "a repeat, and one too far");
    world.answer(&invite, 180, "b", &reliable("1"));
    assert_eq!(world.words(), ["PRACK"]);
    world.answer(&invite, 180, "c", &[]);
    let rang: Vec<String> = std::iter::from_fn(|| world.endpoint.poll_event())
        .map(|event| match event {
            Event::Progress { tag, status, .. } => format!("{tag} {status}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(rang, ["a 183", "b 180", "c 180"]);
    world.answer(&invite, 200, "a", &[]);
    assert!(matches!(world.event(), Event::Answered { .. }));
    assert_eq!(world.words(), ["ACK"]);
    world.answer(&invite, 200, "b", &[]);
    assert_eq!(world.words(), ["ACK", "BYE"], "one is enough");
    world.endpoint.hangup(leg, Vec::new(), world.now).unwrap();
    assert_eq!(
        world.request().headers.cseq().unwrap().number,
        3,
        "counts on"
    );
}
