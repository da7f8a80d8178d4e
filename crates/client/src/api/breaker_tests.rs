use proptest::prelude::*;

use super::*;

fn second(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Sends one attempt that shows `sign`; whether it was let through.
fn send(breaker: &mut Breaker, sign: Sign, now: Instant) -> bool {
    match breaker.admit(now) {
        Ok(pass) => {
            breaker.record(pass, sign, now);
            true
        }
        Err(_shut) => false,
    }
}

#[test]
fn five_in_a_row_that_do_not_connect_open_it_and_probes_close_it() {
    let start = Instant::now();
    let mut breaker = Breaker::new(BreakerPolicy::default());
    for _ in 0..4 {
        send(&mut breaker, Sign::Refuses, start);
    }
    send(&mut breaker, Sign::Works, start);
    for _ in 0..5 {
        assert_eq!(breaker.state(), State::Closed);
        send(&mut breaker, Sign::Refuses, start);
    }
    let shut = breaker.admit(start + second(4)).unwrap_err();
    assert_eq!(shut.until, start + second(5));
    assert!(send(&mut breaker, Sign::Works, start + second(5)));
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(send(&mut breaker, Sign::Works, start + second(5)));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn half_of_twenty_failing_opens_it_and_half_of_nineteen_does_not() {
    let start = Instant::now();
    let mut breaker = Breaker::new(BreakerPolicy::default());
    for n in 0..19 {
        let sign = if n % 2 == 0 { Sign::Works } else { Sign::Fails };
        assert!(send(&mut breaker, sign, start));
    }
    assert_eq!(breaker.state(), State::Closed);
    send(&mut breaker, Sign::Fails, start);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn old_failures_are_forgotten() {
    let start = Instant::now();
    let mut breaker = Breaker::new(BreakerPolicy::default());
    for _ in 0..19 {
        send(&mut breaker, Sign::Fails, start);
    }
    send(&mut breaker, Sign::Fails, start + second(31));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_probe_that_fails_doubles_the_wait_up_to_its_cap() {
    let mut now = Instant::now();
    let mut breaker = Breaker::new(BreakerPolicy::default());
    for _ in 0..5 {
        send(&mut breaker, Sign::Refuses, now);
    }
    for expected in [5, 10, 20, 40, 60, 60] {
        let shut = breaker.admit(now).unwrap_err();
        assert_eq!(shut.until, now + second(expected));
        now = shut.until;
        assert!(send(&mut breaker, Sign::Fails, now));
    }
}

#[test]
fn only_as_many_probes_as_allowed_go_out_and_a_dropped_one_gives_its_place_back() {
    let start = Instant::now();
    let mut breaker = Breaker::new(BreakerPolicy::default());
    let stale = breaker.admit(start).unwrap();
    for _ in 0..5 {
        send(&mut breaker, Sign::Refuses, start);
    }
    let later = start + second(5);
    let first = breaker.admit(later).unwrap();
    let _second = breaker.admit(later).unwrap();
    assert!(breaker.admit(later).is_err());
    breaker.record(first, Sign::Nothing, later);
    // What was sent before it opened says nothing about now.
    breaker.record(stale, Sign::Fails, later);
    assert_eq!(breaker.state(), State::HalfOpen);
    assert!(breaker.admit(later).is_ok());
}

proptest! {
    #[test]
    fn answers_never_open_it_and_no_order_of_events_locks_it_for_ever(
        signs in prop::collection::vec(0_u8..4, 0..200),
        steps in prop::collection::vec(0_u64..20_000, 200),
    ) {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(BreakerPolicy::default());
        let mut failed = false;
        for (sign, step) in signs.iter().zip(steps) {
            now += Duration::from_millis(step);
            let sign = match sign {
                0 => Sign::Works,
                1 => Sign::Fails,
                2 => Sign::Refuses,
                _ => Sign::Nothing,
            };
            failed |= matches!(sign, Sign::Fails | Sign::Refuses);
            send(&mut breaker, sign, now);
            prop_assert!(failed || breaker.state() == State::Closed);
        }
        now += BreakerPolicy::default().open_cap;
        for _ in 0..2 {
            prop_assert!(send(&mut breaker, Sign::Works, now));
        }
        prop_assert_ne!(breaker.state(), State::Open);
    }
}
