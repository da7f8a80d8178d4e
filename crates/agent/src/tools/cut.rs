//! Answers that are longer than a model should read.

/// The text, or its beginning and a sentence that says so.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let kept = text
        .get(..text.floor_char_boundary(most))
        .unwrap_or_default();
    format!("{kept} … (The answer was cut here: it is longer than {most} bytes.)")
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn what_is_cut_says_so_and_breaks_no_letter() {
        assert_eq!(cut("short", 5), "short");
        let text = cut("дорога", 3);
        assert!(text.starts_with("д … (The answer was cut"), "{text}");
    }
}
