//! Whether a text stops in the middle: "my tracking number is", "on the", "and".

use super::clauses::{Clause, clauses};

/// Whether something must follow. Such a turn is waited for, however finished it sounds.
pub(in crate::flow) fn unfinished(text: &str) -> bool {
    let clauses = clauses(text);
    let Some((Clause { tokens, asks }, before)) = clauses.split_last() else {
        return false;
    };
    let agrees = before.iter().any(answers);
    let mut words: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let spoken = words.len();
    while words.last().is_some_and(|word| HESITATING.contains(word)) {
        words.pop();
    }
    if words.len() < spoken {
        return true;
    }
    let has_question = words.iter().any(|word| QUESTIONS.contains(word)) || *asks;
    match words.as_slice() {
        [] => false,
        [.., word] if ARTICLES.contains(word) => true,
        [.., word] if JOINING.contains(word) => !*asks,
        [.., "would" | "i" | "should", "like"] => true,
        [start @ .., "can" | "could" | "would" | "will", "you" | "i"] => start.len() < 3,
        [.., word] if COPULAS.contains(word) => {
            !has_question && !agrees && !clauses.last().is_some_and(answers)
        }
        [.., before, word] if PREPOSITIONS.contains(word) => {
            !has_question && !WHOLE.contains(&(*before, *word)) && !somebody(&words)
        }
        [word] => PREPOSITIONS.contains(word),
        [first, .., last] => OPENINGS.contains(first) && is_name(last) && words.len() <= 5,
    }
}

/// "Number"; and "numbers", as a recogniser writes "number is" and "number's".
fn is_name(word: &str) -> bool {
    NAMES.contains(&word.strip_suffix('s').unwrap_or(word)) || NAMES.contains(&word)
}

/// "Yes, it is", "there is".
fn answers(clause: &Clause) -> bool {
    let first = clause.tokens.first().map_or("", String::as_str);
    ["yes", "yeah", "no", "yep", "sure", "there"].contains(&first)
}

/// "I need somebody to talk to".
fn somebody(words: &[&str]) -> bool {
    words.iter().any(|word| {
        [
            "somebody", "someone", "person", "human", "anyone", "anybody",
        ]
        .contains(word)
    }) && words.last() == Some(&"to")
        && words.len() > 3
}

const HESITATING: &[&str] = &["um", "uh", "er", "erm", "uhm", "hmm"];

const ARTICLES: &[&str] = &["a", "an", "the", "my", "your", "our", "his", "her"];

const JOINING: &[&str] = &["and", "or", "but", "because", "if", "than", "whether"];

const COPULAS: &[&str] = &["is", "are", "was", "am"];

const PREPOSITIONS: &[&str] = &[
    "on", "at", "to", "for", "from", "of", "with", "by", "in", "into", "about", "until", "till",
    "between", "around", "per",
];

/// Two words that need no third.
const WHOLE: &[(&str, &str)] = &[
    ("hold", "on"),
    ("hang", "on"),
    ("go", "on"),
    ("come", "on"),
    ("carry", "on"),
    ("move", "on"),
    ("later", "on"),
    ("log", "in"),
    ("come", "in"),
    ("sign", "in"),
    ("check", "in"),
    ("stay", "in"),
    ("be", "in"),
    ("am", "in"),
    ("drop", "in"),
    ("stand", "by"),
    ("come", "by"),
    ("drop", "by"),
    ("bye", "by"),
    ("bye", "for"),
    ("cut", "in"),
    ("not", "in"),
];

const QUESTIONS: &[&str] = &[
    "what",
    "who",
    "which",
    "where",
    "when",
    "how",
    "why",
    "whatever",
    "whose",
    "whichever",
];

const OPENINGS: &[&str] = &["my", "the", "so", "and", "okay", "yes", "well", "it", "our"];

/// What a value is called before it is said.
const NAMES: &[&str] = &[
    "number",
    "name",
    "code",
    "address",
    "reference",
    "id",
    "postcode",
];
