//! Whether the caller takes his leave.

use super::clauses::Clause;
use super::mood::{Mood, mood};
use super::phrases::{Courtesy, courtesy};

/// How surely the caller takes his leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::flow) enum Closing {
    /// He says nothing but goodbye.
    Goodbye,
    /// He says that he wants nothing more, and nothing else.
    Enough,
    /// A goodbye that something else came with.
    Along,
    /// There is a goodbye in it; who knows.
    Perhaps,
    No,
}

/// Reads a leave-taking. `own` are further phrases that mean one.
pub(in crate::flow) fn closing(clauses: &[Clause], own: &[Vec<String>]) -> Closing {
    let parts: Vec<Part> = clauses
        .iter()
        .map(|clause| Part::new(clause, own))
        .collect();
    let Some(most) = parts.iter().filter_map(|part| part.most).max() else {
        return Closing::No;
    };
    if most < Courtesy::Enough {
        return Closing::No;
    }
    if parts.iter().all(|part| part.pure) {
        let asks = clauses.iter().any(|clause| clause.asks);
        return match most {
            _ if asks => Closing::Perhaps,
            Courtesy::Goodbye => Closing::Goodbye,
            Courtesy::Enough | Courtesy::Neutral => Closing::Enough,
        };
    }
    if most < Courtesy::Goodbye {
        return Closing::No;
    }
    let refused = |part: &Part| part.goodbye() && matches!(part.mood, Mood::Negated | Mood::Told);
    if parts.iter().any(refused) {
        return Closing::No;
    }
    if !parts
        .iter()
        .any(|part| part.goodbye() && (part.pure || part.ends || part.begins))
    {
        return Closing::No;
    }
    // "I will call back when I have it, bye" is a goodbye; "… when I hang up" is none.
    let says_bye = clauses
        .last()
        .and_then(|clause| clause.tokens.last())
        .is_some_and(|word| BYES.contains(&word.as_str()));
    let plain = |mood| mood == Mood::Wish || (says_bye && mood == Mood::Supposed);
    let rest_is_plain = parts
        .iter()
        .all(|part| part.pure || (plain(part.mood) && !part.holds));
    let takes_leave = parts
        .iter()
        .any(|part| part.goodbye() && (part.pure || part.ends));
    if rest_is_plain && takes_leave {
        Closing::Along
    } else {
        Closing::Perhaps
    }
}

/// What is known of a clause.
struct Part {
    most: Option<Courtesy>,
    /// Nothing but courtesies.
    pure: bool,
    /// Its last words are a goodbye, and not somebody's ("her goodbye").
    ends: bool,
    /// Its first words are a goodbye.
    begins: bool,
    mood: Mood,
    /// It asks the other side to wait.
    holds: bool,
}

impl Part {
    fn new(clause: &Clause, own: &[Vec<String>]) -> Self {
        let marks = courtesy(&clause.tokens, own);
        let pure = marks.iter().all(Option::is_some);
        let rest: Vec<String> = clause
            .tokens
            .iter()
            .zip(&marks)
            .filter(|(_, mark)| mark.is_none())
            .map(|(token, _)| token.clone())
            .collect();
        let last_rest = marks.iter().rposition(Option::is_none);
        let follows = last_rest.and_then(|at| clause.tokens.get(at));
        let after = last_rest.map_or(0, |at| at + 1);
        let ends = marks
            .get(after..)
            .unwrap_or_default()
            .contains(&Some(Courtesy::Goodbye))
            && !follows.is_some_and(|word| OWNERS.contains(&word.as_str()));
        let opens = |list: &[&str]| {
            rest.first()
                .is_some_and(|word| list.contains(&word.as_str()))
        };
        let has = |list: &[&str]| rest.iter().any(|token| list.contains(&token.as_str()));
        Self {
            most: marks.iter().flatten().max().copied(),
            pure,
            ends,
            begins: marks.first() == Some(&Some(Courtesy::Goodbye)),
            holds: has(HOLDS) || opens(WAITS),
            mood: if pure {
                Mood::Wish
            } else {
                mood(&Clause {
                    tokens: rest,
                    asks: clause.asks,
                })
            },
        }
    }

    fn goodbye(&self) -> bool {
        self.most == Some(Courtesy::Goodbye)
    }
}

const BYES: &[&str] = &["bye", "goodbye", "byebye", "ciao", "cheerio"];

const OWNERS: &[&str] = &[
    "a", "the", "my", "your", "his", "her", "our", "their", "this", "that", "of", "to", "is", "be",
];

/// Words that ask for time wherever they stand.
const HOLDS: &[&str] = &["moment", "second", "minute", "before", "question"];

/// Words that do so at the beginning: "wait", not "I'll wait for it".
const WAITS: &[&str] = &["wait", "hold", "sorry", "first", "actually"];
