//! Written text as it is said: no markdown, no emoji, signs in words.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::amounts::amounts;

/// Patterns are constants of this file; the tests below compile each of them.
#[expect(
    clippy::unwrap_used,
    reason = "a constant pattern either compiles in every run or in none"
)]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r"!?\[([^\]]*)\]\([^)]*\)"));
static LINE_MARK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?m)^\s*(?:#{1,6}\s+|>\s+|[-*+\u{2022}]\s+)"));
static EMPHASIS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\*+|~~|`+|\b_+|_+\b"));
static EMAIL: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)\b"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:https?://)?((?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|dev|co|eu|uk|de))(/\S*)?\b",
    )
});
static DEGREES: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d)\s?\u{b0}\s?([CF])?\b?"));
static SPACES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s+"));

/// Signs that are said as words.
const SIGNS: [(&str, &str); 8] = [
    ("&", " and "),
    ("%", " percent "),
    ("=", " equals "),
    ("+", " plus "),
    ("@", " at "),
    ("#", " number "),
    ("\u{2192}", " to "),
    ("/", " "),
];

/// The text without markdown and pictures, its words and signs as they were.
pub fn unmarked(written: &str) -> String {
    let text = LINK.replace_all(written, "$1");
    let text = LINE_MARK.replace_all(&text, "");
    let text = EMPHASIS.replace_all(&text, "");
    text.chars().filter(|c| !is_picture(*c)).collect()
}

/// Pictures, and the signs that join and colour them.
fn is_picture(c: char) -> bool {
    matches!(
        c,
        '\u{200d}'
            | '\u{20e3}'
            | '\u{fe0e}'..='\u{fe0f}'
            | '\u{231a}'..='\u{231b}'
            | '\u{2600}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2bff}'
            | '\u{1f000}'..='\u{1faff}'
            | '\u{e0020}'..='\u{e007f}'
    )
}

/// What a voice should say for `written`. May be empty.
pub fn spoken(written: &str) -> String {
    let text = unmarked(written);
    let text = EMAIL.replace_all(&text, |found: &Captures<'_>| {
        format!("{} at {}", dotted(&found[1]), dotted(&found[2]))
    });
    let text = ADDRESS.replace_all(&text, |found: &Captures<'_>| dotted(&found[1]));
    let text = DEGREES.replace_all(&text, |found: &Captures<'_>| {
        let scale = match found.get(2).map(|scale| scale.as_str()) {
            Some("C") => " Celsius",
            Some(_) => " Fahrenheit",
            None => "",
        };
        format!("{} degrees{scale}", &found[1])
    });
    let mut text = amounts(&text);
    for (sign, word) in SIGNS {
        text = text.replace(sign, word);
    }
    let text: String = text.chars().filter_map(sayable).collect();
    SPACES
        .replace_all(text.trim(), " ")
        .replace(" ,", ",")
        .replace(" .", ".")
}

fn dotted(address: &str) -> String {
    address
        .replace('.', " dot ")
        .replace('-', " dash ")
        .replace('_', " underscore ")
}

/// A character fit for a voice: letters, digits and the signs that shape a sentence. Curly quotes
/// and dashes become plain ones; pictures disappear.
fn sayable(c: char) -> Option<char> {
    match c {
        '\u{2018}' | '\u{2019}' => Some('\''),
        '\u{2013}' | '\u{2014}' => Some(','),
        '\u{2026}' => Some('.'),
        '.' | ',' | '!' | '?' | ';' | ':' | '\'' | '-' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        // Combining marks belong to the letter before them; variation selectors to a picture.
        '\u{300}'..='\u{36f}' => Some(c),
        '\u{fe00}'..='\u{fe0f}' | '\u{200b}'..='\u{200d}' => None,
        _ => Some(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::{spoken, unmarked};

    #[test]
    fn what_is_unmarked_keeps_its_signs() {
        let cases = [
            (
                "**50%** off_peak, no. #5 \u{1f600}",
                "50% off_peak, no. #5 ",
            ),
            ("ann_lee@example.com", "ann_lee@example.com"),
            ("# Hours\n> from _8_ to ~~5~~ 6", "Hours\nfrom 8 to 5 6"),
        ];
        for (written, plain) in cases {
            assert_eq!(unmarked(written), plain, "{written}");
        }
    }

    #[test]
    fn marks_and_pictures_are_not_read_out() {
        let cases = [
            ("**Hello** there \u{1f600}!", "Hello there !"),
            ("# Title\n- one\n- two", "Title one two"),
            ("see [our site](http://x.test/a_b)", "see our site"),
            ("`code` and snake_case", "code and snake case"),
            (
                "It\u{2019}s 50% off \u{2014} today\u{2026}",
                "It's 50 percent off, today.",
            ),
            ("ann.lee@example.com", "ann dot lee at example dot com"),
            (
                "visit https://example.com/help now",
                "visit example dot com now",
            ),
            ("20 \u{b0}C & rising", "20 degrees Celsius and rising"),
            ("\u{2764}\u{fe0f}", ""),
        ];
        for (written, said) in cases {
            assert_eq!(spoken(written), said, "{written}");
        }
    }
}
