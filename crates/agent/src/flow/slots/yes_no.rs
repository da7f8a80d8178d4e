//! Yes or no.

use crate::flow::words::tokens;

/// Whether a text agrees or refuses, if it does either.
pub(in crate::flow) fn yes_no(text: &str) -> Option<bool> {
    let tokens = tokens(text);
    let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let joined = words.join(" ");
    if NO_PHRASES.iter().any(|phrase| contains(&joined, phrase)) {
        return Some(false);
    }
    if YES_PHRASES.iter().any(|phrase| contains(&joined, phrase)) {
        return Some(true);
    }
    let no = words.iter().position(|word| NO.contains(word));
    let yes = words.iter().position(|word| YES.contains(word));
    match (yes, no) {
        (Some(_), None) => Some(true),
        (None, Some(_)) => Some(false),
        // "yeah no, that is wrong": the last word of the two is the answer.
        (Some(yes), Some(no)) => Some(yes > no),
        (None, None) => None,
    }
}

fn contains(text: &str, phrase: &str) -> bool {
    format!(" {text} ").contains(&format!(" {phrase} "))
}

const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "ya",
    "sure",
    "correct",
    "right",
    "okay",
    "ok",
    "absolutely",
    "definitely",
    "exactly",
    "please",
    "indeed",
    "fine",
    "perfect",
    "certainly",
    "course",
    "aye",
];

const NO: &[&str] = &[
    "no",
    "nope",
    "nah",
    "wrong",
    "incorrect",
    "negative",
    "never",
    "neither",
];

const YES_PHRASES: &[&str] = &[
    "that is right",
    "that is correct",
    "that is it",
    "go ahead",
    "sounds good",
    "why not",
    "no problem",
];

const NO_PHRASES: &[&str] = &[
    "not right",
    "not correct",
    "that is not",
    "do not",
    "not really",
    "no thanks",
    "no thank you",
    "is not it",
    "not at all",
    "rather not",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_and_refusal_are_told_apart() {
        for text in [
            "Yes.",
            "yeah, that's right",
            "Sure, go ahead",
            "correct",
            "Okay.",
        ] {
            assert_eq!(yes_no(text), Some(true), "{text}");
        }
        for text in [
            "No.",
            "nope",
            "No, that's wrong",
            "that's not right",
            "no thank you",
        ] {
            assert_eq!(yes_no(text), Some(false), "{text}");
        }
        assert_eq!(yes_no("where is my parcel"), None);
    }
}
