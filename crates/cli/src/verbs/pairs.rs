//! `key=value` and `Key: value` as typed.

use std::collections::HashMap;

use trunkline_base::class::Class;

use crate::failure::Failure;

/// Splits each text at the first `sign`.
///
/// # Errors
/// A text without the sign, or without a key before it.
pub(crate) fn pairs(
    typed: &[String],
    sign: char,
    flag: &str,
) -> Result<HashMap<String, String>, Failure> {
    let mut pairs = HashMap::new();
    for text in typed {
        let pair = text
            .split_once(sign)
            .filter(|(key, _)| !key.trim().is_empty());
        let Some((key, value)) = pair else {
            let text = format!("{flag} {text:?} is not KEY{sign}VALUE");
            return Err(Failure::new(Class::Invalid, "cli.pair", text));
        };
        let value = if sign == ':' { value.trim() } else { value };
        pairs.insert(key.trim().to_owned(), value.to_owned());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_the_sign() {
        let typed = ["a=b=c".to_owned(), "d=".to_owned()];
        let pairs = pairs(&typed, '=', "--attribute").unwrap();
        assert_eq!((pairs["a"].as_str(), pairs["d"].as_str()), ("b=c", ""));
    }

    #[test]
    fn a_header_loses_its_space() {
        let pairs = pairs(&["X-Id: 7".to_owned()], ':', "--header").unwrap();
        assert_eq!(pairs["X-Id"], "7");
    }

    #[test]
    fn a_text_without_a_key_is_refused() {
        for typed in ["a", "=b", " =b"] {
            let said = pairs(&[typed.to_owned()], '=', "--attribute").unwrap_err();
            assert!(said.to_string().contains("KEY=VALUE"), "{said}");
        }
    }
}
