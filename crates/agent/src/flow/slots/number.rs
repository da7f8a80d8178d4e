//! Whole numbers, in words or figures.

use crate::flow::words::tokens;

/// The value of a word for a number below a hundred.
pub(super) fn small(word: &str) -> Option<i64> {
    let value = match word {
        "zero" | "nought" | "naught" => 0,
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        _ => return tens(word),
    };
    Some(value)
}

pub(super) fn tens(word: &str) -> Option<i64> {
    let value = match word {
        "twenty" => 20,
        "thirty" => 30,
        "forty" | "fourty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        _ => return None,
    };
    Some(value)
}

/// The value of "first" to "thirty-first", or of "3rd".
pub(super) fn ordinal(word: &str) -> Option<i64> {
    let value = match word {
        "first" => 1,
        "second" => 2,
        "third" => 3,
        "fifth" => 5,
        "eighth" => 8,
        "ninth" => 9,
        "twelfth" => 12,
        "twentieth" => 20,
        "thirtieth" => 30,
        _ => {
            if let Some(figures) = ["st", "nd", "rd", "th"]
                .iter()
                .find_map(|end| word.strip_suffix(end))
                && let Ok(value) = figures.parse()
            {
                return Some(value);
            }
            return word.strip_suffix("th").and_then(small);
        }
    };
    Some(value)
}

/// The first whole number in a text.
pub(super) fn number(text: &str) -> Option<i64> {
    read(&tokens(text)).map(|(value, _)| value)
}

/// The first whole number among tokens, and the index after it.
pub(super) fn read(tokens: &[String]) -> Option<(i64, usize)> {
    let start = tokens.iter().position(|token| starts(token))?;
    let mut total = 0;
    let mut part: i64 = 0;
    let mut index = start;
    while let Some(token) = tokens.get(index) {
        if let Ok(figures) = token.parse::<i64>() {
            if index > start {
                break;
            }
            part = figures;
        } else if let Some(value) = small(token) {
            if part % 100 != 0 && !(part % 10 == 0 && value < 10) {
                break;
            }
            part = part.checked_add(value)?;
        } else if token == "hundred" {
            part = part.max(1).checked_mul(100)?;
        } else if token == "thousand" {
            total += part.max(1).checked_mul(1000)?;
            part = 0;
        } else if !(matches!(token.as_str(), "a" | "and") && index > start || token == "a") {
            break;
        }
        index += 1;
    }
    Some((total.checked_add(part)?, index))
}

fn starts(token: &str) -> bool {
    small(token).is_some()
        || token.parse::<i64>().is_ok()
        || matches!(token, "hundred" | "thousand")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_words_and_figures() {
        for (text, value) in [
            ("twenty five", 25),
            ("I need 12 boxes", 12),
            ("one hundred and two", 102),
            ("a hundred", 100),
            ("two thousand three hundred and forty one", 2341),
            ("about seven, please", 7),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        assert_eq!(number("none of that"), None);
    }
}
