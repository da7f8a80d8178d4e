//! Which request an utterance means, and whether that is sure enough for what follows from it.
//!
//! What can be taken back is done as soon as it is understood. A hang-up, a transfer and a tool
//! that changes something are done when they were surely asked for; else they are asked back,
//! and not even that when they were refused, or only told of.

use super::Stepper;
use crate::brain::Act;
use crate::flow::intents::Match;
use crate::flow::said::{Clause, Closing, Mood, Wish, clauses, closing, courtesy, mood, wish};
use crate::flow::slots::{SlotKind, sound_like_digits};
use crate::flow::words::{Word, tokens};

/// What an utterance asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Choice {
    /// A request; `sure` is whether what cannot be undone may follow without asking.
    Start {
        intent: String,
        score: f32,
        sure: bool,
    },
    /// Something that cannot be undone, perhaps.
    Offer(String),
    /// The caller does not want this.
    Denied(String),
    /// Nothing that is known.
    Nothing,
}

/// A name is taken for a request only when it fits one this well; so is a request that another
/// one fits nearly as well.
pub(super) const SURE: f32 = 0.8;

/// A transfer or a change is done from here on without asking.
const CLEAR: f32 = 0.65;

/// Two requests this close are asked back instead of chosen from.
const MARGIN: f32 = 0.03;

/// A clause with less of a request than this says nothing about it.
const CARRIES: f32 = 0.3;

impl Stepper<'_> {
    /// What the text asks for; `present` is the request that is being served.
    pub(super) fn choose(&self, text: &str, present: Option<&str>) -> Choice {
        let clauses = clauses(text);
        let wish = wish(&clauses);
        let leaving = self.leaving(text, &clauses);
        if let Some((Leave::Sure, intent)) = &leaving {
            return start(intent, 1.0, true);
        }
        let ranked = self.rank(&wish.meant, |intent| Some(intent) != present);
        let mut offer = None;
        for (index, found) in ranked.iter().enumerate() {
            // Beside a goodbye or a transfer that may be meant, the rest must be clear to count.
            let beside = leaving.is_some() || offer.is_some();
            let least = if beside { SURE } else { self.flow.accept };
            if found.score < least {
                break;
            }
            match self.consequence(found, &clauses) {
                Consequence::None | Consequence::Later(_) if self.rivalled(&ranked, index) => break,
                Consequence::None => return start(&found.intent, found.score, true),
                Consequence::Later(sure) => return start(&found.intent, found.score, sure),
                Consequence::Sure => return start(&found.intent, found.score, true),
                Consequence::Ask => {
                    offer.get_or_insert_with(|| found.intent.clone());
                }
                Consequence::Not => {}
            }
        }
        if let Some(denied) = self.refused(&wish, &clauses) {
            return Choice::Denied(denied);
        }
        match (leaving, offer) {
            (Some((Leave::Along, intent)), None) => start(&intent, 1.0, true),
            (Some((_, intent)), _) | (None, Some(intent)) => Choice::Offer(intent),
            (None, None) => Choice::Nothing,
        }
    }

    pub(super) fn rank(&self, said: &[String], allowed: impl Fn(&str) -> bool) -> Vec<Match> {
        let place = self.state.place.as_deref();
        let allowed = |intent: &str| self.flow.reachable(intent, place) && allowed(intent);
        self.flow.matcher.rank(said, allowed)
    }

    fn rivalled(&self, ranked: &[Match], index: usize) -> bool {
        let (Some(best), Some(next)) = (ranked.get(index), ranked.get(index + 1)) else {
            return false;
        };
        best.score < SURE && best.score - next.score < MARGIN
    }

    /// Whether the caller takes his leave, and the request that it means.
    fn leaving(&self, text: &str, clauses: &[Clause]) -> Option<(Leave, String)> {
        let place = self.state.place.as_deref();
        let (name, _) = self.flow.intents.iter().find(|(name, intent)| {
            self.flow.reachable(name, place) && matches!(intent.act, Some(Act::HangUp(_)))
        })?;
        let own: Vec<Vec<String>> = self.flow.matcher.examples(name).cloned().collect();
        let asked = self.asked().map(|(_, slot)| &slot.kind);
        let digits = matches!(asked, Some(SlotKind::Digits { .. } | SlotKind::Number));
        let leave = match closing(clauses, &own) {
            // Where digits are awaited, "bye-bye" may be two nines.
            Closing::Goodbye if digits && sound_like_digits(&tokens(text)) => Leave::Perhaps,
            Closing::Goodbye => Leave::Sure,
            Closing::Enough if asked.is_none() => Leave::Sure,
            Closing::Along => Leave::Along,
            Closing::Enough | Closing::Perhaps => Leave::Perhaps,
            Closing::No => return None,
        };
        Some((leave, name.clone()))
    }

    /// What would follow from a request, and whether the words are sure enough for it.
    pub(super) fn consequence(&self, found: &Match, clauses: &[Clause]) -> Consequence {
        let Some(intent) = self.intent(&found.intent) else {
            return Consequence::Not;
        };
        let changes = self.flow.changes(intent);
        match &intent.act {
            // A goodbye is known by how it is said, not by which words it shares.
            Some(Act::HangUp(_)) => return Consequence::Not,
            Some(Act::Transfer { .. } | Act::SendKeys(_) | Act::SetAttribute { .. }) => {}
            None if changes => {}
            None => return Consequence::None,
        }
        let said = self.mood_of(&found.intent, clauses);
        let written = self
            .flow
            .matcher
            .examples(&found.intent)
            .map(|tokens| {
                mood(&Clause {
                    tokens: tokens.clone(),
                    asks: false,
                })
            })
            .any(|mood| mood == said);
        let clear = found.score >= CLEAR && !clauses.iter().any(is_short_no);
        let sure = match said {
            Mood::Negated | Mood::Told if !written => return Consequence::Not,
            Mood::Wish => clear,
            Mood::Request => clear && (written || !changes),
            Mood::Question | Mood::Supposed | Mood::Told | Mood::Negated => clear && written,
        };
        match (changes, sure) {
            (true, sure) => Consequence::Later(sure),
            (false, true) => Consequence::Sure,
            (false, false) => Consequence::Ask,
        }
    }

    /// How the clauses put it that hold the request; what is refused in them aside.
    fn mood_of(&self, intent: &str, clauses: &[Clause]) -> Mood {
        let meant: Vec<Clause> = clauses
            .iter()
            .map(|clause| Clause {
                tokens: wish(std::slice::from_ref(clause)).meant,
                asks: clause.asks,
            })
            .collect();
        let carries = |clause: &&Clause| {
            let ranked = self
                .flow
                .matcher
                .rank(&clause.tokens, |other| other == intent);
            ranked.first().is_some_and(|found| found.score >= CARRIES)
        };
        // "Please?" asks nothing.
        let says = |clause: &&Clause| courtesy(&clause.tokens, &[]).iter().any(Option::is_none);
        let carrying = meant.iter().filter(says).filter(carries).map(mood).max();
        carrying
            .or_else(|| meant.iter().map(mood).max())
            .unwrap_or(Mood::Wish)
    }

    /// The request that is refused, if one is.
    fn refused(&self, wish: &Wish, clauses: &[Clause]) -> Option<String> {
        let known = |tokens: &[String]| {
            let ranked = self.rank(tokens, |_| true);
            ranked
                .into_iter()
                .find(|found| found.score >= self.flow.accept)
                .map(|found| found.intent)
        };
        if !wish.denied.is_empty()
            && let Some(intent) = known(&wish.denied)
        {
            return Some(intent);
        }
        let negated = clauses
            .iter()
            .filter(|clause| mood(clause) == Mood::Negated);
        negated
            .filter_map(|clause| known(&clause.tokens))
            .find(|name| {
                self.intent(name)
                    .is_some_and(|intent| intent.act.is_some() || self.flow.changes(intent))
            })
    }
}

/// How surely the caller takes his leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    Sure,
    /// If nothing else is asked for.
    Along,
    Perhaps,
}

/// What follows from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// Nothing that could not be taken back.
    None,
    /// Something is changed in the end; whether that was surely asked for.
    Later(bool),
    /// A transfer, surely asked for.
    Sure,
    /// A transfer, perhaps.
    Ask,
    /// It was not meant.
    Not,
}

fn start(intent: &str, score: f32, sure: bool) -> Choice {
    Choice::Start {
        intent: intent.to_owned(),
        score,
        sure,
    }
}

/// "No human please" may refuse one, and may ask for one after a "no".
fn is_short_no(clause: &Clause) -> bool {
    match clause.tokens.as_slice() {
        [no, next, rest @ ..] => no == "no" && rest.len() <= 2 && !Word::new(next).is_filler(),
        _ => false,
    }
}
