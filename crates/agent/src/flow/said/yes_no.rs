//! Yes or no.

use super::clauses::{at, clauses};
use crate::flow::words::tokens;

/// Whether a text surely agrees or surely refuses. "I'm not sure", "yes, but …" and "is that
/// right?" do neither.
pub(crate) fn yes_no(text: &str) -> Option<bool> {
    let words = tokens(text);
    let asks = clauses(text).iter().any(|clause| clause.asks);
    if words.len() > 2 && asks
        || words
            .first()
            .is_some_and(|word| ASKING.contains(&word.as_str()))
    {
        return None;
    }
    let marks = marks(&words);
    if marks.iter().any(|(mark, _)| *mark == Mark::Doubt) {
        return None;
    }
    let strong = |wanted| {
        marks
            .iter()
            .rposition(|(mark, strong)| *mark == wanted && *strong)
    };
    let weak = |wanted| marks.iter().rposition(|(mark, _)| *mark == wanted);
    let unknown = marks.iter().filter(|(mark, _)| *mark == Mark::Word).count();
    match (strong(Mark::Yes), strong(Mark::No)) {
        // "Yeah no", "no, yes": the last word of the two is the answer.
        (Some(yes), Some(no)) => Some(yes > no),
        (Some(_), None) => Some(true),
        // "No, that's right" may be either.
        (None, Some(no)) => weak(Mark::Yes).is_none_or(|yes| yes < no).then_some(false),
        // "The weather is fine" agrees to nothing.
        (None, None) if unknown > 0 && weak(Mark::No).is_none() => None,
        (None, None) => match (weak(Mark::Yes), weak(Mark::No)) {
            (Some(_), None) => Some(true),
            (None, Some(_)) => Some(false),
            (Some(_), Some(_)) | (None, None) => None,
        },
    }
}

/// Whether what the agent has begun is not wanted, or not yet: "no", "stop", "wait".
pub(crate) fn refuses(text: &str) -> bool {
    let words = tokens(text);
    let says = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    // "No problem" agrees, for all its "no".
    says(&["stop", "wait", "cancel"])
        || yes_no(text).map_or_else(|| says(&["no", "not"]), |agrees| !agrees)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Yes,
    No,
    Doubt,
    Word,
}

/// What each phrase says, and whether it says so by itself in any sentence.
fn marks(words: &[String]) -> Vec<(Mark, bool)> {
    let lists: [(&[&str], Mark, bool); 6] = [
        (DOUBTS, Mark::Doubt, true),
        (NO_PHRASES, Mark::No, true),
        (YES_PHRASES, Mark::Yes, false),
        (NO, Mark::No, true),
        (YES, Mark::Yes, true),
        (FAINT_YES, Mark::Yes, false),
    ];
    let mut marks = Vec::new();
    let mut index = 0;
    while index < words.len() {
        let found = lists
            .iter()
            .filter_map(|(list, mark, strong)| {
                let lengths = list.iter().filter_map(|phrase| at(words, index, phrase));
                Some((lengths.max()?, *mark, *strong))
            })
            .reduce(|best, other| if other.0 > best.0 { other } else { best });
        let (length, mark, strong) = found.unwrap_or((1, Mark::Word, false));
        let filler = found.is_none() && FILLERS.contains(&words.get(index).map_or("", |w| w));
        if !filler {
            marks.push((mark, strong));
        }
        index += length;
    }
    marks
}

const ASKING: &[&str] = &[
    "what", "why", "how", "who", "where", "when", "which", "is", "are", "can", "could", "would",
    "will", "does",
];

const FILLERS: &[&str] = &[
    "um", "uh", "er", "oh", "ah", "well", "so", "thanks", "thank", "you", "the", "a", "and",
    "then", "very", "just", "it", "that", "is", "me", "for", "with", "i", "am", "by", "would",
    "be", "day", "this", "now", "all",
];

const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "ya",
    "yah",
    "absolutely",
    "definitely",
    "exactly",
    "indeed",
    "certainly",
    "of course",
    "aye",
    "affirmative",
    "uh huh",
    "uhuh",
    "uhhuh",
    "mm hmm",
    "mm hm",
    "mhm",
    "mmhmm",
    "mm huh",
    "go ahead",
    "sounds good",
    "you bet",
    "please do",
    "do it",
    "go for it",
    "yes please",
    "by all means",
    "why not",
    "no problem",
    "no objection",
    "no objections",
];

const FAINT_YES: &[&str] = &[
    "sure",
    "correct",
    "right",
    "okay",
    "ok",
    "please",
    "fine",
    "perfect",
    "good",
    "great",
    "alright",
    "all right",
    "lovely",
    "agreed",
    "confirmed",
    "wonderful",
    "excellent",
    "true",
    "cool",
];

const YES_PHRASES: &[&str] = &[
    "that is right",
    "that is correct",
    "that is it",
    "that is fine",
    "that is good",
    "that is great",
    "that is okay",
    "that is ok",
    "that is perfect",
    "that is true",
    "that works",
    "works for me",
    "that will do",
    "that would be great",
    "that would be good",
    "that would be fine",
    "that would be lovely",
    "it is",
    "i do",
    "i would",
    "that is the one",
    "you got it",
    "let us do it",
    "let us do that",
    "sounds great",
    "sounds right",
    "sounds fine",
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
    "not",
    "uh uh",
    "nuh uh",
    "no way",
];

const NO_PHRASES: &[&str] = &[
    "not right",
    "not correct",
    "that is not",
    "that is not it",
    "that is not right",
    "that is not correct",
    "that is wrong",
    "do not",
    "i do not",
    "please do not",
    "please stop",
    "not really",
    "no thanks",
    "no thank you",
    "is not it",
    "not at all",
    "rather not",
    "of course not",
    "absolutely not",
    "certainly not",
    "definitely not",
    "not okay",
    "not ok",
    "not good",
    "not fine",
    "i would not",
    "it is not",
    "not that",
    "not true",
    "not exactly",
    "not quite",
];

/// Neither; nothing that cannot be undone is done on these.
const DOUBTS: &[&str] = &[
    "not sure",
    "not certain",
    "not entirely sure",
    "not quite sure",
    "not really sure",
    "unsure",
    "maybe",
    "perhaps",
    "probably",
    "possibly",
    "might",
    "do not know",
    "no idea",
    "i guess",
    "i suppose",
    "depends",
    "but",
    "except",
    "unless",
    "if",
    "however",
    "although",
    "wait",
    "hold on",
    "hang on",
    "one moment",
    "one second",
    "a moment",
    "a second",
    "actually",
    "instead",
    "sorry",
    "pardon",
    "what",
    "do not understand",
    "did not understand",
    "i do not know",
    "i do not understand",
    "i do not remember",
    "i do not mind",
    "did not hear",
    "did not catch",
    "did not get",
    "can not hear",
    "let me think",
    "let me check",
    "do not remember",
    "do not mind",
    "not yet",
    "kind of",
    "sort of",
    "not necessarily",
    "can not say",
];
