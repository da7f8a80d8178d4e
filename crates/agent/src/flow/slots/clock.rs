//! Times of day.

use time::Time;

use super::number::{read, small};
use super::value::{Unclear, Value};
use crate::flow::words::tokens;

/// A time of day in a text: "half past three", "3 pm", "quarter to nine", "ten thirty", "noon".
/// The last word counts: "at three, no, at four".
pub(super) fn time(text: &str) -> Option<Result<Time, Unclear>> {
    let lower = text
        .to_lowercase()
        .replace("a.m.", " am ")
        .replace("p.m.", " pm ");
    let spaced = lower.replace([':', '.'], " ");
    let tokens: Vec<String> = tokens(&spaced)
        .iter()
        .flat_map(|token| split(token))
        .collect();
    let parts = tokens.split(|token| CORRECTING.contains(&token.as_str()));
    let read = |part: &[String]| {
        let refused = part.iter().any(|token| token == "not");
        (!refused).then(|| one_of(part)).flatten()
    };
    parts.rev().find_map(read)
}

/// "Three or four" and "between three and four" are two times.
fn one_of(tokens: &[String]) -> Option<Result<Time, Unclear>> {
    let range = tokens.iter().any(|token| token == "between");
    let mut times: Vec<Time> = Vec::new();
    for part in tokens.split(|token| token == "or" || (range && token == "and")) {
        if let Some(time) = single(part).filter(|time| !times.contains(time)) {
            times.push(time);
        }
    }
    match times.as_slice() {
        [] => None,
        [time] => Some(Ok(*time)),
        _ => Some(Err(Unclear::Several(
            times.into_iter().map(Value::Time).collect(),
        ))),
    }
}

fn single(tokens: &[String]) -> Option<Time> {
    let has = |word: &str| tokens.iter().any(|token| token == word);
    if has("noon") || has("midday") {
        return Time::from_hms(12, 0, 0).ok();
    }
    if has("midnight") {
        return Some(Time::MIDNIGHT);
    }
    let afternoon = has("pm") || has("afternoon") || has("evening") || has("tonight");
    let morning = has("am") || has("morning");
    let (hour, minute) = relative(tokens).or_else(|| plain(tokens))?;
    let hour = match hour {
        12 if morning => 0,
        1..12 if afternoon => hour + 12,
        // Nobody means four at night by "at four" in business.
        1..7 if !morning => hour + 12,
        _ => hour,
    };
    Time::from_hms(u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, 0).ok()
}

/// "half past three", "ten to four", "quarter after nine", "half three".
fn relative(tokens: &[String]) -> Option<(i64, i64)> {
    if let Some(at) = tokens.iter().position(|token| token == "half")
        && let Some(hour) = tokens.get(at + 1).and_then(|token| value(token))
    {
        return (hour < 24).then_some((hour, 30));
    }
    let at = tokens
        .iter()
        .position(|token| matches!(token.as_str(), "past" | "after" | "to" | "till"))?;
    let (hour, _) = read(tokens.get(at + 1..)?)?;
    let before = tokens.get(at.checked_sub(1)?)?;
    let minutes = match before.as_str() {
        "half" => 30,
        "quarter" => 15,
        word => small(word)
            .or_else(|| word.parse().ok())
            .filter(|value| (1..60).contains(value))?,
    };
    let backwards = matches!(tokens.get(at)?.as_str(), "to" | "till");
    let hour = match hour {
        1 if backwards => 12,
        hour if backwards => (hour + 23) % 24,
        hour => hour,
    };
    Some((hour, if backwards { 60 - minutes } else { minutes }))
}

/// "three", "ten thirty", "15 45".
fn plain(tokens: &[String]) -> Option<(i64, i64)> {
    let at = tokens
        .iter()
        .position(|token| value(token).is_some_and(|hour| hour < 24))?;
    let hour = value(tokens.get(at)?)?;
    let minute = tokens
        .get(at + 1..)
        .and_then(|rest| read(rest).filter(|(_, end)| *end > 0 && starts(rest)));
    match minute {
        Some((minute, _)) => (0..60).contains(&minute).then_some((hour, minute)),
        None => Some((hour, 0)),
    }
}

fn starts(tokens: &[String]) -> bool {
    tokens.first().is_some_and(|token| value(token).is_some())
}

fn value(token: &str) -> Option<i64> {
    small(token).or_else(|| token.parse().ok())
}

/// What comes before these was not meant.
const CORRECTING: &[&str] = &[
    "no", "nope", "sorry", "mean", "actually", "rather", "wait", "instead", "but", "make",
];

/// "3pm" is two words, and so is "1545" after "at".
fn split(token: &str) -> Vec<String> {
    for end in ["am", "pm"] {
        if let Some(figures) = token.strip_suffix(end)
            && figures.parse::<u32>().is_ok()
        {
            return vec![figures.to_owned(), end.to_owned()];
        }
    }
    vec![token.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_said() {
        for (text, hour, minute) in [
            ("half past three", 15, 30),
            ("at 3 pm", 15, 0),
            ("3pm please", 15, 0),
            ("quarter to nine in the morning", 8, 45),
            ("ten thirty", 10, 30),
            ("15:45", 15, 45),
            ("eight o'clock in the evening", 20, 0),
            ("around noon", 12, 0),
            ("9 a.m.", 9, 0),
            ("twenty past four", 16, 20),
            ("half past twelve", 12, 30),
            ("half three", 15, 30),
            ("quarter to one", 12, 45),
            ("at three, no, at four", 16, 0),
            ("three, sorry, half past four", 16, 30),
            ("not at noon but at five", 17, 0),
            ("noon, I mean one o'clock", 13, 0),
        ] {
            let expected = Time::from_hms(hour, minute, 0).unwrap();
            assert_eq!(time(text), Some(Ok(expected)), "{text}");
        }
        for text in [
            "three or four",
            "between nine and eleven",
            "noon or midnight",
        ] {
            let found = time(text);
            assert!(
                matches!(found, Some(Err(Unclear::Several(_)))),
                "{text} {found:?}"
            );
        }
        assert_eq!(time("seven seventy five"), None);
        assert_eq!(time("not at three"), None);
        assert_eq!(time("whenever you like"), None);
    }
}
