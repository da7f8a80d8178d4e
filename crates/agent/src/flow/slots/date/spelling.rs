//! The words of a text as the other files here expect them.

use time::{Month, Weekday};

use crate::flow::words::tokens;

/// Stands for a comma or another pause within a sentence.
const PAUSE: &str = ",";

/// Stands for the end of a sentence.
const STOP: &str = ";";

/// Whether a word stands for a pause or the end of a sentence.
pub(super) fn is_pause(word: &str) -> bool {
    word == PAUSE || word == STOP
}

/// Words and pauses; hyphens and short forms undone, figures with a slash or dots parted by "/".
pub(super) fn words(text: &str) -> Vec<String> {
    let lower = text
        .to_lowercase()
        .replace("to-morrow", "tomorrow")
        .replace("to-day", "today")
        .replace("to-night", "tonight");
    let pauses = |c: char| ",;.?!:\u{2026}\u{2014}".contains(c);
    let mut words = Vec::new();
    for raw in lower.split_whitespace() {
        if let Some(figures) = figures(raw) {
            words.extend(figures);
        } else if let Some((first, last)) = range(raw) {
            words.extend([first, "to", last].map(str::to_owned));
        } else {
            for part in raw.split_inclusive(pauses) {
                let bare = part.trim_end_matches(pauses);
                words.extend(tokens(bare));
                if bare.len() < part.len() {
                    let stops = part.ends_with(['.', '?', '!']);
                    words.push(if stops { STOP } else { PAUSE }.to_owned());
                }
            }
        }
        if raw == "-" {
            words.push(PAUSE.to_owned());
        }
    }
    let words: Vec<String> = words.iter().map(|word| full(word).to_owned()).collect();
    joined(words)
}

/// "3-5".
fn range(raw: &str) -> Option<(&str, &str)> {
    let bare = raw.trim_end_matches([',', ';', '.', '?', '!']);
    let (first, last) = bare.split_once(['-', '\u{2013}'])?;
    let short = |part: &str| {
        let figures = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        (1..=2).contains(&figures.len()) && figures.bytes().all(|b| b.is_ascii_digit())
    };
    (short(first) && short(last)).then_some((first, last))
}

/// "5/12", "05.12.2026", "2026-12-05": its numbers with "/" between, or "." where dots were.
fn figures(raw: &str) -> Option<Vec<String>> {
    let bare = raw.trim_end_matches([',', ';', '.', '?', '!']);
    let (sign, mark) = [('/', "/"), ('.', "."), ('-', "-")]
        .into_iter()
        .find(|(sign, _)| bare.contains(*sign))?;
    let numbers: Vec<&str> = bare.split(sign).collect();
    let plain = numbers.iter().all(|number| {
        !number.is_empty() && number.len() <= 4 && number.bytes().all(|b| b.is_ascii_digit())
    });
    let dates = (2..=3).contains(&numbers.len())
        && numbers.iter().filter(|number| number.len() > 2).count() <= 1
        && (sign != '-' || numbers.len() == 3);
    if !plain || !dates {
        return None;
    }
    let mut words = Vec::new();
    for number in numbers {
        if !words.is_empty() {
            words.push(mark.to_owned());
        }
        words.push(number.to_owned());
    }
    if bare.len() < raw.len() {
        words.push(PAUSE.to_owned());
    }
    Some(words)
}

/// Words a recogniser tears apart.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        match (out.last_mut(), word.as_str()) {
            (Some(last), "morrow") if last == "to" => "tomorrow".clone_into(last),
            (Some(last), "st" | "nd" | "rd" | "th")
                if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) =>
            {
                last.push_str(&word);
            }
            _ => out.push(word),
        }
    }
    out
}

fn full(word: &str) -> &str {
    SPELLINGS
        .iter()
        .find(|(short, _)| *short == word)
        .map_or(word, |(_, full)| full)
}

pub(super) fn month(word: &str) -> Option<Month> {
    let month = match word {
        "january" => Month::January,
        "february" => Month::February,
        "march" => Month::March,
        "april" => Month::April,
        "may" => Month::May,
        "june" => Month::June,
        "july" => Month::July,
        "august" => Month::August,
        "september" => Month::September,
        "october" => Month::October,
        "november" => Month::November,
        "december" => Month::December,
        _ => return None,
    };
    Some(month)
}

pub(super) fn weekday(word: &str) -> Option<Weekday> {
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

const SPELLINGS: &[(&str, &str)] = &[
    ("2morrow", "tomorrow"),
    ("tomorow", "tomorrow"),
    ("tommorow", "tomorrow"),
    ("tommorrow", "tomorrow"),
    ("tomorrows", "tomorrow"),
    ("jan", "january"),
    ("feb", "february"),
    ("febuary", "february"),
    ("feburary", "february"),
    ("mar", "march"),
    ("apr", "april"),
    ("jun", "june"),
    ("jul", "july"),
    ("aug", "august"),
    ("sep", "september"),
    ("sept", "september"),
    ("oct", "october"),
    ("nov", "november"),
    ("dec", "december"),
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("tues", "tuesday"),
    ("chewsday", "tuesday"),
    ("wed", "wednesday"),
    ("weds", "wednesday"),
    ("wensday", "wednesday"),
    ("wenesday", "wednesday"),
    ("thu", "thursday"),
    ("thur", "thursday"),
    ("thurs", "thursday"),
    ("fri", "friday"),
    ("fryday", "friday"),
    ("fridayy", "friday"),
    ("twelveth", "twelfth"),
    ("twelth", "twelfth"),
    ("fith", "fifth"),
    ("forth", "fourth"),
    ("nineth", "ninth"),
    ("fourtieth", "fortieth"),
];
