//! What must hold while a call lasts: it is known to live, it rings for sure, it is handed on.

use std::time::Duration;

use bytes::Bytes;
use trunkline_sip::dialog::Replaces;
use trunkline_sip::endpoint::{EndCause, Event, ReferRequest, TransferNews, TransferOutcome};
use trunkline_sip::uri::Uri;

use super::calls::{SECOND, end_of, nothing_left, nothing_left_of, talk};
use super::world::{BAD, CLEAN, Link, World};

const HOUR: Duration = Duration::from_secs(3600);

const GONE: Link = Link { loss: 100, ..CLEAN };

#[test]
fn a_long_call_is_refreshed_on_any_link() {
    for seed in 0..20 {
        let mut world = World::new(seed, if seed % 2 == 0 { CLEAN } else { BAD });
        let (caller, _) = talk(&mut world);
        let before = world.datagrams;
        world.pass(5 * HOUR);
        assert_eq!(
            (world.caller.calls(), world.called.calls()),
            (1, 1),
            "seed {seed}"
        );
        // One UPDATE and its answer each quarter of an hour.
        assert!(world.datagrams - before >= 38, "seed {seed}");
        world.caller.hangup(caller, Vec::new(), world.now).unwrap();
        nothing_left(&mut world);
    }
}

#[test]
fn a_call_whose_link_is_gone_ends_on_both_sides_within_its_interval() {
    for seed in 0..20 {
        let mut world = World::new(seed, CLEAN);
        talk(&mut world);
        world.pass(Duration::from_secs(seed * 60));
        world.relink(GONE);
        world.pass(HOUR / 2 + 120 * SECOND);
        let ends = [end_of(&world.caller_events), end_of(&world.called_events)];
        for end in &ends {
            let is_lost = matches!(end, Some(EndCause::Timeout | EndCause::Expired));
            assert!(is_lost, "seed {seed}: {ends:?}");
        }
        nothing_left(&mut world);
    }
}

#[test]
fn ringing_with_a_description_arrives_on_any_link() {
    for seed in 0..60 {
        let mut world = World::new(seed, BAD);
        let caller = world.call();
        world.until(32 * SECOND, "the call arrives", |w| !w.arrived.is_empty());
        let called = world.arrived[0];
        let early = Bytes::from_static(b"early");
        world
            .called
            .ring(called, 183, Some(early), world.now)
            .unwrap();
        // It waits until the caller has confirmed what rang.
        let answer = Bytes::from_static(b"answer");
        world.called.accept(called, answer, &[], world.now).unwrap();
        world.until(64 * SECOND, "the answer", |w| {
            let is_answer = |event: &Event| matches!(event, Event::Answered { .. });
            w.caller_events.iter().any(is_answer)
        });
        let rang = world.caller_events.iter().filter(|event| match event {
            Event::Progress { body, .. } => body.as_ref() == b"early",
            _ => false,
        });
        assert_eq!(rang.count(), 1, "seed {seed}: before the answer, and once");
        world.caller.hangup(caller, Vec::new(), world.now).unwrap();
        nothing_left(&mut world);
    }
}

#[test]
fn a_transfer_is_told_to_its_end_on_any_link_and_the_call_outlives_it() {
    for seed in 0..60 {
        let mut world = World::new(seed, BAD);
        let (caller, called) = talk(&mut world);
        world.pass(40 * SECOND);
        let target = Uri::parse("sip:500@192.0.2.77").unwrap();
        let refer = ReferRequest::to(target);
        world.called.refer(called, &refer, world.now).unwrap();
        world.until(40 * SECOND, "it is asked for", |w| {
            let is_refer = |event: &Event| matches!(event, Event::Refer { .. });
            w.caller_events.iter().any(is_refer)
        });
        let status = if seed % 2 == 0 { 200 } else { 486 };
        world.caller.accept_refer(caller, world.now).unwrap();
        world.caller.notify(caller, status, world.now).unwrap();
        world.until(60 * SECOND, "its outcome", |w| outcome(w).is_some());
        let expected = match status {
            200 => TransferOutcome::Completed,
            status => TransferOutcome::Rejected(status),
        };
        assert_eq!(outcome(&world), Some(expected), "seed {seed}");
        assert_eq!((world.caller.calls(), world.called.calls()), (1, 1));
        world.called.hangup(called, Vec::new(), world.now).unwrap();
        nothing_left(&mut world);
    }
}

/// A phone takes the place of another, whatever the link loses, doubles and reorders.
#[test]
fn a_call_is_taken_over_once_and_one_call_is_left() {
    for seed in 0..60 {
        let mut world = World::new(seed, BAD);
        let (_, first) = talk(&mut world);
        world.pass(40 * SECOND);
        let answered = world.caller_events.iter().find_map(|event| match event {
            Event::Answered { headers, .. } => Some(headers.clone()),
            _ => None,
        });
        let headers = answered.unwrap();
        let (ours, theirs) = (headers.to().unwrap(), headers.from().unwrap());
        let replaces = Replaces {
            call_id: headers.call_id().unwrap().to_owned(),
            to_tag: ours.tag().unwrap().to_owned(),
            from_tag: theirs.tag().unwrap().to_owned(),
            early_only: false,
        };
        let second = world.call_saying(vec![
            ("Replaces".to_owned(), replaces.to_string()),
            ("Require".to_owned(), "replaces".to_owned()),
        ]);
        world.until(32 * SECOND, "the other arrives", |w| w.arrived.len() == 2);
        assert_eq!(world.wanted, [None, Some(first)], "seed {seed}");
        let answer = Bytes::from_static(b"answer");
        let taken = world.arrived[1];
        world.called.accept(taken, answer, &[], world.now).unwrap();
        world.called.hangup(first, Vec::new(), world.now).unwrap();
        world.pass(70 * SECOND);
        assert_eq!(
            (world.caller.calls(), world.called.calls()),
            (1, 1),
            "seed {seed}"
        );
        world.caller.hangup(second, Vec::new(), world.now).unwrap();
        nothing_left_of(&mut world, 2);
    }
}

fn outcome(world: &World) -> Option<TransferOutcome> {
    world.called_events.iter().find_map(|event| match event {
        Event::Transfer {
            news: TransferNews::Over(outcome),
            ..
        } => Some(*outcome),
        _ => None,
    })
}
