//! Where our node is known to answer otherwise than LiveKit's server, and why. The list for people
//! is `docs/compatibility.md`; both say the same.

/// One known difference.
pub(crate) struct Difference {
    /// The case, `Suite: name`.
    pub(crate) case: &'static str,
    /// What our node answers.
    pub(crate) ours: &'static str,
    /// Why it does.
    pub(crate) reason: &'static str,
}

/// All of them.
pub(crate) const DIFFERENCES: &[Difference] = &[];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::DIFFERENCES;

    #[test]
    fn the_document_lists_the_same_differences() {
        let path = trunkline_tests::root().join("docs/compatibility.md");
        let text = std::fs::read_to_string(path).unwrap();
        let told: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        let row = |known: &super::Difference| {
            let cell = |text: &str| text.replace('|', "\\|");
            let (case, ours) = (cell(known.case), cell(known.ours));
            format!("| {case} | `{ours}` | {} |", cell(known.reason))
        };
        let rows: Vec<String> = DIFFERENCES.iter().map(row).collect();
        let head = ["| Case | Ours | Why |"];
        let wanted: Vec<&str> = head
            .into_iter()
            .chain(rows.iter().map(String::as_str))
            .collect();
        assert_eq!(told, wanted, "the table should be:\n{}", wanted.join("\n"));
    }

    #[test]
    fn each_case_is_listed_once() {
        let cases: BTreeSet<&str> = DIFFERENCES.iter().map(|known| known.case).collect();
        assert_eq!(cases.len(), DIFFERENCES.len());
    }
}
