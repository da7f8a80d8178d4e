//! What must hold for a call on any link.

use std::time::Duration;

use bytes::Bytes;
use trunkline_sip::endpoint::{EndCause, Event, LegId, Rejection};

use super::world::{BAD, CLEAN, World};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn incoming(world: &World) -> Option<LegId> {
    world.arrived.first().copied()
}

fn calls_seen(world: &World) -> usize {
    world.arrived.len()
}

pub(crate) fn end_of(events: &[Event]) -> Option<EndCause> {
    events.iter().find_map(|event| match event {
        Event::Ended { cause, .. } => Some(cause.clone()),
        _ => None,
    })
}

pub(crate) fn answered(world: &World) -> bool {
    world
        .caller_events
        .iter()
        .any(|e| matches!(e, Event::Answered { .. }))
}

pub(crate) fn confirmed(world: &World) -> bool {
    world
        .called_events
        .iter()
        .any(|e| matches!(e, Event::Confirmed { .. }))
}

/// Both sides are in a call. Loses the run when the link swallowed too much, which 30 % over 32 s
/// of repeats does not do for the seeds below.
pub(crate) fn talk(world: &mut World) -> (LegId, LegId) {
    let caller = world.call();
    world.until(32 * SECOND, "the call arrives", |w| incoming(w).is_some());
    let called = incoming(world).unwrap();
    world.called.ring(called, 180, None, world.now).unwrap();
    world.pass(SECOND);
    world
        .called
        .accept(called, Bytes::from_static(b"answer"), &[], world.now)
        .unwrap();
    world.until(32 * SECOND, "both sides agree", |w| {
        answered(w) && confirmed(w)
    });
    (caller, called)
}

pub(crate) fn nothing_left(world: &mut World) {
    nothing_left_of(world, 1);
}

/// The same of so many calls.
pub(crate) fn nothing_left_of(world: &mut World, calls: usize) {
    world.pass(120 * SECOND);
    let left = [
        world.caller.calls(),
        world.called.calls(),
        world.caller.transactions(),
        world.called.transactions(),
    ];
    assert_eq!(left, [0; 4], "calls and transactions left behind");
    assert_eq!(calls_seen(world), calls, "one INVITE is one call");
}

#[test]
fn a_call_on_a_clean_link_takes_seven_datagrams() {
    let mut world = World::new(1, CLEAN);
    let (caller, _) = talk(&mut world);
    world.caller.hangup(caller, Vec::new(), world.now).unwrap();
    nothing_left(&mut world);
    // INVITE 100 180 200 ACK BYE 200
    assert_eq!(world.datagrams, 7);
    assert_eq!(end_of(&world.caller_events), Some(EndCause::Local));
    assert_eq!(
        end_of(&world.called_events),
        Some(EndCause::RemoteBye { reason: None })
    );
}

#[test]
fn calls_survive_any_bad_link_and_leave_nothing_behind() {
    for seed in 0..60 {
        let mut world = World::new(seed, BAD);
        let (caller, called) = talk(&mut world);
        if seed % 2 == 0 {
            world.caller.hangup(caller, Vec::new(), world.now).unwrap();
        } else {
            world.called.hangup(called, Vec::new(), world.now).unwrap();
        }
        world.until(70 * SECOND, "both sides end", |w| {
            end_of(&w.caller_events).is_some() && end_of(&w.called_events).is_some()
        });
        nothing_left(&mut world);
    }
}

#[test]
fn refusals_reach_the_caller_on_any_link() {
    for seed in 0..60 {
        let mut world = World::new(seed, BAD);
        world.call();
        world.until(32 * SECOND, "the call arrives", |w| incoming(w).is_some());
        let called = incoming(&world).unwrap();
        world
            .called
            .reject(called, &Rejection::status(486), world.now)
            .unwrap();
        world.until(70 * SECOND, "the refusal", |w| {
            end_of(&w.caller_events).is_some()
        });
        assert_eq!(
            end_of(&world.caller_events),
            Some(EndCause::Refused(486)),
            "seed {seed}"
        );
        nothing_left(&mut world);
    }
}

#[test]
fn a_cancel_that_crosses_an_answer_never_leaves_a_ghost() {
    for seed in 0..120 {
        let mut world = World::new(seed, BAD);
        let caller = world.call();
        world.until(32 * SECOND, "the call arrives", |w| incoming(w).is_some());
        let called = incoming(&world).unwrap();
        world.called.ring(called, 180, None, world.now).unwrap();
        world.pass(Duration::from_millis(seed * 10));
        // Whoever is first on the wire wins; the other must follow.
        let _ = world.caller.hangup(caller, Vec::new(), world.now);
        let _ = world
            .called
            .accept(called, Bytes::from_static(b"answer"), &[], world.now);
        world.until(140 * SECOND, "both sides end", |w| {
            end_of(&w.caller_events).is_some() && end_of(&w.called_events).is_some()
        });
        nothing_left(&mut world);
    }
}

/// Takes whatever the other side wants of the session; how many changes of each side were agreed on.
fn agree(world: &mut World) -> (usize, usize) {
    let wanted = |events: &[Event]| -> Vec<LegId> {
        let leg = |event: &Event| match event {
            Event::Change { leg, .. } => Some(*leg),
            _ => None,
        };
        events.iter().filter_map(leg).collect()
    };
    let ok = || Bytes::from_static(b"ok");
    // Answered once already, most of them.
    for leg in wanted(&world.caller_events) {
        let _ = world.caller.answer_change(leg, ok(), world.now);
    }
    for leg in wanted(&world.called_events) {
        let _ = world.called.answer_change(leg, ok(), world.now);
    }
    let agreed = |events: &[Event]| {
        let is_ok = |event: &&Event| matches!(event, Event::Changed { result: Ok(_), .. });
        events.iter().filter(is_ok).count()
    };
    (agreed(&world.caller_events), agreed(&world.called_events))
}

#[test]
fn changes_from_both_sides_at_once_are_both_made_on_any_link() {
    for seed in 0..60 {
        let mut world = World::new(seed, if seed % 2 == 0 { CLEAN } else { BAD });
        let (caller, called) = talk(&mut world);
        world
            .caller
            .change(caller, Bytes::from_static(b"hold"), world.now)
            .unwrap();
        let ask = |w: &mut World| {
            let move_to = Bytes::from_static(b"move");
            w.called.change(called, move_to, w.now).is_ok()
        };
        let mut asked = ask(&mut world);
        world.until(240 * SECOND, "both are agreed on", |w| {
            let (first, second) = agree(w);
            // On a bad link the ACK of the first INVITE may still be on its way.
            asked = asked || ask(w);
            first == 1 && second == 1
        });
        assert_eq!((world.caller.calls(), world.called.calls()), (1, 1));
        world.pass(40 * SECOND);
        world.called.hangup(called, Vec::new(), world.now).unwrap();
        nothing_left(&mut world);
    }
}

#[test]
fn a_called_side_that_vanished_is_given_up() {
    let mut world = World::new(3, super::world::Link { loss: 100, ..CLEAN });
    world.call();
    world.until(40 * SECOND, "giving up", |w| {
        end_of(&w.caller_events).is_some()
    });
    assert_eq!(end_of(&world.caller_events), Some(EndCause::Timeout));
    assert_eq!(world.elapsed(), 32 * SECOND);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut world = World::new(seed, BAD);
        let (caller, _) = talk(&mut world);
        world.caller.hangup(caller, Vec::new(), world.now).unwrap();
        world.pass(120 * SECOND);
        (world.datagrams, format!("{:?}", world.caller_events.len()))
    };
    assert_eq!(run(7), run(7));
}
