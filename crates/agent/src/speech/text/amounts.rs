//! Numbers as they are said on the telephone: codes digit by digit, money, times and dates in
//! words around figures. The figures themselves are left to the phonemizer, which knows its
//! language.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Digits beyond this many in a row are a code, not a quantity.
const LONGEST_QUANTITY: usize = 4;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Patterns are constants of this file; the tests below compile each of them.
#[expect(
    clippy::unwrap_used,
    reason = "a constant pattern either compiles in every run or in none"
)]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

static DATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(\d{4})-(\d{2})-(\d{2})\b"));
static TIME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b([01]?\d|2[0-3]):([0-5]\d)\b(?:\s*([ap])\.?\s?m\b\.?)?"));
static MONEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"([$\u{20ac}\u{a3}])\s?(\d[\d,]*)(?:\.(\d{2}))?(?:\s(thousand|million|billion))?\b")
});
static PHONE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\+?\(?\d{1,4}\)?(?:[ -]\(?\d{2,4}\)?){1,4}\b"));
static FIGURES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:\d{1,3}(?:,\d{3})+|\d+)\b"));

/// Rewrites every number that would be said wrongly as it stands.
pub(super) fn amounts(text: &str) -> String {
    let text = DATE.replace_all(text, date);
    let text = TIME.replace_all(&text, time);
    let text = MONEY.replace_all(&text, money);
    let text = PHONE.replace_all(&text, phone);
    FIGURES.replace_all(&text, figures).into_owned()
}

fn date(found: &Captures<'_>) -> String {
    let month = found[2]
        .parse::<usize>()
        .ok()
        .and_then(|m| MONTHS.get(m.checked_sub(1)?));
    match month {
        Some(month) => format!(
            "{month} {}, {}",
            found[3].trim_start_matches('0'),
            &found[1]
        ),
        None => found[0].to_owned(),
    }
}

fn time(found: &Captures<'_>) -> String {
    let half = found
        .get(3)
        .map(|half| format!(" {} m", half.as_str()))
        .unwrap_or_default();
    let hour = match found[1].trim_start_matches('0') {
        "" => "0",
        hour => hour,
    };
    match (&found[2], half.is_empty()) {
        ("00", true) => format!("{hour} o'clock"),
        ("00", false) => format!("{hour}{half}"),
        (minutes, _) => format!(
            "{hour} {}{half}",
            minutes.replacen('0', "oh ", usize::from(minutes.starts_with('0')))
        ),
    }
}

fn money(found: &Captures<'_>) -> String {
    let (one, many, cents) = match &found[1] {
        "$" => ("dollar", "dollars", "cents"),
        "\u{20ac}" => ("euro", "euros", "cents"),
        _ => ("pound", "pounds", "pence"),
    };
    // Money in figures stays a quantity however long it is: it keeps its commas until the end.
    let whole = grouped(&found[2].replace(',', ""));
    let scale = found
        .get(4)
        .map(|scale| format!(" {}", scale.as_str()))
        .unwrap_or_default();
    let unit = if whole == "1" && scale.is_empty() {
        one
    } else {
        many
    };
    match found
        .get(3)
        .map(|cents| cents.as_str().trim_start_matches('0'))
    {
        None | Some("") => format!("{whole}{scale} {unit}"),
        Some(part) if scale.is_empty() => format!("{whole} {unit} and {part} {cents}"),
        Some(part) => format!("{whole} point {part}{scale} {unit}"),
    }
}

/// `1234567` as `1,234,567`.
fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A telephone number or a card number: groups, digit by digit.
fn phone(found: &Captures<'_>) -> String {
    let whole = &found[0];
    let digits = whole.chars().filter(char::is_ascii_digit).count();
    let groups: Vec<&str> = whole
        .split(|c: char| !c.is_ascii_digit())
        .filter(|g| !g.is_empty())
        .collect();
    if digits < 7 && !(groups.len() == 2 && whole.contains('-') && digits == 7) {
        return whole.to_owned();
    }
    let plus = if whole.starts_with('+') { "plus " } else { "" };
    format!(
        "{plus}{}",
        groups
            .iter()
            .map(|g| apart(g))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// Commas make a quantity; a long run of digits, or one that begins with zero, is a code.
fn figures(found: &Captures<'_>) -> String {
    let digits = &found[0];
    if digits.contains(',') {
        return digits.replace(',', "");
    }
    if digits.len() > LONGEST_QUANTITY || digits.len() > 1 && digits.starts_with('0') {
        return apart(digits);
    }
    digits.to_owned()
}

fn apart(digits: &str) -> String {
    digits
        .chars()
        .map(String::from)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::amounts;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        let cases = [
            (
                "order 48213 is 12 days late",
                "order 4 8 2 1 3 is 12 days late",
            ),
            ("code 0042", "code 0 0 4 2"),
            ("12,500 people", "12500 people"),
            ("$12.50", "12 dollars and 50 cents"),
            ("$1 and $1,250,000", "1 dollar and 1250000 dollars"),
            ("\u{20ac}3 million", "3 million euros"),
            ("$5.00", "5 dollars"),
            ("at 3:30 pm", "at 3 30 p m"),
            ("at 10:00", "at 10 o'clock"),
            ("at 9:05 a.m.", "at 9 oh 5 a m"),
            ("by 2026-11-02", "by November 2, 2026"),
            ("call +1 555-010-0199", "call plus 1, 5 5 5, 0 1 0, 0 1 9 9"),
            ("call 555-0100", "call 5 5 5, 0 1 0 0"),
            ("in 2026", "in 2026"),
            ("pages 10-20", "pages 10-20"),
            ("3.14", "3.14"),
        ];
        for (written, said) in cases {
            assert_eq!(amounts(written), said, "{written}");
        }
    }
}
