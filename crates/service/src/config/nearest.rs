//! The known word that somebody meant.

use std::fmt::Write as _;

/// "did you mean …" when a known word is near `typed`, else the list of known words.
/// Case, `-` and `camelCase` are no distance.
pub fn nearest(typed: &str, known: &[&str]) -> String {
    let typed = plain(typed);
    let near = known
        .iter()
        .map(|word| (distance(&typed, &plain(word)), *word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 4)
        .min();
    match near {
        Some((_, word)) => format!("did you mean `{word}`?"),
        None => {
            let mut text = String::from("allowed: ");
            for (index, word) in known.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let _ = write!(text, "{comma}{word}");
            }
            text
        }
    }
}

fn plain(word: &str) -> String {
    let letters = word.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

/// Edit distance, where two letters that changed places are one slip. Inputs are configuration
/// words, so the square is small.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(64).collect();
    let right: Vec<char> = right.chars().take(64).collect();
    let mut earlier = Vec::new();
    let mut before: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX);
            let replaced = cell(&before, j) + usize::from(a != b);
            let mut best = replaced
                .min(cell(&before, j + 1) + 1)
                .min(cell(&row, j) + 1);
            let swapped =
                i > 0 && j > 0 && left.get(i - 1) == Some(b) && right.get(j - 1) == Some(a);
            if swapped {
                best = best.min(cell(&earlier, j - 1) + 1);
            }
            row.push(best);
        }
        earlier = std::mem::replace(&mut before, row);
    }
    before.last().copied().unwrap_or(0)
}
