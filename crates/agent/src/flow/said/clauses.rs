//! A text in clauses: what one "not" or one question can reach.

use crate::flow::words::tokens;

/// A stretch of words that says one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::flow) struct Clause {
    pub(in crate::flow) tokens: Vec<String>,
    /// It belongs to a sentence that ends with a question mark.
    pub(in crate::flow) asks: bool,
}

/// The clauses of a text. A recogniser leaves out commas, so some words part clauses too.
pub(in crate::flow) fn clauses(text: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for sentence in text.split_inclusive(['.', '?', '!', '\u{2026}']) {
        let asks = sentence.trim_end().ends_with('?');
        for part in sentence.split([',', ';', ':', '\u{2014}', '\u{2013}', '.', '?', '!']) {
            for tokens in parted(tokens(part)) {
                clauses.push(Clause { tokens, asks });
            }
        }
    }
    clauses
}

fn parted(tokens: Vec<String>) -> Vec<Vec<String>> {
    let mut parts = Vec::new();
    let mut part: Vec<String> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let parting = PARTING.contains(&token.as_str());
        let starts = part.len() >= 2
            && !part
                .last()
                .is_some_and(|word| BOUND.contains(&word.as_str()))
            && STARTS
                .iter()
                .any(|start| at(&tokens, index, start).is_some());
        if (parting || starts) && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if !parting {
            part.push(token.clone());
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The length of a phrase if the tokens have it here.
pub(super) fn at(tokens: &[String], index: usize, phrase: &str) -> Option<usize> {
    let mut length = 0;
    for word in phrase.split(' ') {
        if tokens.get(index + length).map(String::as_str) != Some(word) {
            return None;
        }
        length += 1;
    }
    Some(length)
}

const PARTING: &[&str] = &["but", "because", "although", "though"];

/// How a new wish begins without a comma before it.
const STARTS: &[&str] = &[
    "i want",
    "i need",
    "i would like",
    "can you",
    "could you",
    "give me",
    "get me",
    "let me",
    "tell me",
    "just tell",
    "just give",
    "please tell",
    "where is",
];

/// After these it is no new wish: "what I want", "all I need", "so that I can".
const BOUND: &[&str] = &[
    "what",
    "all",
    "everything",
    "that",
    "which",
    "only",
    "if",
    "whether",
    "not",
    "and",
    "or",
    "know",
    "said",
    "say",
    "think",
    "before",
    "when",
    "until",
    "who",
    "how",
    "where",
    "why",
];
