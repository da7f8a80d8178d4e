//! Names of persons.

use crate::flow::words::tokens;

/// A name in a text: what follows "my name is", or the whole of a short answer when asked.
pub(super) fn name(text: &str, asked: bool) -> Option<String> {
    let tokens = tokens(text);
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let after = LEADS.iter().find_map(|lead| {
        let lead: Vec<&str> = lead.split(' ').collect();
        let at = words
            .windows(lead.len())
            .position(|window| window == lead.as_slice())?;
        words.get(at + lead.len()..)
    });
    let rest = match after {
        Some(rest) => rest,
        None if asked => words.as_slice(),
        None => return None,
    };
    let kept: Vec<String> = rest
        .iter()
        .skip_while(|word| POLITE.contains(word))
        .take_while(|word| !POLITE.contains(word) && word.chars().all(char::is_alphabetic))
        .take(MOST_WORDS + 1)
        .map(|word| capital(word))
        .collect();
    (!kept.is_empty() && kept.len() <= MOST_WORDS).then(|| kept.join(" "))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Longer answers are no names.
const MOST_WORDS: usize = 4;

const LEADS: &[&str] = &[
    "my name is",
    "the name is",
    "name is",
    "this is",
    "i am called",
    "it is",
    "i am",
    "call me",
];

const POLITE: &[&str] = &[
    "um", "uh", "er", "yes", "yeah", "sure", "okay", "please", "thanks", "thank", "and", "well",
    "oh",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_of_their_sentence() {
        for (text, expected) in [
            ("My name is Anna Berg.", "Anna Berg"),
            ("um, it's John Smith, thanks", "John Smith"),
            ("Maria", "Maria"),
            ("yes, this is O'Neill", "Oneill"),
        ] {
            assert_eq!(name(text, true).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(name("why do you want to know that", true), None);
        assert_eq!(name("where is my parcel", false), None);
    }
}
