//! Which of the days a text names is meant.

use time::Date;

use super::calendar::{Calendar, Day, Span};
use super::mention::{Form, Mention};
use super::spelling::is_pause;
use crate::flow::slots::value::{Unclear, Value};

/// The one day that is meant, or why there is none.
pub(super) fn choose(words: &[String], mentions: Vec<Mention>, calendar: Calendar) -> Option<Day> {
    if mentions.is_empty() {
        return None;
    }
    let mentions = joined(words, mentions, calendar);
    let stands = standing(words, &mentions);
    let mut days: Vec<Date> = Vec::new();
    let mut unclear = None;
    for (mention, _) in mentions.iter().zip(&stands).filter(|(_, stands)| **stands) {
        match &mention.day {
            Ok(day) if days.contains(day) => {}
            Ok(day) => days.push(*day),
            Err(why) => {
                unclear.get_or_insert_with(|| why.clone());
            }
        }
    }
    if let Some(why) = unclear {
        return Some(Err(why));
    }
    Some(match days.as_slice() {
        [] => Err(Unclear::Refused),
        [day] => in_span(*day, calendar),
        _ => Err(Unclear::Several(
            days.into_iter().map(Value::Date).collect(),
        )),
    })
}

fn in_span(day: Date, calendar: Calendar) -> Day {
    match calendar.span {
        Span::Future if day < calendar.today => Err(Unclear::Past(day)),
        Span::Past if day > calendar.today => Err(Unclear::Ahead(day)),
        Span::Future | Span::Past | Span::Any => Ok(day),
    }
}

/// "Tuesday the 24th" is one day named twice over; when the two disagree it is none.
fn joined(words: &[String], mentions: Vec<Mention>, calendar: Calendar) -> Vec<Mention> {
    let mut out: Vec<Mention> = Vec::with_capacity(mentions.len());
    for mention in mentions {
        let Some(last) = out.last_mut() else {
            out.push(mention);
            continue;
        };
        let between = words
            .get(last.range.end..mention.range.start)
            .unwrap_or_default();
        let close = between.iter().all(|word| GLUE.contains(&word.as_str()));
        match close.then(|| both(last, &mention, calendar)).flatten() {
            Some(day) => {
                last.range.end = mention.range.end;
                last.form = Form::Other;
                last.day = day;
            }
            None => out.push(mention),
        }
    }
    out
}

/// The day two neighbours name together, if they can belong together.
fn both(one: &Mention, other: &Mention, calendar: Calendar) -> Option<Day> {
    let (weekday, day) = match (one.form, other.form) {
        (Form::Weekday(_), Form::Weekday(_)) | (_, Form::Last) | (Form::Last, _) => return None,
        (Form::Weekday(weekday), _) => (weekday, other),
        (_, Form::Weekday(weekday)) => (weekday, one),
        _ => return None,
    };
    Some(match (&day.form, &day.day) {
        (Form::Weeks(weeks), _) => calendar.weekday_of_week(weekday, *weeks),
        (_, Ok(date)) if date.weekday() == weekday => Ok(*date),
        (_, Ok(date)) => Err(Unclear::OtherWeekday(*date)),
        (_, Err(Unclear::Several(days))) => {
            let fits = days.iter().find_map(|day| match day {
                Value::Date(date) if date.weekday() == weekday => Some(*date),
                _ => None,
            });
            fits.ok_or_else(|| Unclear::Several(days.clone()))
        }
        (_, Err(why)) => Err(why.clone()),
    })
}

/// Which mentions are neither refused nor corrected.
fn standing(words: &[String], mentions: &[Mention]) -> Vec<bool> {
    let mut stands = vec![true; mentions.len()];
    let mut refused_before = false;
    for (index, mention) in mentions.iter().enumerate() {
        let from = index
            .checked_sub(1)
            .and_then(|before| mentions.get(before))
            .map_or(0, |before| before.range.end);
        let before = words.get(from..mention.range.start).unwrap_or_default();
        let until = mentions
            .get(index + 1)
            .map_or(words.len(), |next| next.range.start);
        let after = words.get(mention.range.end..until).unwrap_or_default();
        let last = index + 1 == mentions.len();
        let lists = before
            .iter()
            .any(|word| matches!(word.as_str(), "or" | "nor" | "and"))
            && before.iter().all(|word| LISTING.contains(&word.as_str()));
        let refused =
            refuses(before, index > 0) || bounds(before) || (index > 0 && lists && refused_before);
        if refused || spoils(after, last) {
            set(&mut stands, index..index + 1);
        } else if index > 0 && corrects(before) {
            set(&mut stands, 0..index);
        }
        refused_before = refused;
    }
    stands
}

fn set(stands: &mut [bool], range: std::ops::Range<usize>) {
    for one in stands.iter_mut().take(range.end).skip(range.start) {
        *one = false;
    }
}

fn has(words: &[String], phrase: &str) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    words
        .windows(phrase.len())
        .any(|window| window.iter().map(String::as_str).eq(phrase.iter().copied()))
}

/// "not Monday", "I can't do Monday", "instead of Monday".
fn refuses(before: &[String], follows: bool) -> bool {
    let start = before
        .iter()
        .rposition(|word| is_pause(word) || PARTING.contains(&word.as_str()))
        .map_or(0, |at| at + 1);
    let near = before.get(start..).unwrap_or_default();
    if has(near, "instead of")
        || has(near, "rather than")
        || has(before, "anything but")
        || has(near, "except")
    {
        return true;
    }
    if HARMLESS.iter().any(|phrase| has(near, phrase)) {
        return false;
    }
    // "Monday does not work Tuesday does": that "not" belongs to Monday.
    let belongs_before = follows
        && start == 0
        && near
            .first()
            .is_some_and(|word| VERBS.contains(&word.as_str()));
    near.iter().any(|word| word == "not" || word == "never") && !belongs_before
}

/// "After Monday", "until Friday": a day is named, and another one meant.
fn bounds(before: &[String]) -> bool {
    let articles = ["the", "on", "next"];
    let last = before
        .iter()
        .rev()
        .find(|word| !articles.contains(&word.as_str()));
    last.is_some_and(|word| ["after", "before", "until", "till"].contains(&word.as_str()))
}

/// "Monday is no good", "Monday doesn't work", "Monday, no wait".
fn spoils(after: &[String], last: bool) -> bool {
    let end = after
        .iter()
        .position(|word| is_pause(word) || PARTING.contains(&word.as_str()))
        .unwrap_or(after.len());
    let near = after.get(..end).unwrap_or_default();
    let verb = near
        .first()
        .is_some_and(|word| VERBS.contains(&word.as_str()));
    let bad = near.iter().any(|word| BAD.contains(&word.as_str()));
    if verb && (bad || has(near, "not") || has(near, "no good")) {
        return true;
    }
    let rest: Vec<&str> = after
        .iter()
        .map(String::as_str)
        .filter(|word| !is_pause(word))
        .collect();
    let taken_back = matches!(
        rest.as_slice(),
        ["no" | "nope" | "wait"]
            | ["no", "wait" | "sorry" | "no" | "not", ..]
            | ["wait", "no", ..]
            | ["i", "mean"]
            | ["sorry", "no"]
    );
    last && taken_back
}

/// "Monday, no, Tuesday", "Monday, I mean Tuesday".
fn corrects(between: &[String]) -> bool {
    between
        .iter()
        .any(|word| CORRECTING.contains(&word.as_str()))
}

const GLUE: &[&str] = &[
    "the", "on", "that", "is", "which", "it", ",", "of", "this", "in",
];

const LISTING: &[&str] = &["or", "and", "nor", "either", "on", "the", ","];

const PARTING: &[&str] = &["but", "so", "because", "then", "make", "maybe"];

const CORRECTING: &[&str] = &[
    "no",
    "nope",
    "sorry",
    "mean",
    "meant",
    "actually",
    "rather",
    "wait",
    "instead",
    "correction",
    "scratch",
    "oops",
    "better",
    "make",
    "but",
    "change",
    "pardon",
    "nah",
];

const VERBS: &[&str] = &[
    "is", "does", "do", "will", "would", "was", "can", "could", "did", "would", "are",
];

const BAD: &[&str] = &[
    "bad",
    "impossible",
    "wrong",
    "busy",
    "out",
    "difficult",
    "terrible",
    "unsuitable",
];

/// "I don't know, maybe Friday", "why not Friday".
const HARMLESS: &[&str] = &[
    "do not know",
    "not sure",
    "why not",
    "do not mind",
    "do not care",
    "not before",
    "not later",
    "does not matter",
];
