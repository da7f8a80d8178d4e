//! Standard output: one JSON document, or text for people. A reader that went away is no error.

use std::io::{self, Write as _};

use serde::Serialize;

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

/// Lays rows out in columns, the header first.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
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
