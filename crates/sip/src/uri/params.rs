//! `;name=value` lists, in URIs and after header values.

use std::fmt;

/// Parameters in the order they were written. Names compare without case; quoted values keep
/// their quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// Reads `a=b;c;d="e;f"`. Empty pieces are skipped, so a leading `;` does no harm.
    pub fn parse(text: &str) -> Self {
        let mut list = Vec::new();
        for piece in crate::quoted::split_outside_quotes(text, ';').take(MAX_PARAMS) {
            let piece = piece.trim();
            if piece.is_empty() {
                continue;
            }
            match piece.split_once('=') {
                Some((name, value)) => {
                    list.push((name.trim().to_owned(), Some(value.trim().to_owned())));
                }
                None => list.push((piece.to_owned(), None)),
            }
        }
        Self(list)
    }

    /// The value of a parameter that has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .and_then(|(_, v)| v.as_deref())
    }

    /// Is the parameter there, with or without a value?
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// Sets a parameter, replacing one of that name.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self
            .0
            .iter_mut()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
        {
            Some(slot) => slot.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes a parameter out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            write!(f, ";{name}")?;
            if let Some(value) = value {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}

/// More parameters than any honest value carries.
const MAX_PARAMS: usize = 64;
