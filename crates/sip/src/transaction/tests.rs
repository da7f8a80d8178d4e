use super::*;
use std::time::Duration;

fn start() -> Instant {
    // The one place a test needs an instant to count from.
    #[expect(clippy::disallowed_methods, reason = "an origin for virtual time")]
    Instant::now()
}

const MS: Duration = Duration::from_millis(1);

/// Runs a machine by its own deadlines and tells when it sent, and when and how it ended.
fn drive(
    t0: Instant,
    mut deadline: impl FnMut() -> Option<Instant>,
    mut timeout: impl FnMut(Instant) -> Step,
) -> (Vec<u128>, u128, bool) {
    let mut sent = Vec::new();
    while let Some(at) = deadline() {
        let step = timeout(at);
        let since = (at - t0).as_millis();
        if step.send.is_some() {
            sent.push(since);
        }
        if step.done {
            return (sent, since, step.failed);
        }
    }
    panic!("it never ended");
}

#[test]
fn an_unanswered_invite_is_repeated_and_given_up() {
    let t0 = start();
    let machine = InviteClient::new(Bytes::from_static(b"x"), Timers::default(), false, t0);
    let machine = std::cell::RefCell::new(machine);
    let (sent, end, failed) = drive(
        t0,
        || machine.borrow().deadline().map(|d| d.0),
        |now| machine.borrow_mut().handle_timeout(now),
    );
    assert_eq!(sent, [500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!((end, failed), (32_000, true));
}

#[test]
fn an_unanswered_bye_is_repeated_every_four_seconds() {
    let t0 = start();
    let machine = PlainClient::new(Bytes::from_static(b"x"), Timers::default(), false, t0);
    let machine = std::cell::RefCell::new(machine);
    let (sent, end, failed) = drive(
        t0,
        || machine.borrow().deadline().map(|d| d.0),
        |now| machine.borrow_mut().handle_timeout(now),
    );
    assert_eq!(
        sent,
        [
            500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
        ]
    );
    assert_eq!((end, failed), (32_000, true));
}

#[test]
fn a_refusal_is_repeated_until_its_ack() {
    let t0 = start();
    let refusal = Bytes::from_static(b"486");
    let mut machine = InviteServer::new(Timers::default(), false);
    assert!(machine.respond(180, &Bytes::from_static(b"180"), t0));
    assert_eq!(machine.on_repeat().as_deref(), Some(b"180".as_slice()));
    assert!(machine.respond(486, &refusal, t0));
    assert!(!machine.respond(200, &refusal, t0), "one final answer only");
    assert_eq!(
        machine.handle_timeout(t0 + 500 * MS).send,
        Some(refusal.clone())
    );
    assert_eq!(machine.on_repeat(), Some(refusal));
    assert!(machine.on_ack(t0 + 600 * MS));
    assert_eq!(machine.on_repeat(), None);
    assert_eq!(machine.handle_timeout(t0 + 1600 * MS), Step::default());
    assert!(machine.handle_timeout(t0 + 5600 * MS).done);
}

#[test]
fn a_refusal_without_ack_fails_after_timer_h() {
    let t0 = start();
    let mut machine = InviteServer::new(Timers::default(), false);
    machine.respond(486, &Bytes::from_static(b"486"), t0);
    let step = machine.handle_timeout(t0 + 32_000 * MS);
    assert!(step.done && step.failed);
}

#[test]
fn an_accepted_invite_swallows_repeats_and_passes_the_ack_on() {
    let t0 = start();
    let mut machine = InviteServer::new(Timers::default(), false);
    machine.respond(200, &Bytes::from_static(b"200"), t0);
    assert_eq!(machine.on_repeat(), None);
    assert!(!machine.on_ack(t0));
    assert!(!machine.handle_timeout(t0 + 31_000 * MS).done);
    assert!(machine.handle_timeout(t0 + 32_000 * MS).done);
}

#[test]
fn an_accepted_client_delivers_every_2xx_for_its_ack() {
    let t0 = start();
    let mut machine = InviteClient::new(Bytes::new(), Timers::default(), false, t0);
    assert_eq!(machine.on_response(180, t0), OnResponse::Deliver);
    assert_eq!(machine.deadline(), None, "ringing has no limit of its own");
    assert_eq!(machine.on_response(200, t0), OnResponse::Deliver);
    assert_eq!(machine.on_response(200, t0), OnResponse::Deliver);
    assert_eq!(machine.on_response(486, t0), OnResponse::Ignore);
}

#[test]
fn a_refused_client_acks_every_repeat() {
    let t0 = start();
    let mut machine = InviteClient::new(Bytes::new(), Timers::default(), false, t0);
    assert_eq!(machine.on_response(486, t0), OnResponse::Deliver);
    assert_eq!(machine.on_response(486, t0), OnResponse::AckAgain);
    assert_eq!(machine.on_response(200, t0), OnResponse::Ignore);
}

#[test]
fn a_stream_repeats_nothing_and_lingers_not() {
    let t0 = start();
    let mut server = PlainServer::new(Timers::default(), true);
    server.respond(&Bytes::new(), t0);
    assert!(server.handle_timeout(t0).done);
    let mut client = InviteClient::new(Bytes::new(), Timers::default(), true, t0);
    assert!(client.handle_timeout(t0 + 31_999 * MS).send.is_none());
    assert!(client.handle_timeout(t0 + 32_000 * MS).failed);
}
