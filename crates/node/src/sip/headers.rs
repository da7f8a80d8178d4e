//! Names and values of SIP headers that a trunk or a call may carry (RFC 3261, section 25.1).

use std::collections::{BTreeMap, HashMap};

use trunkline_sip::message::reserved;

/// What is wrong with a header, in LiveKit's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    #[error("invalid header name: header name cannot be empty")]
    Empty,
    #[error("invalid header name: header name too long (max {MAX_NAME} characters)")]
    TooLong,
    #[error("invalid header name: header name {name} contains invalid characters: {flaw}")]
    Name { name: String, flaw: Character },
    #[error("invalid header name: header name {name} not supported")]
    Reserved { name: String },
    #[error(
        "invalid header value for {name}: header {name}: value too long (max {MAX_VALUE} characters)"
    )]
    ValueTooLong { name: String },
    #[error(
        "too many headers: {MAX_COUNT} at most, and {MAX_BYTES} bytes together, so that the message can be sent"
    )]
    TooMany,
    #[error("invalid header value for {name}: header {name}: value: {flaw}")]
    Value { name: String, flaw: Character },
}

/// A character that may not be where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("char {} not allowed", u32::from(*.0))]
pub(crate) struct Character(char);

/// Headers that are sent as they are.
pub(super) fn sent(headers: &HashMap<String, String>) -> Result<(), HeaderError> {
    let bytes: usize = headers.iter().map(|(k, v)| k.len() + v.len()).sum();
    let sorted: BTreeMap<_, _> = headers.iter().collect();
    for (name, value) in sorted {
        token_name(name)?;
        free(name)?;
        if value.len() > MAX_VALUE {
            return Err(HeaderError::ValueTooLong { name: name.clone() });
        }
        if let Some(bad) = value.chars().find(|c| !printable(*c)) {
            return Err(HeaderError::Value {
                name: name.clone(),
                flaw: Character(bad),
            });
        }
    }
    if headers.len() > MAX_COUNT || bytes > MAX_BYTES {
        return Err(HeaderError::TooMany);
    }
    Ok(())
}

/// Headers that are made from attributes, and attributes that are made from headers.
pub(super) fn mapped(
    attributes_to_headers: &HashMap<String, String>,
    headers_to_attributes: &HashMap<String, String>,
) -> Result<(), HeaderError> {
    let mut made: Vec<_> = attributes_to_headers.values().collect();
    made.sort_unstable();
    let mut read: Vec<_> = headers_to_attributes.keys().collect();
    read.sort_unstable();
    made.iter()
        .chain(&read)
        .try_for_each(|name| token_name(name))?;
    made.iter().try_for_each(|name| free(name))
}

/// Not one of the stack's own.
fn free(name: &str) -> Result<(), HeaderError> {
    match reserved(name) {
        None => Ok(()),
        Some(_) => Err(HeaderError::Reserved {
            name: name.to_owned(),
        }),
    }
}

/// The first character that no token of SIP has.
pub(super) fn not_token(text: &str) -> Option<Character> {
    let token = |c: char| c.is_ascii_alphanumeric() || "-.!%*_+`'~".contains(c);
    text.chars().find(|c| !token(*c)).map(Character)
}

/// The first character that no number and no name has, escaped or not.
pub(super) fn control(text: &str) -> Option<Character> {
    text.chars().find(|c| c.is_control()).map(Character)
}

fn token_name(name: &str) -> Result<(), HeaderError> {
    if name.is_empty() {
        return Err(HeaderError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(HeaderError::TooLong);
    }
    match not_token(name) {
        None => Ok(()),
        Some(flaw) => Err(HeaderError::Name {
            name: name.to_owned(),
            flaw,
        }),
    }
}

const fn printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\t') || !c.is_ascii()
}

const MAX_NAME: usize = 255;
const MAX_VALUE: usize = 1024;

/// A message has 256 headers and 64 kB at most, ours and the description included.
const MAX_COUNT: usize = 100;
const MAX_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, value: &str) -> String {
        let headers = HashMap::from([(name.to_owned(), value.to_owned())]);
        sent(&headers).unwrap_err().to_string()
    }

    #[test]
    fn each_flaw_of_a_header_is_told() {
        assert_eq!(
            refused("", "x"),
            "invalid header name: header name cannot be empty"
        );
        assert_eq!(
            refused("X Y", "x"),
            "invalid header name: header name X Y contains invalid characters: char 32 not allowed"
        );
        assert_eq!(
            refused("Call-ID", "x"),
            "invalid header name: header name Call-ID not supported"
        );
        assert_eq!(
            refused("X-A", "a\r\nb"),
            "invalid header value for X-A: header X-A: value: char 13 not allowed"
        );
        assert!(refused("X-A", &"v".repeat(1025)).contains("value too long"));
        assert!(refused(&"n".repeat(256), "x").contains("name too long"));
        for own in [
            "Via",
            "Route",
            "Authorization",
            "f",
            "C",
            "x",
            "RSeq",
            "e",
            "MIME-version",
        ] {
            assert!(refused(own, "x").ends_with("not supported"), "{own}");
        }
        let fine = HashMap::from([("X-A".to_owned(), "caf\u{e9}\t1".to_owned())]);
        assert!(sent(&fine).is_ok());
    }

    #[test]
    fn more_headers_than_a_message_holds_are_refused() {
        let many = |count: usize, bytes: usize| {
            let header = |at: usize| (format!("X-{at:03}"), "v".repeat(bytes));
            sent(&(0..count).map(header).collect())
        };
        assert_eq!(many(100, 10), Ok(()));
        assert_eq!(many(101, 1), Err(HeaderError::TooMany));
        assert_eq!(many(40, 1000), Err(HeaderError::TooMany));
    }

    #[test]
    fn mappings_read_any_header_and_write_what_is_not_ours() {
        let map = |key: &str, value: &str| HashMap::from([(key.to_owned(), value.to_owned())]);
        assert!(mapped(&map("tenant", "X-Tenant"), &map("To", "callee")).is_ok());
        for own in ["From", "f", "Route", "content-type"] {
            let error = mapped(&map("tenant", own), &HashMap::new()).unwrap_err();
            assert!(matches!(error, HeaderError::Reserved { .. }), "{own}");
        }
        assert!(mapped(&map("tenant", "X:Y"), &HashMap::new()).is_err());
        assert!(mapped(&HashMap::new(), &map("", "a")).is_err());
    }
}
