//! Query parameters of the join paths.

use std::collections::BTreeMap;

/// A parsed query string; of a repeated name the first value counts, as in the official server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let value = || value.into_owned();
            values.entry(name.into_owned()).or_insert_with(value);
        }
        Self(values)
    }

    /// A value that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Takes a value out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A value, or nothing as an empty text.
    pub(crate) fn owned(&self, name: &str) -> String {
        self.text(name).unwrap_or_default().to_owned()
    }

    /// `1` and `true` are true, anything else given is false, absent is `None`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| matches!(value, "1" | "true"))
    }

    /// A number, or zero.
    pub(crate) fn number(&self, name: &str) -> i32 {
        self.text(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_first_of_a_name_counts() {
        let query = Query::parse("a=x%20y+z&a=2&b=%zz&c&d=1&e=true&f=0");
        assert_eq!(query.text("a"), Some("x y z"));
        assert_eq!(query.text("b"), Some("%zz"));
        assert_eq!(query.text("c"), None);
        assert_eq!((query.flag("d"), query.flag("e")), (Some(true), Some(true)));
        assert_eq!((query.flag("f"), query.flag("g")), (Some(false), None));
        assert_eq!(query.number("d"), 1);
    }
}
