//! Digits as people dictate them: "four two seven", "double five", "forty-two", "4 2-7".

use super::number::{small, tens};
use crate::flow::words::tokens;

/// What a text held of a run of digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Digits {
    /// All of them.
    Whole(String),
    /// The first of them.
    Part(String),
    /// None.
    Nothing,
}

/// Reads digits. `so_far` are those of earlier turns; a new whole run replaces them. When the
/// caller was not asked for digits, a lone small number is not taken for the start of a run.
pub(in crate::flow) fn digits(
    text: &str,
    so_far: &str,
    min: usize,
    max: usize,
    asked: bool,
) -> Digits {
    let runs = runs(&tokens(text), asked);
    if let Some(whole) = runs
        .iter()
        .rev()
        .find(|run| (min..=max).contains(&run.len()))
    {
        return Digits::Whole(whole.clone());
    }
    let all: String = runs.concat();
    if all.is_empty() {
        return Digits::Nothing;
    }
    if (min..=max).contains(&all.len()) {
        return Digits::Whole(all);
    }
    let joined = format!("{so_far}{all}");
    if (min..=max).contains(&joined.len()) {
        return Digits::Whole(joined);
    }
    if joined.len() < min && (asked || all.len() >= 3) {
        return Digits::Part(joined);
    }
    if all.len() < min && asked {
        Digits::Part(all)
    } else {
        Digits::Nothing
    }
}

/// The runs of digits among tokens; words between two runs part them.
fn runs(tokens: &[String], asked: bool) -> Vec<String> {
    let mut runs = Vec::new();
    let mut run = String::new();
    let mut times = 1;
    for (index, token) in tokens.iter().enumerate() {
        if let Some(repeat) = repeat(token) {
            times = repeat;
            continue;
        }
        let beside = |other: Option<&String>| other.is_some_and(|word| certain(word).is_some());
        let near = beside(index.checked_sub(1).and_then(|before| tokens.get(before)))
            || beside(tokens.get(index + 1));
        let figures = certain(token).or_else(|| guessed(token).filter(|_| asked && near));
        match figures {
            Some(figures) => {
                if let Some(unit) = joins(&run, token, tokens, index) {
                    run.pop();
                    run.push_str(&unit);
                } else {
                    run.push_str(&figures.repeat(times));
                }
                times = 1;
            }
            None if JOINING.contains(&token.as_str()) => {}
            None => {
                times = 1;
                if !run.is_empty() {
                    runs.push(std::mem::take(&mut run));
                }
            }
        }
    }
    if !run.is_empty() {
        runs.push(run);
    }
    runs
}

/// "forty" "two" is 42: the unit takes the place of the zero.
fn joins(run: &str, token: &str, tokens: &[String], index: usize) -> Option<String> {
    let before = tokens.get(index.checked_sub(1)?)?;
    tens(before)?;
    let unit = small(token).filter(|value| (1..10).contains(value))?;
    run.ends_with('0').then(|| unit.to_string())
}

fn repeat(token: &str) -> Option<usize> {
    match token {
        "double" | "doubled" => Some(2),
        "triple" | "treble" => Some(3),
        _ => None,
    }
}

fn certain(token: &str) -> Option<String> {
    if token.chars().all(|c| c.is_ascii_digit()) && !token.is_empty() {
        return Some(token.to_owned());
    }
    match token {
        "oh" | "o" => Some("0".to_owned()),
        "niner" => Some("9".to_owned()),
        _ => small(token).map(|value| value.to_string()),
    }
}

/// What a telephone makes of digits; only believed beside a certain one.
fn guessed(token: &str) -> Option<String> {
    let digit = match token {
        "won" | "want" => "1",
        "to" | "too" | "tu" => "2",
        "tree" | "free" => "3",
        "for" | "fore" | "far" => "4",
        "fife" | "fine" | "hive" => "5",
        "sex" | "sics" | "sick" | "sixth" => "6",
        "ate" | "eighth" => "8",
        "nein" | "none" => "9",
        "owe" | "zeros" => "0",
        _ => return None,
    };
    Some(digit.to_owned())
}

/// Words inside a dictated number that do not end it.
const JOINING: &[&str] = &["and", "then", "dash", "hyphen", "um", "uh", "er", "space"];

#[cfg(test)]
mod tests {
    use super::*;

    fn six(text: &str) -> Digits {
        digits(text, "", 6, 6, true)
    }

    #[test]
    fn dictated_digits_are_read() {
        for text in [
            "four two seven one nine three",
            "427193",
            "4 2 7 1 9 3.",
            "427-193",
            "It's 427 193, thanks.",
            "my number is four two seven, one nine three",
            "forty two seven one ninety three",
            "for two seven one nine three",
            "um, four two, uh, seven one nine three",
        ] {
            assert_eq!(six(text), Digits::Whole("427193".into()), "{text}");
        }
    }

    #[test]
    fn doubles_and_noughts_are_read() {
        assert_eq!(
            six("double five three oh one two"),
            Digits::Whole("553012".into())
        );
        assert_eq!(
            six("triple seven zero nought one"),
            Digits::Whole("777001".into())
        );
    }

    #[test]
    fn half_a_number_is_kept_for_the_rest() {
        assert_eq!(six("four two seven"), Digits::Part("427".into()));
        assert_eq!(
            digits("one nine three", "427", 6, 6, true),
            Digits::Whole("427193".into())
        );
        assert_eq!(
            digits("five five", "427", 6, 6, true),
            Digits::Part("42755".into())
        );
    }

    #[test]
    fn a_whole_number_replaces_half_a_one() {
        assert_eq!(
            digits("no, 111222", "427", 6, 6, true),
            Digits::Whole("111222".into())
        );
    }

    #[test]
    fn small_numbers_in_passing_are_no_run() {
        assert_eq!(
            digits("I have two parcels", "", 6, 6, false),
            Digits::Nothing
        );
        assert_eq!(six("I do not have it"), Digits::Nothing);
    }
}
