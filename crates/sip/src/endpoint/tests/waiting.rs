//! Callers nobody has decided about yet.

use super::*;

fn waiting(world: &mut World) {
    world.say_bytes(message("INVITE", "1", 1, "", "").as_bytes());
    let invitation = world.invitation().unwrap();
    world.endpoint.let_wait(invitation);
    assert!(world.sent().is_empty());
}

/// Whoever hung up while a server was asked about him got 481, and then his phone rang on as a call.
#[test]
fn a_cancel_takes_back_an_invite_that_waits() {
    for strange in [false, true] {
        let mut world = World::new();
        if strange {
            world = world.strange();
        }
        waiting(&mut world);
        world.say_bytes(message("CANCEL", "1", 1, "", "").as_bytes());
        assert_eq!(world.fate, Fate::Refused("withdrawn"));
        let sent = world.sent();
        let told: Vec<_> = sent
            .iter()
            .map(|message| match message {
                Message::Response(response) => {
                    (response.status, response.headers.cseq().unwrap().method)
                }
                Message::Request(_) => panic!("a request"),
            })
            .collect();
        assert_eq!(told, [(200, Method::Cancel), (487, Method::Invite)]);
        assert!(world.endpoint.take_waiting().is_empty());
        // Both were lost on the way, or cross with repeats.
        world.say_bytes(message("INVITE", "1", 1, "", "").as_bytes());
        assert_eq!(world.statuses(), [487]);
        assert!(world.endpoint.poll_event().is_none(), "no call after all");
        world.say_bytes(message("CANCEL", "1", 1, "", "").as_bytes());
        assert_eq!(world.statuses(), [200]);
        world.say_bytes(message("ACK", "1", 1, "", "").as_bytes());
        assert!(world.sent().is_empty());
        world.now += Duration::from_secs(33);
        world.say_bytes(message("CANCEL", "1", 1, "", "").as_bytes());
        assert_eq!(world.statuses(), [481], "forgotten");
        assert_eq!(world.endpoint.transactions(), 0);
    }
}

/// An INVITE that waits is in no transaction; its repeat after half a second was a second caller
/// from that address, and was refused while the first was let in.
#[test]
fn a_repeat_of_one_who_waits_is_the_same_caller() {
    let mut world = World::new();
    waiting(&mut world);
    world.say_bytes(message("INVITE", "1", 1, "", "").as_bytes());
    assert_eq!(
        (world.fate, world.invitation().is_none()),
        (Fate::Taken, true)
    );
    assert!(world.sent().is_empty());
    world.say_bytes(message("INVITE", "2", 1, "", "").as_bytes());
    assert!(world.invitation().is_some(), "a call of its own");
    let [one] = &world.endpoint.take_waiting()[..] else {
        panic!("not one");
    };
    world
        .endpoint
        .admit(one, Standing::Known, world.now)
        .unwrap();
    assert_eq!(world.statuses(), [100]);
    world.say_bytes(message("CANCEL", "1", 1, "", "").as_bytes());
    assert_eq!(world.statuses(), [200, 487]);
}

#[test]
fn those_who_cancel_in_numbers_are_forgotten() {
    let mut world = World::new();
    for n in 0..500 {
        let branch = n.to_string();
        world.say_bytes(message("INVITE", &branch, 1, "", "").as_bytes());
        world
            .invitation()
            .into_iter()
            .for_each(|one| world.endpoint.let_wait(one));
        world.say_bytes(message("CANCEL", &branch, 1, "", "").as_bytes());
        world.now += Duration::from_millis(20);
    }
    assert!(world.endpoint.waiting.remembered() <= 64);
}
