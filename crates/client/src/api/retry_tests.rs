use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use trunkline_base::retry::BudgetPolicy;

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

fn faults() -> impl Strategy<Value = Fault> {
    prop::sample::select(vec![
        Fault::NotSent,
        Fault::Lost,
        Fault::Away,
        Fault::Stumbled,
        Fault::Throttled,
        Fault::Token { curable: true },
        Fault::Token { curable: false },
        Fault::Region,
        Fault::Missing,
        Fault::Forbidden,
        Fault::Final,
    ])
}

fn repeats() -> impl Strategy<Value = Repeat> {
    prop::sample::select(vec![
        Repeat::Safe,
        Repeat::AtOnce,
        Repeat::GoneIsDone,
        Repeat::EndedIsDone,
        Repeat::Never,
    ])
}

/// Runs a call whose attempts fail one after the other as `script` says, each taking `took`.
fn run(repeat: Repeat, script: &[(Fault, u64)], seed: u64) -> (Vec<Decision>, Series, Duration) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut budget = Budget::new(BudgetPolicy::API);
    let mut series = Series::new(Rules::default(), repeat, LIMIT);
    let mut elapsed = Duration::ZERO;
    let mut decisions = Vec::new();
    for (fault, took) in script {
        elapsed += Duration::from_millis(*took);
        let at = Moment {
            elapsed,
            usual: Duration::from_millis(5),
            asked: None,
        };
        let decision = series.judge(*fault, at, &mut budget, &mut rng);
        decisions.push(decision);
        match decision {
            Decision::Again(wait) => elapsed += wait,
            Decision::Done | Decision::Stop => break,
        }
    }
    (decisions, series, elapsed)
}

/// Whether the server may have acted on an attempt that failed so.
fn may_have_acted(fault: Fault) -> bool {
    !matches!(
        fault,
        Fault::NotSent | Fault::Region | Fault::Token { curable: true }
    )
}

proptest! {
    #[test]
    fn a_call_that_must_not_be_repeated_goes_out_at_most_once(
        script in prop::collection::vec((faults(), 0_u64..500), 1..12),
        seed: u64,
    ) {
        let (decisions, _, _) = run(Repeat::Never, &script, seed);
        for ((fault, _), decision) in script.iter().zip(&decisions) {
            if may_have_acted(*fault) {
                prop_assert_eq!(*decision, Decision::Stop);
            }
        }
    }

    #[test]
    fn attempts_and_time_are_bounded(
        repeat in repeats(),
        script in prop::collection::vec((faults(), 0_u64..4000), 1..30),
        seed: u64,
    ) {
        let (decisions, series, _) = run(repeat, &script, seed);
        prop_assert!(series.made() <= RetryPolicy::API.attempts);
        let mut elapsed = Duration::ZERO;
        for ((_, took), decision) in script.iter().zip(&decisions) {
            elapsed += Duration::from_millis(*took);
            if let Decision::Again(wait) = decision {
                elapsed += *wait;
                prop_assert!(elapsed < LIMIT, "an attempt would begin after the deadline");
            }
        }
        prop_assert!(series.attempt_limit(elapsed) <= LIMIT.saturating_sub(elapsed));
    }

    #[test]
    fn a_named_wait_is_kept_and_cut_to_its_cap(asked in 0_u64..600, seed: u64) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let rules = Rules {
            policy: RetryPolicy { total: Duration::from_secs(600), ..RetryPolicy::API },
            ..Rules::default()
        };
        let mut series = Series::new(rules, Repeat::Safe, Duration::from_secs(600));
        let at = Moment {
            elapsed: Duration::ZERO,
            usual: Duration::ZERO,
            asked: Some(Duration::from_secs(asked)),
        };
        let mut budget = Budget::new(BudgetPolicy::API);
        let decision = series.judge(Fault::Throttled, at, &mut budget, &mut rng);
        let Decision::Again(wait) = decision else {
            return Err(TestCaseError::fail("not repeated"));
        };
        let kept = Duration::from_secs(asked.min(60));
        prop_assert!(wait >= kept && wait <= kept.mul_f64(1.2) + RetryPolicy::API.base);
        prop_assert_eq!(budget.left(), 495);
    }
}

#[test]
fn what_is_gone_after_a_doubtful_attempt_is_done_and_news_otherwise() {
    let lost = [(Fault::Lost, 1), (Fault::Missing, 1)];
    let (decisions, _, _) = run(Repeat::GoneIsDone, &lost, 1);
    assert_eq!(decisions[1], Decision::Done);
    let unsent = [(Fault::NotSent, 1), (Fault::Missing, 1)];
    let (decisions, _, _) = run(Repeat::GoneIsDone, &unsent, 1);
    assert_eq!(decisions[1], Decision::Stop);
    let ended = [(Fault::Away, 1), (Fault::Forbidden, 1)];
    assert_eq!(run(Repeat::EndedIsDone, &ended, 1).0[1], Decision::Done);
    assert_eq!(run(Repeat::GoneIsDone, &ended, 1).0[1], Decision::Stop);
}

#[test]
fn a_stumble_and_a_stale_token_are_forgiven_once() {
    let stumbles = [(Fault::Stumbled, 1), (Fault::Stumbled, 1)];
    assert_eq!(run(Repeat::Safe, &stumbles, 1).0[1], Decision::Stop);
    let curable = Fault::Token { curable: true };
    let (decisions, _, _) = run(Repeat::Never, &[(curable, 1), (curable, 1)], 1);
    assert_eq!(decisions, [Decision::Again(Duration::ZERO), Decision::Stop]);
}

#[test]
fn data_is_repeated_at_once_or_not_at_all() {
    let script = [(Fault::Away, 1), (Fault::Away, 1)];
    let (decisions, _, _) = run(Repeat::AtOnce, &script, 1);
    assert_eq!(decisions, [Decision::Again(Duration::ZERO), Decision::Stop]);
    assert_eq!(
        run(Repeat::AtOnce, &[(Fault::Throttled, 1)], 1).0,
        [Decision::Stop]
    );
}

#[test]
fn an_empty_budget_stops_repeats_and_a_repeatable_attempt_leaves_time_for_the_next() {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut budget = Budget::new(BudgetPolicy {
        capacity: 13,
        ..BudgetPolicy::API
    });
    let mut series = Series::new(Rules::default(), Repeat::Safe, LIMIT);
    assert_eq!(series.attempt_limit(Duration::ZERO), LIMIT / 2);
    let at = Moment {
        elapsed: Duration::ZERO,
        usual: Duration::ZERO,
        asked: None,
    };
    assert_eq!(
        series.judge(Fault::Lost, at, &mut budget, &mut rng),
        Decision::Stop
    );
    let once = Series::new(Rules::default(), Repeat::Never, LIMIT);
    assert_eq!(once.attempt_limit(Duration::ZERO), LIMIT);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    assert_eq!(retry_after(" 7 ", now), Some(Duration::from_secs(7)));
    let later = retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now);
    assert_eq!(later, Some(Duration::from_secs(30)));
    let past = retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now);
    assert_eq!(past, Some(Duration::ZERO));
    for text in ["", "-1", "soon", "1.5", "Sun, 99 Nov"] {
        assert_eq!(retry_after(text, now), None, "{text}");
    }
}
