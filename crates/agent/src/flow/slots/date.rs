//! Days: "tomorrow", "next Tuesday", "the twelfth of June", "in three days".

use time::{Date, Duration, Month, Weekday};

use super::number::{ordinal, read, small};
use crate::flow::words::tokens;

/// A day in a text, seen from today.
pub(super) fn date(text: &str, today: Date) -> Option<Date> {
    let tokens = tokens(&text.replace(['/', '.'], " "));
    near(&tokens, today)
        .or_else(|| counted(&tokens, today))
        .or_else(|| in_month(&tokens, today))
        .or_else(|| weekday(&tokens, today))
        .or_else(|| day_alone(&tokens, today))
}

fn near(tokens: &[String], today: Date) -> Option<Date> {
    let at = |word: &str| tokens.iter().position(|token| token == word);
    if let Some(tomorrow) = at("tomorrow") {
        let before: Vec<&str> = tokens
            .iter()
            .take(tomorrow)
            .rev()
            .take(2)
            .map(String::as_str)
            .collect();
        let days = if before == ["after", "day"] { 2 } else { 1 };
        return today.checked_add(Duration::days(days));
    }
    (at("today").is_some() || at("tonight").is_some()).then_some(today)
}

/// "in three days", "in a week", "two weeks from now".
fn counted(tokens: &[String], today: Date) -> Option<Date> {
    let unit = tokens
        .iter()
        .position(|token| matches!(token.as_str(), "day" | "days" | "week" | "weeks"))?;
    let counts = tokens
        .iter()
        .any(|token| matches!(token.as_str(), "in" | "from"));
    if !counts {
        return None;
    }
    let before = tokens.get(..unit)?;
    let start = before.iter().rposition(|token| {
        small(token).is_some() || token.parse::<i64>().is_ok() || token == "a"
    })?;
    let number = if before.get(start)? == "a" {
        1
    } else {
        read(before.get(start..)?)?.0
    };
    let days = if tokens.get(unit)?.starts_with("week") {
        number.checked_mul(7)?
    } else {
        number
    };
    (1..=366)
        .contains(&days)
        .then(|| today.checked_add(Duration::days(days)))?
}

/// "the twelfth of June", "June 12th", "12 june 2027".
fn in_month(tokens: &[String], today: Date) -> Option<Date> {
    let at = tokens.iter().position(|token| month(token).is_some())?;
    let month = month(tokens.get(at)?)?;
    let day = tokens
        .get(at + 1..)
        .and_then(first_day)
        .or_else(|| last_day(tokens.get(..at)?))?;
    let this_year = Date::from_calendar_date(today.year(), month, day).ok()?;
    if this_year >= today {
        return Some(this_year);
    }
    Date::from_calendar_date(today.year() + 1, month, day).ok()
}

/// "Tuesday", "next Tuesday", "a week on Friday".
fn weekday(tokens: &[String], today: Date) -> Option<Date> {
    let at = tokens.iter().position(|token| day_name(token).is_some())?;
    let wanted = day_name(tokens.get(at)?)?;
    let ahead = i64::from(wanted.number_days_from_monday())
        - i64::from(today.weekday().number_days_from_monday());
    let mut days = if ahead <= 0 { ahead + 7 } else { ahead };
    let before = at
        .checked_sub(1)
        .and_then(|index| tokens.get(index))
        .map(String::as_str);
    // "Next Friday", said on a Wednesday, is not the day after tomorrow.
    let next = before == Some("next") && ahead > 0 && ahead <= 2;
    let week = tokens.iter().any(|token| token == "week") && before != Some("this");
    if next || (week && ahead > 0) {
        days += 7;
    }
    today.checked_add(Duration::days(days))
}

/// "the fourteenth".
fn day_alone(tokens: &[String], today: Date) -> Option<Date> {
    let at = tokens.iter().position(|token| ordinal(token).is_some())?;
    let day =
        first_day(tokens.get(at.saturating_sub(1)..)?).or_else(|| first_day(tokens.get(at..)?))?;
    let this = today.replace_day(day).ok().filter(|date| *date >= today);
    this.or_else(|| {
        let year = if today.month() == Month::December {
            today.year() + 1
        } else {
            today.year()
        };
        Date::from_calendar_date(year, today.month().next(), day).ok()
    })
}

fn first_day(tokens: &[String]) -> Option<u8> {
    let mut words = tokens
        .iter()
        .filter(|token| !matches!(token.as_str(), "the" | "of" | "on"))
        .take(2);
    day_of(words.next()?, words.next())
}

fn last_day(tokens: &[String]) -> Option<u8> {
    let words: Vec<&String> = tokens
        .iter()
        .filter(|token| !matches!(token.as_str(), "the" | "of" | "on"))
        .collect();
    match words.as_slice() {
        [.., tens, unit] => day_of(tens, Some(*unit))
            .filter(|_| small(tens).is_some_and(|v| v >= 20))
            .or_else(|| day_of(unit, None)),
        [one] => day_of(one, None),
        [] => None,
    }
}

fn day_of(first: &str, second: Option<&String>) -> Option<u8> {
    let plain = |word: &str| {
        ordinal(word)
            .or_else(|| small(word))
            .or_else(|| word.parse().ok())
    };
    let value = plain(first)?;
    let unit = second
        .and_then(|word| ordinal(word).or_else(|| small(word)))
        .filter(|v| (1..10).contains(v));
    let value = match unit {
        Some(unit) if value == 20 || value == 30 => value + unit,
        Some(_) | None => value,
    };
    u8::try_from(value)
        .ok()
        .filter(|day| (1..=31).contains(day))
}

fn month(word: &str) -> Option<Month> {
    let months = [
        ("january", Month::January),
        ("february", Month::February),
        ("march", Month::March),
        ("april", Month::April),
        ("june", Month::June),
        ("july", Month::July),
        ("august", Month::August),
        ("september", Month::September),
        ("october", Month::October),
        ("november", Month::November),
        ("december", Month::December),
    ];
    if word == "may" {
        return Some(Month::May);
    }
    months
        .into_iter()
        .find(|(name, _)| *name == word)
        .map(|(_, month)| month)
}

fn day_name(word: &str) -> Option<Weekday> {
    let word = word
        .strip_suffix('s')
        .filter(|rest| rest.ends_with("day"))
        .unwrap_or(word);
    let day = match word {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    };
    Some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: Month, day: u8) -> Date {
        Date::from_calendar_date(year, month, day).unwrap()
    }

    #[test]
    fn days_are_read_as_they_are_said() {
        // A Wednesday.
        let today = day(2026, Month::March, 18);
        for (text, expected) in [
            ("tomorrow please", day(2026, Month::March, 19)),
            ("the day after tomorrow", day(2026, Month::March, 20)),
            ("today", today),
            ("next Tuesday", day(2026, Month::March, 24)),
            ("on Friday", day(2026, Month::March, 20)),
            ("next Friday", day(2026, Month::March, 27)),
            ("the twelfth of June", day(2026, Month::June, 12)),
            ("June 12th", day(2026, Month::June, 12)),
            ("the twenty third of april", day(2026, Month::April, 23)),
            ("January fifth", day(2027, Month::January, 5)),
            ("in three days", day(2026, Month::March, 21)),
            ("in a week", day(2026, Month::March, 25)),
            ("the first", day(2026, Month::April, 1)),
            ("the twenty fifth", day(2026, Month::March, 25)),
        ] {
            assert_eq!(date(text, today), Some(expected), "{text}");
        }
        assert_eq!(date("I do not know yet", today), None);
    }
}
