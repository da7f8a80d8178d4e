//! Values that do not print. `Secret` is for keys and tokens, `Personal` for numbers, names and
//! transcripts. Neither implements `Display`; `Debug` says `[redacted]`; reading one needs the
//! word `expose`, which is easy to look for.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A key, password or token. Wiped from memory when dropped; never serialised.
#[derive(Clone, PartialEq, Eq, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<'de> Deserialize<'de> for Secret<String> {
    /// The line end that a file, or a block in YAML, gives a text is no part of a secret.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(deserializer)?;
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
        Ok(Self(text))
    }
}

/// Something that identifies or quotes a person. It may be stored and sent where the product
/// means it to go, so it serialises; it never prints.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Personal<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_prints_its_value() {
        let shown = format!(
            "{:?} {:?}",
            Secret::new("s3cret".to_owned()),
            Personal::new("+15550100")
        );
        assert_eq!(shown, "[redacted] [redacted]");
    }

    #[test]
    fn the_line_end_of_a_file_is_no_part_of_a_secret() {
        let read = |json: &str| serde_json::from_str::<Secret<String>>(json).unwrap();
        assert_eq!(read(r#"" two\nlines \r\n""#).expose(), " two\nlines ");
    }

    #[test]
    fn a_secret_inside_another_type_stays_hidden() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read through Debug only")]
        struct Login {
            password: Secret<String>,
        }
        let shown = format!(
            "{:?}",
            Login {
                password: "hunter2".into()
            }
        );
        assert!(!shown.contains("hunter2"));
    }
}
