//! Nothing where a section or a list is wanted.
//!
//! `node:` with every key below it commented out is nothing to YAML. People mean the defaults by
//! it: nothing is an empty section, or an empty list, wherever one of them is wanted. Which of
//! them it is, only the reading tells; so a file is read again with what was learnt. A single value
//! that is wanted and not there stays a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use granit_parser::ScalarStyle;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Error;

/// For a single value that has a default: `key:` means it, as a key that is left out does.
///
/// # Errors
/// Those of the value.
pub fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The places of a file where nothing stands, by their first byte, and what is meant by it.
#[derive(Default)]
pub(super) struct Nothing {
    found: BTreeSet<usize>,
    meant: BTreeMap<usize, &'static str>,
}

impl Nothing {
    /// Whether a value is nothing; then what is known to be meant by it.
    pub(super) fn meant(
        &mut self,
        at: usize,
        value: &str,
        style: ScalarStyle,
    ) -> Option<&'static str> {
        let nothing = matches!(value, "" | "~" | "null" | "Null" | "NULL");
        if style != ScalarStyle::Plain || !nothing {
            return None;
        }
        self.found.insert(at);
        self.meant.get(&at).copied()
    }

    /// Whether an error at a place says what is meant there; then the file is read again.
    pub(super) fn learn(&mut self, error: &Error, at: usize) -> bool {
        let Error::Unexpected { expected, .. } = error else {
            return false;
        };
        let meant = if expected.contains("mapping") {
            " {}"
        } else if expected.contains("sequence") {
            " []"
        } else {
            return false;
        };
        self.found.contains(&at) && self.meant.insert(at, meant).is_none()
    }
}

/// Where what is meant is written: in the place of `~`, else behind the sign that nothing follows.
pub(super) fn hole(text: &str, place: Range<usize>) -> Range<usize> {
    let rest = text.get(place.start..).unwrap_or_default();
    if place.is_empty() && rest.starts_with([':', '-', '?']) && !rest.starts_with("---") {
        return place.start + 1..place.start + 1;
    }
    place
}
