//! Whether words are meant: wished for, refused, asked about, supposed or told.

use super::clauses::{Clause, at};

/// A text without what the caller does not want, and that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::flow) struct Wish {
    /// What is left to be understood.
    pub(in crate::flow) meant: Vec<String>,
    /// "don't …", "I never asked to …", "instead of …".
    pub(in crate::flow) denied: Vec<String>,
}

/// How a clause puts what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::flow) enum Mood {
    /// As a wish.
    Wish,
    /// As a polite request in the form of a question: "can you …?".
    Request,
    /// As a question about it.
    Question,
    /// As a condition or a point in time: "if …", "before you …".
    Supposed,
    /// As a report of what somebody did or said.
    Told,
    /// As what is not the case or not wanted.
    Negated,
}

/// Parts the words that are wished for from those that are refused.
pub(in crate::flow) fn wish(clauses: &[Clause]) -> Wish {
    let mut wish = Wish::default();
    for Clause { tokens, .. } in clauses {
        let Some((start, scope)) = denial(tokens) else {
            wish.meant.extend_from_slice(tokens);
            continue;
        };
        let end = tokens
            .iter()
            .skip(scope)
            .position(|token| SCOPE_ENDS.contains(&token.as_str()))
            .map_or(tokens.len(), |length| scope + length);
        let part = |range: std::ops::Range<usize>| tokens.get(range).unwrap_or_default();
        wish.meant.extend_from_slice(part(0..start));
        wish.denied.extend_from_slice(part(scope..end));
        wish.meant.extend_from_slice(part(end..tokens.len()));
    }
    wish
}

/// Where a refusal begins, and where what is refused does.
fn denial(tokens: &[String]) -> Option<(usize, usize)> {
    (0..tokens.len()).find_map(|index| Some((index, index + denial_at(tokens, index)?)))
}

fn denial_at(tokens: &[String], index: usize) -> Option<usize> {
    let after = |length: usize| tokens.get(index + length).map_or("", String::as_str);
    if let Some(length) = DENIALS.iter().find_map(|phrase| at(tokens, index, phrase)) {
        return Some(length);
    }
    let doing = |word: &str| word.ends_with("ing") && !NO_ACTS.contains(&word);
    match tokens.get(index)?.as_str() {
        "am" | "are" if after(1) == "not" && doing(after(2)) => Some(2),
        "stop" | "quit" | "avoid" if doing(after(1)) => Some(1),
        "do" if after(1) == "not" && commands(tokens, index) && !HARMLESS.contains(&after(2)) => {
            Some(2)
        }
        "never" if commands(tokens, index) => Some(1),
        "not" if after(1) == "to" => Some(2),
        "not" if commands(tokens, index) && !HARMLESS.contains(&after(1)) => Some(1),
        _ => None,
    }
}

/// Whether a command can begin here: nobody is said to do it, or "you".
fn commands(tokens: &[String], index: usize) -> bool {
    let mut before = tokens.iter().take(index).rev().map(String::as_str);
    match before.next() {
        None => true,
        Some("you") => before
            .next()
            .is_none_or(|word| LEADS.contains(&word) && word != "you"),
        Some(word) => LEADS.contains(&word),
    }
}

/// How a clause puts what it says; the most doubtful view counts.
pub(in crate::flow) fn mood(clause: &Clause) -> Mood {
    let tokens = without_idioms(&clause.tokens);
    let has = |list: &[&str]| tokens.iter().any(|token| list.contains(&token.as_str()));
    if has(NEGATORS) {
        return Mood::Negated;
    }
    if has(REPORTS) || past(&tokens) {
        return Mood::Told;
    }
    if has(CONDITIONS) {
        return Mood::Supposed;
    }
    let mut words = tokens
        .iter()
        .map(String::as_str)
        .skip_while(|word| LEADS.contains(word) && *word != "you");
    let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    if QUESTION_WORDS.contains(&first) {
        return Mood::Question;
    }
    if REQUESTS.contains(&first) && ["i", "you", "we", "somebody", "someone"].contains(&second) {
        return Mood::Request;
    }
    if clause.asks || (AUXILIARIES.contains(&first) && SUBJECTS.contains(&second)) {
        return Mood::Question;
    }
    Mood::Wish
}

/// "You transferred me", not "I want to be transferred" or "I need".
fn past(tokens: &[String]) -> bool {
    let mut before = "";
    tokens.iter().any(|token| {
        let passive = matches!(std::mem::replace(&mut before, token), "be" | "get");
        token.ends_with("ed") && !token.ends_with("eed") && token.len() > 4 && !passive
    })
}

/// The tokens without turns of phrase whose "not" or "if" means nothing.
fn without_idioms(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        match IDIOMS.iter().find_map(|idiom| at(tokens, index, idiom)) {
            Some(length) => index += length,
            None => {
                kept.push(token.clone());
                index += 1;
            }
        }
    }
    kept
}

const DENIALS: &[&str] = &[
    "do not want",
    "do not need",
    "do not wish",
    "do not mean",
    "do not intend",
    "do not plan",
    "do not think i want",
    "do not think i need",
    "did not say",
    "did not ask",
    "did not mean",
    "did not want",
    "did not request",
    "did not call to",
    "never said",
    "never asked",
    "never wanted",
    "never meant",
    "never told you",
    "would not want",
    "would not like",
    "rather not",
    "let us not",
    "must not",
    "should not",
    "no need to",
    "no need for",
    "nobody said",
    "nobody asked",
    "no one said",
    "no one asked",
    "without",
    "instead of",
    "rather than",
    "anything but",
];

/// "I am not getting my parcel" refuses nothing.
const NO_ACTS: &[&str] = &[
    "getting",
    "receiving",
    "seeing",
    "finding",
    "hearing",
    "understanding",
    "nothing",
    "anything",
    "something",
    "everything",
    "morning",
    "evening",
];

/// "Don't forget to …", "not sure": no refusal of what follows.
const HARMLESS: &[&str] = &[
    "forget",
    "hesitate",
    "worry",
    "mind",
    "know",
    "see",
    "understand",
    "get",
    "have",
    "think",
    "only",
    "sure",
    "really",
    "yet",
    "at",
    "right",
    "now",
    "today",
    "good",
    "bad",
    "too",
    "so",
    "very",
    "much",
];

/// Words before a command or a question that change nothing about it.
const LEADS: &[&str] = &[
    "please", "no", "nope", "and", "so", "now", "oh", "hey", "well", "okay", "ok", "you", "just",
    "wait", "yes", "yeah", "then", "um", "uh", "er", "hello", "hi", "sorry", "excuse", "me",
    "listen", "look", "stop", "or", "hm", "ah", "right", "anyway",
];

/// Where the reach of a refusal ends inside a clause.
const SCOPE_ENDS: &[&str] = &[
    "where", "what", "when", "why", "how", "who", "which", "whether", "until", "unless", "before",
    "after", "if", "just", "so",
];

const NEGATORS: &[&str] = &[
    "not", "never", "without", "nor", "neither", "nobody", "instead", "rather",
];

const REPORTS: &[&str] = &[
    "say",
    "says",
    "said",
    "saying",
    "told",
    "heard",
    "wrote",
    "hung",
    "was",
    "were",
    "been",
    "had",
    "got",
    "did",
    "kept",
    "keeps",
    "already",
    "yesterday",
    "earlier",
    "accidentally",
];

const CONDITIONS: &[&str] = &[
    "if",
    "when",
    "unless",
    "before",
    "after",
    "until",
    "till",
    "once",
    "case",
    "whether",
    "suppose",
    "would happen",
    "while",
];

const QUESTION_WORDS: &[&str] = &["what", "why", "how", "who", "where", "which", "whose"];

const REQUESTS: &[&str] = &["can", "could", "may", "might", "would", "will"];

const AUXILIARIES: &[&str] = &[
    "do", "does", "did", "is", "are", "am", "was", "were", "should", "shall", "have", "has", "can",
    "could", "will", "would", "may", "must",
];

const SUBJECTS: &[&str] = &[
    "i", "you", "we", "it", "that", "this", "there", "they", "he", "she", "the", "your", "my",
    "anybody", "anyone", "somebody", "someone",
];

const IDIOMS: &[&str] = &[
    "if you do not mind",
    "if you would not mind",
    "if that is okay",
    "if that is ok",
    "if that is all right",
    "if possible",
    "if i may",
    "if you can",
    "if you could",
    "if you please",
    "when you can",
    "why do not you",
    "why do not we",
    "why not",
    "can not you",
    "could not you",
    "would not you",
    "will not you",
    "do not you",
    "not only",
    "can not wait",
    "do not worry",
    "do not forget to",
    "as i said",
    "like i said",
];
