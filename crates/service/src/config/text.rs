//! Bytes as text, and the words in it.

use super::report::{Place, Report};
use super::typing::Found;

/// What some editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text of a file without its byte order mark. What is no UTF-8 becomes a problem at its first
/// odd byte.
pub(super) fn decode(name: &str, bytes: Vec<u8>, report: &mut Report) -> Option<String> {
    let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let sparse = bytes.iter().take(8).filter(|byte| **byte == 0).count() > 1;
    if wide || sparse {
        let remedy = "save it as UTF-8, or run: iconv -f utf-16 -t utf-8".to_owned();
        report.file(name, "is UTF-16, where UTF-8 is wanted", remedy);
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(
            text.strip_prefix(BYTE_ORDER_MARK)
                .map(str::to_owned)
                .unwrap_or(text),
        ),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let (before, rest) = bytes.split_at_checked(good).unwrap_or((bytes, &[]));
            let place = end_of(&String::from_utf8_lossy(before));
            let byte = rest.first().copied().unwrap_or_default();
            let what = format!("the byte 0x{byte:02X} is no UTF-8");
            let remedy =
                "save the file as UTF-8; from Windows or Latin-1: iconv -f cp1252 -t utf-8";
            // The line is not shown, for it may hold a secret.
            report.unseen(name, place, what, remedy.to_owned());
            None
        }
    }
}

/// The place behind a text.
pub(super) fn end_of(text: &str) -> Place {
    let line = text.rsplit('\n').next().unwrap_or_default();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Place {
        line: count(text.matches('\n').count() + 1),
        column: count(line.chars().count() + 1),
    }
}

/// What a line of YAML begins with: a quoted text, a reference, or what goes on up to a colon, a
/// comma, a bracket or a comment.
pub(super) fn found(rest: &str) -> Found<'_> {
    let end = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == quote)
            .map_or(rest.len(), |(at, c)| at + c.len_utf8()),
        Some('$') if rest.starts_with("${") => closed(rest),
        Some(open @ ('[' | '{')) => open.len_utf8(),
        _ => {
            let ends = [": ", ":\t", ",", "]", "}", " #"];
            let first = ends.iter().filter_map(|end| rest.find(end)).min();
            first.unwrap_or_else(|| rest.trim_end().trim_end_matches(':').len())
        }
    };
    let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
    Found {
        word: word.trim(),
        is_key: behind
            .strip_prefix(':')
            .is_some_and(|value| value.is_empty() || value.starts_with([' ', '\t'])),
    }
}

/// Where the brace that a text opens is closed again.
fn closed(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    rest.len()
}
