//! Where a text names days.

use std::ops::Range;

use time::{Date, Duration, Month, Weekday};

use super::calendar::{Calendar, Day, no_such};
use super::spelling::{month, weekday};
use crate::flow::slots::number::{ordinal, small, tens};
use crate::flow::slots::value::{Unclear, Value};

/// One naming of a day.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mention {
    /// The words it takes.
    pub(super) range: Range<usize>,
    pub(super) day: Day,
    pub(super) form: Form,
}

/// What it is named by, as far as two of them can belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Weekday(Weekday),
    /// A day of some month.
    Number(i64),
    /// So many weeks from now.
    Weeks(i64),
    /// The last of several.
    Last,
    Other,
}

/// All days a text names, in order.
pub(super) fn mentions(words: &[String], calendar: Calendar) -> Vec<Mention> {
    let reader = Reader { words, calendar };
    let mut found: Vec<Mention> = Vec::new();
    let mut index = 0;
    while index < words.len() {
        match reader.at(index) {
            Some((length, day, form)) => {
                let begins = index;
                index += length;
                found.push(Mention {
                    range: begins..index,
                    day,
                    form,
                });
                let first = found.last().and_then(|mention| mention.day.clone().ok());
                if let Some(first) = first
                    && let Some((length, day)) = reader.up_to(index, first)
                {
                    found.push(Mention {
                        range: index..index + length,
                        day,
                        form: Form::Last,
                    });
                    index += length;
                }
            }
            None => index += 1,
        }
    }
    found
}

type Read = Option<(usize, Day, Form)>;

#[derive(Clone, Copy)]
struct Reader<'a> {
    words: &'a [String],
    calendar: Calendar,
}

impl Reader<'_> {
    fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// The length of the first of these phrases that stands here.
    fn phrase(&self, index: usize, phrases: &[&str]) -> Option<usize> {
        phrases.iter().find_map(|phrase| {
            let mut length = 0;
            for word in phrase.split(' ') {
                if self.word(index + length) != word {
                    return None;
                }
                length += 1;
            }
            Some(length)
        })
    }

    fn at(&self, index: usize) -> Read {
        self.near(index)
            .or_else(|| self.beside_weekday(index))
            .or_else(|| self.counted(index))
            .or_else(|| self.figures(index))
            .or_else(|| self.nth_weekday(index))
            .or_else(|| self.in_month(index))
            .or_else(|| self.weekday(index))
            .or_else(|| self.holiday(index))
            .or_else(|| self.day_alone(index))
    }

    /// "… to 5", "or the sixth", "through Friday" after a day: another one, of the same month unless
    /// it names its own.
    fn up_to(&self, index: usize, first: Date) -> Option<(usize, Day)> {
        let link = self.phrase(index, RANGES)?;
        let at = index + link;
        let article = self.phrase(at, &["the"]).unwrap_or(0);
        let alone = self
            .number(at + article)
            .filter(|(number, length, ordinal)| {
                let after = self.word(at + article + length);
                // "March 3 to 5 Mill Lane" and "to 5 pm" name no other day.
                let ends = *ordinal && month(after).is_none() || AFTER_A_DAY.contains(&after);
                ends && !CLOCK.contains(&after) && after != "of" && (1..=31).contains(number)
            });
        if let Some((number, length, _)) = alone {
            let day = self
                .calendar
                .in_month(number, first.month(), Some(first.year()));
            return Some((link + article + length, day));
        }
        let lasts = matches!(self.word(index), "until" | "till" | "through");
        let (length, day, _) = self.at(at).filter(|_| lasts)?;
        Some((link + length, day))
    }

    fn near(&self, index: usize) -> Read {
        const NEAR: &[(&[&str], i64)] = &[
            (
                &[
                    "the day after tomorrow",
                    "day after tomorrow",
                    "day after the tomorrow",
                ],
                2,
            ),
            (
                &[
                    "tomorrow week",
                    "a week from tomorrow",
                    "one week from tomorrow",
                    "a week tomorrow",
                ],
                8,
            ),
            (
                &[
                    "a week from today",
                    "one week from today",
                    "a week today",
                    "today week",
                ],
                7,
            ),
            (&["the day before yesterday", "day before yesterday"], -2),
            (&["the day before tomorrow"], 0),
            (&["tomorrow"], 1),
            (&["today", "tonight", "this afternoon", "this evening"], 0),
            (&["yesterday"], -1),
        ];
        let (length, days) = NEAR
            .iter()
            .find_map(|(phrases, days)| Some((self.phrase(index, phrases)?, *days)))?;
        Some((length, self.calendar.days_ahead(days), Form::Other))
    }

    /// "the day after Monday", "two days before Friday", "three days from Tuesday".
    fn beside_weekday(&self, index: usize) -> Read {
        let (number, length) = match self.phrase(index, &["the day", "day"]) {
            Some(length) => (1, length),
            None => {
                let (number, length) = self.count(index)?;
                (
                    number,
                    length + self.phrase(index + length, &["day", "days"])?,
                )
            }
        };
        let at = index + length;
        let days = match self.word(at) {
            "after" | "from" => number,
            "before" => -number,
            _ => return None,
        };
        let day = weekday(self.word(at + 1))?;
        let date = self.calendar.weekday(day, 0).and_then(|date| {
            let moved = date.checked_add(Duration::days(days));
            moved.ok_or_else(|| no_such("day so far away"))
        });
        Some((length + 2, date, Form::Other))
    }

    /// "in three days", "two weeks from now", "a week on Friday", "three days ago".
    fn counted(&self, index: usize) -> Read {
        let lead = self
            .phrase(index, &["in about", "in", "within"])
            .unwrap_or(0);
        let (number, length) = self.count(index + lead)?;
        let mut end = index + lead + length;
        let unit = self.word(end).to_owned();
        let calendar = self.calendar;
        end += 1;
        let weeks = match unit.as_str() {
            "week" | "weeks" => Some(number),
            "fortnight" | "fortnights" => Some(number * 2),
            _ => None,
        };
        // "a week on Friday", "two weeks from Tuesday", "a week Monday".
        let on = self.phrase(end, &["on", "from", "this"]).unwrap_or(0);
        if let (Some(weeks), Some(day)) = (weeks, weekday(self.word(end + on))) {
            let length = end + on + 1 - index;
            if lead == 0 {
                return Some((length, calendar.weekday(day, weeks), Form::Other));
            }
            let date = calendar.weekday_of_week(day, weeks);
            return Some((length, date, Form::Other));
        }
        let after = self.phrase(end, &["from now", "from today", "hence", "time", "later"]);
        let from_tomorrow = self.phrase(end, &["from tomorrow", "after tomorrow"]);
        let ago = self.phrase(end, &["ago"]);
        if lead == 0 && after.is_none() && ago.is_none() && from_tomorrow.is_none() {
            return None;
        }
        end += after.or(from_tomorrow).or(ago).unwrap_or(0);
        let signed = if ago.is_some() { -number } else { number };
        let extra = i64::from(from_tomorrow.is_some());
        let (day, form) = match (unit.as_str(), weeks) {
            ("day" | "days", _) => (calendar.days_ahead(signed + extra), Form::Other),
            ("month" | "months", _) => (calendar.months_ahead(signed), Form::Other),
            ("year" | "years", _) => (calendar.months_ahead(signed * 12), Form::Other),
            (_, Some(weeks)) => {
                let weeks = if ago.is_some() { -weeks } else { weeks };
                (calendar.days_ahead(weeks * 7 + extra), Form::Weeks(weeks))
            }
            _ => return None,
        };
        Some((end - index, day, form))
    }

    /// "three", "twenty one", "a", "a couple of", "12".
    fn count(&self, index: usize) -> Option<(i64, usize)> {
        if let Some(length) = self.phrase(index, &["a couple of", "a couple", "couple of"]) {
            return Some((2, length));
        }
        if let Some(length) = self.phrase(index, &["another", "a", "an", "one"]) {
            return Some((1, length));
        }
        let (value, length) = self.cardinal(index)?;
        (1..=1000).contains(&value).then_some((value, length))
    }

    fn cardinal(&self, index: usize) -> Option<(i64, usize)> {
        let word = self.word(index);
        if let Ok(value) = word.parse::<i64>() {
            return (word.len() <= 4).then_some((value, 1));
        }
        let value = small(word)?;
        match small(self.word(index + 1)) {
            Some(unit) if tens(word).is_some() && (1..10).contains(&unit) => {
                Some((value + unit, 2))
            }
            _ => Some((value, 1)),
        }
    }

    /// "fifth", "twenty first", "5th", "thirty one", "5"; the flag tells ordinals.
    fn number(&self, index: usize) -> Option<(i64, usize, bool)> {
        let word = self.word(index);
        if let Some(value) = ordinal(word) {
            return Some((value, 1, true));
        }
        if tens(word).is_some()
            && let Some(unit) = ordinal(self.word(index + 1)).filter(|unit| (1..10).contains(unit))
        {
            return Some((small(word)? + unit, 2, true));
        }
        self.cardinal(index)
            .filter(|(value, _)| *value < 100)
            .map(|(value, length)| (value, length, false))
    }

    fn year(&self, index: usize) -> Option<(i32, usize)> {
        let lead = self.phrase(index, &["of", "in", ","]).unwrap_or(0);
        let at = index + lead;
        let word = self.word(at);
        let years = 1900..=2199;
        if let Some(year) = word.parse().ok().filter(|year| years.contains(year)) {
            return Some((year, lead + 1));
        }
        let century = match word {
            "nineteen" => 1900,
            "twenty" => 2000,
            _ => {
                let thousand = self.phrase(at, &["two thousand and", "two thousand"])?;
                let rest = self.cardinal(at + thousand).filter(|(rest, _)| *rest < 100);
                let (rest, length) = rest.unwrap_or((0, 0));
                return Some((2000 + i32::try_from(rest).ok()?, lead + thousand + length));
            }
        };
        let (rest, length) = self
            .cardinal(at + 1)
            .filter(|(rest, _)| (10..100).contains(rest))?;
        Some((century + i32::try_from(rest).ok()?, lead + 1 + length))
    }

    /// "5/12", "2026-12-05".
    fn figures(&self, index: usize) -> Read {
        let sign = self.word(index + 1);
        if !matches!(sign, "/" | "." | "-") {
            return None;
        }
        let number = |at: usize| self.word(at).parse::<i64>().ok();
        let (first, second) = (number(index)?, number(index + 2)?);
        let third = (self.word(index + 3) == sign)
            .then(|| number(index + 4))
            .flatten();
        let length = if third.is_some() { 5 } else { 3 };
        let dots = sign == ".";
        let short = |year: i64| i32::try_from(if year < 100 { 2000 + year } else { year }).ok();
        let day = if first > 99 {
            let month = third.map(|_| second)?;
            let day = third?;
            self.calendar.figures(day, month, short(first), true)
        } else {
            self.calendar
                .figures(first, second, third.and_then(short), dots)
        };
        Some((length, day, Form::Other))
    }

    /// "the first Monday in March".
    fn nth_weekday(&self, index: usize) -> Read {
        let start = index + self.phrase(index, &["the"]).unwrap_or(0);
        let nth = match self.word(start) {
            "last" => None,
            word => Some(ordinal(word).filter(|nth| (1..=5).contains(nth))?),
        };
        let day = weekday(self.word(start + 1))?;
        let link = self.phrase(start + 2, &["of", "in"])?;
        let at = start + 2 + link;
        let month = month(self.word(at))?;
        let date = self.calendar.nth_weekday(nth, day, month);
        Some((at + 1 - index, date, Form::Other))
    }

    /// "the twelfth of June", "June 12th", "12 June 2027", "the third of the fourth".
    fn in_month(&self, index: usize) -> Read {
        if let Some(month) = month(self.word(index)) {
            let gap = self.phrase(index + 1, &["the"]).unwrap_or(0);
            let (day, length, _) = self.number(index + 1 + gap)?;
            return Some(self.dated(index, index + 1 + gap + length, day, month));
        }
        let start = index + self.phrase(index, &["the"]).unwrap_or(0);
        let (day, length, ordinal_day) = self.number(start)?;
        let end = start + length;
        if let Some(link) = self.phrase(end, &["of this month", "this month"]) {
            let date = self.calendar.in_month_ahead(day, 0);
            return Some((end + link - index, date, Form::Other));
        }
        if let Some(link) = self.phrase(end, &["of next month", "next month"]) {
            let date = self.calendar.in_month_ahead(day, 1);
            return Some((end + link - index, date, Form::Other));
        }
        if let Some(link) = self.phrase(end, &["of the month"]) {
            let date = self.calendar.day_alone(day);
            return Some((end + link - index, date, Form::Other));
        }
        let link = self
            .phrase(end, &["day of", "of the month of", "of"])
            .unwrap_or(0);
        if let Some(month) = month(self.word(end + link)) {
            return Some(self.dated(index, end + link + 1, day, month));
        }
        let link = self.phrase(end, &["of the"]).filter(|_| ordinal_day)?;
        let (number, length, _) = self.number(end + link).filter(|(_, _, ordinal)| *ordinal)?;
        let end = end + link + length;
        match u8::try_from(number)
            .ok()
            .and_then(|n| Month::try_from(n).ok())
        {
            Some(month) => Some(self.dated(index, end, day, month)),
            None => Some((
                end - index,
                Err(no_such(&format!("month {number}"))),
                Form::Other,
            )),
        }
    }

    fn dated(&self, index: usize, end: usize, day: i64, month: Month) -> (usize, Day, Form) {
        let year = self.year(end);
        let date = self
            .calendar
            .in_month(day, month, year.map(|(year, _)| year));
        let end = end + year.map_or(0, |(_, length)| length);
        (end - index, date, Form::Other)
    }

    /// "Tuesday", "next Tuesday", "Friday week", "next week on Friday", "last Monday".
    fn weekday(&self, index: usize) -> Read {
        let calendar = self.calendar;
        if let Some(length) = self.phrase(index, &["next week on", "next week"]) {
            let day = weekday(self.word(index + length))?;
            let date = calendar.weekday_of_week(day, 1);
            return Some((length + 1, date, Form::Other));
        }
        if let Some(length) = self.phrase(index, &["this weekend", "the weekend", "weekend"]) {
            let days = [Weekday::Saturday, Weekday::Sunday]
                .into_iter()
                .filter_map(|day| calendar.weekday(day, 0).ok())
                .map(Value::Date)
                .collect();
            return Some((length, Err(Unclear::Several(days)), Form::Other));
        }
        let which = self.word(index);
        let lead = usize::from(matches!(
            which,
            "next" | "this" | "last" | "coming" | "past"
        ));
        let coming = usize::from(lead == 1 && self.word(index + 1) == "coming");
        let at = index + lead + coming;
        let day = weekday(self.word(at))?;
        let end = at + 1;
        if let Some(length) = self.phrase(end, &["of next week", "next week", "in next week"]) {
            let date = calendar.weekday_of_week(day, 1);
            return Some((end + length - index, date, Form::Other));
        }
        if let Some(length) = self.phrase(end, &["after next", "week"]) {
            return Some((end + length - index, calendar.weekday(day, 1), Form::Other));
        }
        let date = match which {
            "last" | "past" => calendar.last_weekday(day),
            "next" if coming == 0 => calendar.next_weekday(day),
            _ => calendar.weekday(day, 0),
        };
        Some((end - index, date, Form::Weekday(day)))
    }

    fn holiday(&self, index: usize) -> Read {
        const HOLIDAYS: &[(&[&str], Month, i64)] = &[
            (&["christmas eve"], Month::December, 24),
            (&["christmas day", "christmas"], Month::December, 25),
            (&["boxing day"], Month::December, 26),
            (&["new year eve", "new years eve"], Month::December, 31),
            (&["new year day", "new years day"], Month::January, 1),
            (&["valentine day", "valentines day"], Month::February, 14),
            (&["halloween"], Month::October, 31),
        ];
        let (length, month, day) = HOLIDAYS
            .iter()
            .find_map(|(names, month, day)| Some((self.phrase(index, names)?, *month, *day)))?;
        Some((
            length,
            self.calendar.in_month(day, month, None),
            Form::Other,
        ))
    }

    /// "the fourteenth", but not "the first time" or "wait a second".
    fn day_alone(&self, index: usize) -> Read {
        let article = self.phrase(index, &["the"]).unwrap_or(0);
        let at = index + article;
        let (day, length, _) = self.number(at).filter(|(_, _, ordinal)| *ordinal)?;
        let end = at + length;
        let figures = self.word(at).starts_with(|c: char| c.is_ascii_digit());
        let before = index.checked_sub(1).map_or("", |before| self.word(before));
        let opens = article == 1 || figures || BEFORE_A_DAY.contains(&before);
        let closes = AFTER_A_DAY.contains(&self.word(end)) || weekday(self.word(end)).is_some();
        (opens && closes).then(|| (end - index, self.calendar.day_alone(day), Form::Number(day)))
    }
}

/// Between the first and the last of several days.
const RANGES: &[&str] = &["to", "till", "until", "through", "or", "and", "up to"];

/// What makes a number an hour.
const CLOCK: &[&str] = &["o'clock", "am", "pm", "a", "p", ":", "hours", "in"];

/// What may stand before a bare "fifth"; "" is the beginning.
const BEFORE_A_DAY: &[&str] = &[
    "", ",", ";", "on", "or", "and", "to", "no", "not", "sorry", "mean", "actually", "rather",
    "until", "by", "for", "is", "make", "um", "uh", "please", "yes", "yeah", "day", "it", "maybe",
    "perhaps", "huh", "hmm", "well", "okay", "ok",
];

/// What may stand after one; "" is the end.
const AFTER_A_DAY: &[&str] = &[
    "", ",", ";", "please", "thanks", "thank", "then", "is", "would", "will", "works", "at", "in",
    "or", "and", "no", "not", "but", "sorry", "i", "if", "to", "until", "that", "which", "wait",
    "uh", "um", "actually", "rather", "around", "before", "after", "works", "sounds", "instead",
    "today", "maybe", "should", "can", "could", "does",
];
