//! The normal form of phone numbers.

/// One spelling for every spelling of a number.
///
/// Digits with `-`, `.`, spaces, parentheses and an optional leading `+` (or the international
/// prefix `00`) become `+` and digits. Anything else, such as `support` or `*98`, is a name and is
/// kept as it is.
pub fn normalise(number: &str) -> String {
    let number = number.trim();
    let body = number.strip_prefix('+').unwrap_or(number);
    let punctuation = |c: char| matches!(c, '-' | '.' | ' ' | '(' | ')');
    let readable = body.chars().all(|c| c.is_ascii_digit() || punctuation(c));
    let digits: String = body.chars().filter(char::is_ascii_digit).collect();
    if !readable || digits.is_empty() {
        return number.to_owned();
    }
    let international = if body.len() == number.len() {
        digits
            .strip_prefix("00")
            .filter(|rest| rest.len() >= MIN_INTERNATIONAL)
    } else {
        None
    };
    format!("+{}", international.unwrap_or(&digits))
}

/// Below this many digits `00` is more likely part of an extension than the international prefix.
const MIN_INTERNATIONAL: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_agree() {
        for spelling in [
            "+15105550100",
            "15105550100",
            "+1 (510) 555-0100",
            "0015105550100",
        ] {
            assert_eq!(normalise(spelling), "+15105550100", "{spelling}");
        }
    }

    #[test]
    fn names_are_left_alone() {
        assert_eq!(normalise("support"), "support");
        assert_eq!(normalise("*98"), "*98");
        assert_eq!(normalise(""), "");
        assert_eq!(normalise("+"), "+");
    }

    #[test]
    fn short_extensions_keep_their_zeros() {
        assert_eq!(normalise("0012"), "+0012");
    }
}
