use super::policy::owned;
use super::*;
use crate::time::UnixTime;

fn noon(_: &str) -> LocalTime {
    LocalTime {
        date: Date(2026, 11, 28),
        weekday: 5,
        minute: 720,
    }
}

const NOON: Moment<'static> = Moment {
    now: UnixTime(1_000_000_000),
    local: &noon,
};

fn policy(allow: &[&str], deny: &[&str]) -> DialPolicy {
    DialPolicy {
        allow: owned(allow),
        deny: owned(deny),
        ..DialPolicy::default()
    }
}

#[test]
fn the_longest_prefix_decides_however_the_number_is_written() {
    let policy = policy(&["+1", "+7495"], &["+1900", "+7"]);
    for number in ["+15550100", "001 (555) 01-00", "+74951234567"] {
        assert_eq!(policy.judge_one(number), Ok(Dialling::Usual), "{number}");
    }
    for number in ["+19005550100", "0019005550100", "19005550100"] {
        let denied = Denied::Prefix("+1900".to_owned());
        assert_eq!(policy.judge_one(number), Err(denied), "{number}");
    }
    assert!(matches!(
        policy.judge_one("+79161234567"),
        Err(Denied::Prefix(_))
    ));
    assert_eq!(policy.judge_one("+4930123456"), Err(Denied::NotAllowed));
    assert_eq!(policy.judge_one("alice"), Err(Denied::NotAllowed));
}

#[test]
fn without_a_list_all_may_be_dialled_but_what_costs_dearly() {
    let usual = DialPolicy::default();
    for number in ["+15550100", "200", "alice", "8005550100"] {
        assert_eq!(usual.judge_one(number), Ok(Dialling::Usual), "{number}");
    }
    for number in ["+881612345678", "00979123456789", "88212345678901"] {
        assert!(usual.judge_one(number).is_err(), "{number}");
    }
}

#[test]
fn an_emergency_number_is_dialled_whatever_is_denied_and_full() {
    let mut policy = policy(&["+44"], &["1", "9"]);
    policy.calls_per_trunk = 0;
    let mut counts = DialCounts::default();
    for number in ["112", "911", "9-1-1"] {
        let asked = counts.begin(&policy, "ST_1", (number, number), &NOON);
        let kind = asked.map(|counted| counted.kind);
        assert_eq!(kind, Ok(Dialling::Emergency), "{number}");
    }
    // A number that only begins like one is none.
    for number in ["1120", "9115550100"] {
        assert!(
            counts
                .begin(&policy, "ST_1", (number, number), &NOON)
                .is_err()
        );
    }
}

#[test]
fn what_costs_dearly_is_known_in_every_spelling() {
    let usual = DialPolicy::default();
    for number in [
        "+881612345678",
        "+00881612345678",
        "++881612345678",
        "000881612345678",
        "%2B881612345678",
        "%252B881612345678",
        "+88%31612345678",
        "+8+81612345678",
        "+8_8\u{a0}1612345678",
        "011881612345678",
        "+011881612345678",
        "0011881612345678",
        "810881612345678",
        "011 881 612345678",
        "9005550100",
        "(900) 555-0100",
        "1-900-555-0100",
    ] {
        let judged = usual.judge_one(number);
        assert!(matches!(judged, Err(Denied::Prefix(_))), "{number}");
    }
    // What only looks like it: Seoul, Michigan, Kerala, a desk.
    for number in [
        "01088112345",
        "8108811234",
        "9001234567",
        "881",
        "+18815550100",
    ] {
        assert_eq!(usual.judge_one(number), Ok(Dialling::Usual), "{number}");
    }
    let west = policy(&[], &["+1"]);
    assert_eq!(west.judge_one("2075234567"), Ok(Dialling::Usual));
}

#[test]
fn ornaments_of_a_prefix_make_it_no_longer() {
    let policy = policy(&["+1 (5)"], &["+1555"]);
    assert!(policy.judge_one("+15550100").is_err());
}

#[test]
fn only_what_goes_out_makes_an_emergency() {
    let mut policy = policy(&["+44", "112"], &[]);
    policy.calls_per_trunk = 1;
    let mut counts = DialCounts::default();
    let mut ask = |asked, sent| {
        let counted = counts.begin(&policy, "ST_1", (asked, sent), &NOON);
        counted.map(|counted| counted.kind)
    };
    assert_eq!(ask("112", "+15550100"), Err(Denied::NotAllowed));
    assert_eq!(ask("112", "+441632960000"), Ok(Dialling::Usual));
    assert_eq!(ask("112", "+441632960000"), Err(Denied::TooMany(1)));
    for sent in ["112", "sos", "SOS", "999"] {
        assert_eq!(ask("112", sent), Ok(Dialling::Emergency), "{sent}");
    }
}

#[test]
fn some_numbers_have_their_hours_and_help_has_all() {
    let hours = |prefix: &str, from: u16, until: u16| Hours {
        prefix: prefix.to_owned(),
        days: [true; 7],
        from: from * 60,
        until: until * 60,
        zone: "Europe/London".to_owned(),
    };
    let policy = DialPolicy {
        hours: vec![
            hours("+44", 8, 10),
            hours("+44", 18, 20),
            hours("+4420", 8, 20),
            hours("1", 8, 10),
        ],
        ..DialPolicy::default()
    };
    let judge = |number: &str| policy.judge(number, number, &NOON);
    let denied = judge("+441632960000").unwrap_err();
    let words = "numbers that begin with +44 may be dialled 08:00-10:00 Europe/London or \
                 18:00-20:00 Europe/London only";
    assert!(denied.to_string().starts_with(words), "{denied}");
    assert!(denied.passes());
    for number in ["011441632960000", "*67+441632960000"] {
        assert!(judge(number).is_err(), "{number}");
    }
    assert_eq!(judge("+442071234567"), Ok(Dialling::Usual));
    assert_eq!(judge("+4930123456"), Ok(Dialling::Usual));
    assert_eq!(judge("112"), Ok(Dialling::Emergency));
}
