//! Standard output: one JSON document, or text for people. A reader that went away is no error.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::{Map, Value};

/// Writes text as it is.
pub(crate) fn text(text: &str) {
    let mut out = io::stdout().lock();
    // A closed pipe (`| head`) is the reader's choice.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Writes one line.
pub(crate) fn line(line: &str) {
    text(&format!("{line}\n"));
}

/// Writes one JSON document.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(document) => line(&document),
        Err(error) => note(&format!(
            "error: the answer cannot be written as JSON: {error}"
        )),
    }
}

/// Writes one line to standard error.
pub(crate) fn note(line: &str) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{line}");
}

/// An answer: the document itself for programs, words for people.
pub(crate) fn answer(json: bool, answer: &impl Serialize, words: impl FnOnce() -> String) {
    if json {
        self::json(answer);
    } else {
        line(&words());
    }
}

/// How a list is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    /// Its key in the document.
    pub(crate) key: &'a str,
    /// The table's columns.
    pub(crate) header: &'a [&'a str],
    /// What is said when there is nothing.
    pub(crate) empty: &'a str,
}

impl List<'_> {
    /// Shows the items: one document, or a table, or words. The key is there when the list is
    /// empty too.
    pub(crate) fn show<T: Serialize>(
        &self,
        json: bool,
        items: &[T],
        row: impl Fn(&T) -> Vec<String>,
    ) {
        if json {
            let items = items
                .iter()
                .map(|item| serde_json::to_value(item).unwrap_or_default());
            let list = Value::Array(items.collect());
            self::json(&Map::from_iter([(self.key.to_owned(), list)]));
        } else if items.is_empty() {
            line(self.empty);
        } else {
            let rows: Vec<Vec<String>> = items.iter().map(row).collect();
            text(&table(self.header, &rows));
        }
    }
}

/// Text as it may go to a terminal: whoever wrote a name or metadata cannot steer it.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// Lays rows out in columns, the header first.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| plain(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        let head = header.get(column).map_or(0, |cell| cell.chars().count());
        cells.max().unwrap_or(0).max(head)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let lay = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let head: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    std::iter::once(lay(&head))
        .chain(rows.iter().map(|row| lay(row)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_steer_the_terminal() {
        let rows = vec![vec!["a\u{1b}[2Jb\nc".into()]];
        assert_eq!(table(&["x"], &rows), "x\na\\u{1b}[2Jb\\nc\n");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec!["a".into(), "long one".into()],
            vec!["bcd".into(), "x".into()],
        ];
        assert_eq!(
            table(&["id", "what"], &rows),
            "id   what\na    long one\nbcd  x\n"
        );
    }
}
