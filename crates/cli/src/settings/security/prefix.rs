//! The beginning of a number.

use trunkline_service::config::Spanned;

use super::super::raw::Judge;

/// Judges the beginning of a number.
pub(super) fn is_prefix(prefix: &Spanned<String>, judge: &mut Judge<'_>) {
    let text = prefix.value.as_str();
    let fits = |c: char| c.is_ascii_alphanumeric() || "+*#-_. ()".contains(c);
    if text.trim().is_empty() || !text.chars().all(fits) {
        let what = format!("`{text}` is not the beginning of a number");
        judge.blame(prefix, what, "write it like \"+1900\"".to_owned());
    }
}
