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
    let tokens = tokens(text);
    // What is whole without guessing needs none: "… one one eight, bye".
    let (plain, guessed) = (runs(&tokens, false), runs(&tokens, true));
    let runs = if asked { guessed } else { plain.clone() };
    for readings in [&plain, &runs] {
        let fits = |run: &&String| (min..=max).contains(&run.len());
        if let Some(whole) = readings.iter().rev().find(fits) {
            return Digits::Whole(whole.clone());
        }
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
fn runs(tokens: &[String], guesses: bool) -> Vec<String> {
    let mut runs = Vec::new();
    let mut run = String::new();
    let mut times = 1;
    let only_guesses = only_guesses(tokens);
    for (index, token) in tokens.iter().enumerate() {
        if let Some(repeat) = repeat(token) {
            times = repeat;
            continue;
        }
        let near = near_a_digit(tokens, index);
        let nought = near && matches!(token.as_str(), "oh" | "o");
        let believed = nought || (guesses && (only_guesses || near));
        let figures = certain(token).or_else(|| guessed(token).filter(|_| believed));
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

/// "To to", "oh oh": two or more words that are only ever digits when said alone like this.
fn only_guesses(tokens: &[String]) -> bool {
    let spoken = || {
        tokens
            .iter()
            .filter(|token| !JOINING.contains(&token.as_str()))
    };
    spoken().count() >= 2 && spoken().all(|token| guessed(token).is_some())
}

/// Whether words may be digits that a telephone made something else of: "bye-bye", "to to".
pub(in crate::flow) fn sound_like_digits(tokens: &[String]) -> bool {
    !tokens.is_empty() && tokens.iter().all(|token| guessed(token).is_some())
}

/// Whether a certain digit stands beside, or other guesses lead to one.
fn near_a_digit(tokens: &[String], index: usize) -> bool {
    let other = |token: &&String| guessed(token).is_none();
    let before = tokens.iter().take(index).rev().find(other);
    let after = tokens.iter().skip(index + 1).find(other);
    [before, after]
        .into_iter()
        .flatten()
        .any(|token| certain(token).is_some())
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
        "niner" => Some("9".to_owned()),
        _ => small(token).map(|value| value.to_string()),
    }
}

/// What a telephone makes of digits; only believed beside a certain one, or where all is like it.
fn guessed(token: &str) -> Option<String> {
    let digit = match token {
        "won" | "want" => "1",
        "to" | "too" | "tu" => "2",
        "tree" | "free" => "3",
        "for" | "fore" | "far" => "4",
        "fife" | "fine" | "hive" => "5",
        "sex" | "sics" | "sick" | "sixth" => "6",
        "ate" | "eighth" | "aid" => "8",
        "nein" | "none" | "nigh" | "bye" | "by" | "buy" | "knight" | "night" => "9",
        "oh" | "o" | "owe" | "zeros" => "0",
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

    /// Six nines came back as "bye-bye".
    #[test]
    fn where_digits_are_awaited_their_homophones_are_heard() {
        for (text, digits) in [
            ("bye bye bye bye bye bye", "999999"),
            ("Bye-bye, bye-bye, bye-bye.", "999999"),
            ("nine bye bye nine bye nine", "999999"),
            ("nigh nigh nigh nine nine nine", "999999"),
            ("four to to seven one one", "422711"),
            ("for for two seven one one", "442711"),
            ("oh oh seven one one two", "007112"),
            ("won won won won won won", "111111"),
            ("to two too two to two", "222222"),
            ("four two seven one one eight bye", "427118"),
        ] {
            assert_eq!(six(text), Digits::Whole(digits.into()), "{text}");
        }
        assert_eq!(six("oh oh oh"), Digits::Part("000".into()));
        assert_eq!(six("to to"), Digits::Part("22".into()));
        for text in [
            "oh",
            "Oh, I do not have it",
            "bye",
            "I went to the shop for it",
            "by the way",
        ] {
            assert_eq!(six(text), Digits::Nothing, "{text}");
        }
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
