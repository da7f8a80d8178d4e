use time::Month::{self, *};
use time::Weekday;

use super::*;

fn day(year: i32, month: Month, day: u8) -> Date {
    Date::from_calendar_date(year, month, day).unwrap()
}

/// A Wednesday.
fn today() -> Date {
    day(2026, March, 18)
}

fn read(text: &str) -> Option<Result<Date, Unclear>> {
    date(text, today(), Span::Future)
}

#[test]
fn days_are_read_as_they_are_said() {
    for (text, month, number) in [
        ("tomorrow please", March, 19),
        ("to-morrow", March, 19),
        ("To morrow.", March, 19),
        ("Tomorrow at three in the afternoon.", March, 19),
        ("the day after tomorrow", March, 20),
        ("Day after to-morrow.", March, 20),
        ("the day-after-tomorrow", March, 20),
        ("a week from tomorrow", March, 26),
        ("today", March, 18),
        ("next Tuesday", March, 24),
        ("on Friday", March, 20),
        ("on Fri please", March, 20),
        ("this coming Friday", March, 20),
        ("next Friday", March, 27),
        ("Friday week", March, 27),
        ("a week on Friday", March, 27),
        ("Friday next week", March, 27),
        ("next week on Monday", March, 23),
        ("next week Wednesday", March, 25),
        ("Uh huh, next Friday.", March, 27),
        ("the day after Monday", March, 24),
        ("two days before Friday", March, 18),
        ("three days from Tuesday", March, 27),
        ("yeah um on the 25th", March, 25),
    ] {
        assert_eq!(read(text), Some(Ok(day(2026, month, number))), "{text}");
    }
}

#[test]
fn dates_are_read_as_they_are_said() {
    for (text, month, number) in [
        ("the twelfth of June", June, 12),
        ("June 12th", June, 12),
        ("June the twelfth", June, 12),
        ("12 June", June, 12),
        ("the twenty third of april", April, 23),
        ("the thirty-first of March", March, 31),
        ("March thirty first", March, 31),
        ("May first", May, 1),
        ("the 5th", April, 5),
        ("The fifth of December.", December, 5),
        ("December fifth.", December, 5),
        ("dec 5", December, 5),
        ("the third of the fourth", April, 3),
        ("in three days", March, 21),
        ("three days from now", March, 21),
        ("in a couple of days", March, 20),
        ("in a week", March, 25),
        ("In two weeks.", April, 1),
        ("in two weeks on Tuesday", March, 31),
        ("Tuesday in two weeks", March, 31),
        ("two weeks from now", April, 1),
        ("in a fortnight", April, 1),
        ("in ten days' time", March, 28),
        ("in a month", April, 18),
        ("the first", April, 1),
        ("the twenty fifth", March, 25),
        ("the thirtieth", March, 30),
        ("the first of next month", April, 1),
        ("the first of the month", April, 1),
        ("the first Monday in May", May, 4),
        ("the last Friday of March", March, 27),
        ("Christmas Eve", December, 24),
        ("25/3", March, 25),
        ("3/25", March, 25),
        ("25.3.2026", March, 25),
        ("5.6.", June, 5),
        ("2026-06-05", June, 5),
        ("Friday the twentieth of March", March, 20),
        ("Tuesday, the 24th", March, 24),
        ("the 24th, that is a Tuesday", March, 24),
        ("tomorrow, Thursday", March, 19),
        ("December 5 2026", December, 5),
        ("the fifth of December twenty twenty six", December, 5),
        ("December fifth, two thousand and twenty six", December, 5),
    ] {
        assert_eq!(read(text), Some(Ok(day(2026, month, number))), "{text}");
    }
    assert_eq!(read("January fifth"), Some(Ok(day(2027, January, 5))));
    for text in [
        "I do not know yet",
        "any day is fine",
        "just a second",
        "wait a second please",
        "the first time I called",
        "the second one",
        "I may come",
        "next week",
        "",
        "march on",
        "give me two days",
        "four two seven one nine three",
        "at three",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn the_last_word_counts_and_what_is_refused_does_not() {
    for (text, number) in [
        ("Not Monday, but Tuesday.", 24),
        ("not Monday but Tuesday", 24),
        ("Tuesday, not Monday", 24),
        ("Tuesday instead of Monday", 24),
        ("Monday, no, Tuesday", 24),
        ("Monday no Tuesday", 24),
        ("Monday, I mean Tuesday", 24),
        ("Monday, sorry, Tuesday.", 24),
        ("on Monday, or rather on Tuesday", 24),
        ("Monday, wait, make it Tuesday", 24),
        ("Monday. Actually, Tuesday.", 24),
        ("the 23rd, no, the 24th", 24),
        ("I can't do Monday, Tuesday would be fine", 24),
        ("Monday doesn't work, Tuesday does", 24),
        ("Monday is no good, so Tuesday", 24),
        ("I'm not home on Monday but Tuesday is fine", 24),
        ("no, on Tuesday", 24),
        ("No, not tomorrow. Next Tuesday.", 24),
        ("I don't know, maybe Tuesday", 24),
        ("why not Tuesday", 24),
        ("not tomorrow or Friday, Tuesday", 24),
        ("Tuesday, Tuesday", 24),
        ("next Tuesday, that's the 24th", 24),
    ] {
        assert_eq!(read(text), Some(Ok(day(2026, March, number))), "{text}");
    }
    for text in [
        "not Monday",
        "Monday doesn't work",
        "I can't do Monday",
        "Monday, no wait",
        "anything but Monday",
        "any time after Friday",
        "not before Monday",
        "after the twentieth",
    ] {
        assert_eq!(read(text), Some(Err(Unclear::Refused)), "{text}");
    }
}

#[test]
fn days_that_do_not_exist_are_asked_back() {
    for (text, said) in [
        ("The thirty first of February.", "February 31"),
        ("the thirty-first of February", "February 31"),
        ("February 30th", "February 30"),
        ("the thirty first of April", "April 31"),
        ("June 31", "June 31"),
        ("31/2", "February 31"),
        ("December 45", "December 45"),
        ("the thirty second of May", "May 32"),
        ("the twenty ninth of February", "February 29 in 2027"),
        ("Monday the thirty first of February", "February 31"),
    ] {
        let found = read(text);
        assert_eq!(
            found,
            Some(Err(Unclear::NoSuchDay(said.to_owned()))),
            "{text}"
        );
    }
    let leap = day(2027, June, 1);
    assert_eq!(
        date("February 29th", leap, Span::Future),
        Some(Ok(day(2028, February, 29)))
    );
    // February has no thirtieth: the next month that has one.
    assert_eq!(
        date("the thirtieth", day(2026, February, 10), Span::Future),
        Some(Ok(day(2026, March, 30)))
    );
    assert!(matches!(
        date(
            "the thirtieth of this month",
            day(2026, February, 10),
            Span::Future
        ),
        Some(Err(Unclear::NoSuchDay(_)))
    ));
}

#[test]
fn days_that_are_over_or_contradict_themselves_are_asked_back() {
    for text in [
        "Yesterday.",
        "last Monday",
        "three days ago",
        "January 5 2026",
        "the day before yesterday",
    ] {
        assert!(matches!(read(text), Some(Err(Unclear::Past(_)))), "{text}");
    }
    assert_eq!(
        read("Monday the fifth of December"),
        Some(Err(Unclear::OtherWeekday(day(2026, December, 5))))
    );
    assert_eq!(
        read("Friday the 24th"),
        Some(Err(Unclear::OtherWeekday(day(2026, March, 24))))
    );
    for text in [
        "Monday or Tuesday",
        "between Monday and Wednesday",
        "from Monday to Friday",
        "the 24th or the 25th",
        "March 23 to 25",
        "March 23-25",
        "March twenty third to twenty fifth",
        "from the 23rd to the 25th of March",
        "the 23rd to 25th",
        "March 23rd through the 25th please",
        "March 23 or 25",
        "Monday until Friday",
        "Monday through Wednesday",
        "5/6",
        "this weekend",
    ] {
        assert!(
            matches!(read(text), Some(Err(Unclear::Several(_)))),
            "{text} {:?}",
            read(text)
        );
    }
    assert!(matches!(
        read("tomorrow, Friday"),
        Some(Err(Unclear::OtherWeekday(_)))
    ));
    // A weekday tells which of two readings of figures is meant.
    assert_eq!(read("Friday 5/6"), Some(Ok(day(2026, June, 5))));
}

/// A number after a day need not be another day.
#[test]
fn hours_and_addresses_beside_a_day_are_no_days() {
    for text in [
        "March 23 to 5 Mill Lane",
        "March 23 and 2 parcels",
        "March 23 until 5 pm",
        "March 23 to 5 in the afternoon",
        "on March 23, 3 to 5",
    ] {
        assert_eq!(read(text), Some(Ok(day(2026, March, 23))), "{text}");
    }
}

#[test]
fn a_day_of_birth_lies_in_the_past() {
    let birth = |text: &str| date(text, today(), Span::Past);
    assert_eq!(birth("the fifth of May 1980"), Some(Ok(day(1980, May, 5))));
    assert_eq!(
        birth("May fifth nineteen eighty"),
        Some(Ok(day(1980, May, 5)))
    );
    assert_eq!(birth("yesterday"), Some(Ok(day(2026, March, 17))));
    assert!(matches!(birth("tomorrow"), Some(Err(Unclear::Ahead(_)))));
}

/// Every day and month that can be said, on every day of four years: what comes back is the day
/// that was said, and not before today.
#[test]
fn no_day_is_made_up() {
    const TENS: [&str; 4] = ["", "", "twenty", "thirty"];
    const UNITS: [&str; 10] = [
        "", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
    ];
    const TEENS: [&str; 10] = [
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    let said = |number: u8| {
        let (ten, unit) = (usize::from(number / 10), usize::from(number % 10));
        match (ten, unit) {
            (1, unit) => TEENS[unit].to_owned(),
            (2, 0) => "twentieth".to_owned(),
            (3, 0) => "thirtieth".to_owned(),
            (ten, unit) => format!("{} {}", TENS[ten], UNITS[unit]),
        }
    };
    let mut today = day(2025, January, 1);
    while today < day(2029, January, 1) {
        let mut month = January;
        for _ in 0..12 {
            for number in 1..=31 {
                let text = format!("the {} of {month}", said(number));
                let found = date(&text, today, Span::Future);
                match found {
                    Some(Ok(found)) => {
                        assert_eq!((found.month(), found.day()), (month, number), "{text}");
                        assert!(found >= today, "{text} {today}");
                        assert!(found.year() <= today.year() + 1, "{text} {today}");
                    }
                    Some(Err(Unclear::NoSuchDay(_))) => assert!(
                        number
                            > month
                                .length(today.year())
                                .min(month.length(today.year() + 1)),
                        "{text} {today}"
                    ),
                    other => panic!("{text} {today} {other:?}"),
                }
            }
            month = month.next();
        }
        today += time::Duration::days(17);
    }
}

#[test]
fn a_weekday_beside_a_date_must_fit_it() {
    const DAYS: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    for weekday in DAYS {
        for number in 1..=31 {
            let text = format!("{weekday} the {number}th of December");
            let expected = day(2026, December, number);
            let found = read(&text);
            if expected.weekday() == weekday {
                assert_eq!(found, Some(Ok(expected)), "{text}");
            } else {
                assert_eq!(found, Some(Err(Unclear::OtherWeekday(expected))), "{text}");
            }
        }
    }
}
