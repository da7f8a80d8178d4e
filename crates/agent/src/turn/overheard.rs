//! What few words over the agent's speech are: a wish to speak, a listener's noise, or words that a
//! recogniser made up out of a sound that has none.
//!
//! The bounds are those of `benches/src/bin/ears`, over fifteen voices on a telephone line: of laughs,
//! music and babble the recogniser is at most 0.61 sure, of hums up to 0.85 ("And then.", "Amen."),
//! of one short word that was said as little as 0.5.

use super::config::Interruption;
use super::open::words;

/// What was said over the agent's speech, as far as it can be known from the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overheard {
    /// No wish to speak.
    Nothing,
    /// Something is said.
    Words,
    /// The agent is told to stop, or asked for at once.
    Call,
}

/// A word that is waited for is believed from here on.
const SHORT_WORD: f32 = 0.5;

/// Other words are believed from here on: one, up to three, and more.
const ONE_WORD: f32 = 0.85;
const FEW_WORDS: f32 = 0.7;
const SENTENCE: f32 = 0.55;

/// A hum is heard as clearly as this at most.
const HUM: f32 = 0.92;

/// Calls are short, or begin a sentence.
const SHORT: usize = 4;

/// Words up to this many letters are other words with one letter changed.
const SHORTEST_ALIKE: usize = 3;

/// What these words are, said over the agent's speech.
pub(super) fn overheard(text: &str, sure: f32, rules: &Interruption) -> Overheard {
    let said: Vec<String> = words(text).collect();
    if said.is_empty() || sure < SHORT_WORD && said.len() < SHORT {
        return Overheard::Nothing;
    }
    if sure >= SHORT_WORD && calls(&said, &rules.commands) {
        return Overheard::Call;
    }
    if made_of(&said, &rules.backchannels) {
        return Overheard::Nothing;
    }
    let short = said.len() < SHORT && holds(&said, &rules.short_words);
    let least = match said.len() {
        _ if short => SHORT_WORD,
        1 => ONE_WORD,
        2 | 3 => FEW_WORDS,
        _ => SENTENCE,
    };
    let hum = !short && sure < HUM && hums(&said);
    if sure < least || hum {
        Overheard::Nothing
    } else {
        Overheard::Words
    }
}

fn calls(said: &[String], commands: &[String]) -> bool {
    let begins = commands
        .iter()
        .any(|command| starts(said, command) || sounds_like(said, command));
    begins || said.len() <= SHORT && holds(said, commands)
}

/// "Fold on" and "told on" are what a recogniser makes of "hold on": of several words the first, said
/// as the agent speaks, may have one letter wrong.
fn sounds_like(said: &[String], command: &str) -> bool {
    let (Some((first, rest)), Some(heard)) = (command.split_once(' '), said.first()) else {
        return false;
    };
    let wrong = first.chars().zip(heard.chars()).filter(|(a, b)| a != b);
    first.len() > SHORTEST_ALIKE
        && first.chars().count() == heard.chars().count()
        && wrong.count() <= 1
        && starts(said.get(1..).unwrap_or_default(), rest)
}

/// Whether nothing but these phrases is said.
fn made_of(said: &[String], phrases: &[String]) -> bool {
    let mut rest = said;
    while !rest.is_empty() {
        let longest = phrases
            .iter()
            .filter(|phrase| starts(rest, phrase))
            .map(|phrase| phrase.split(' ').count())
            .max();
        let Some(length) = longest else {
            return false;
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    true
}

fn holds(said: &[String], phrases: &[String]) -> bool {
    let from = |at| said.get(at..).unwrap_or_default();
    (0..said.len()).any(|at| phrases.iter().any(|phrase| starts(from(at), phrase)))
}

fn starts(said: &[String], phrase: &str) -> bool {
    let mut said = said.iter();
    phrase
        .split(' ')
        .all(|word| said.next().is_some_and(|next| next == word))
}

/// Whether this is what a recogniser makes of "mm", "mm hmm" and "mhm": vowels between n and m, and
/// letters.
fn hums(said: &[String]) -> bool {
    let like = said
        .iter()
        .filter(|word| word.chars().count() == 1 || HUMMED.contains(&word.as_str()));
    like.count() * 4 >= said.len() * 3
}

const HUMMED: &[&str] = &[
    "mm",
    "hmm",
    "hm",
    "mhm",
    "em",
    "am",
    "an",
    "and",
    "end",
    "in",
    "him",
    "hum",
    "then",
    "them",
    "than",
    "amen",
    "man",
    "men",
    "each",
    "anthem",
    "amendment",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::TurnConfig;

    fn weigh(text: &str, sure: f32) -> Overheard {
        overheard(text, sure, &TurnConfig::phone().interruption)
    }

    /// As the recogniser heard them, and how sure it was.
    #[test]
    fn hums_laughs_and_music_are_nothing() {
        for (text, sure) in [
            ("And then.", 0.80),
            ("And then each and then.", 0.70),
            ("Amen.", 0.72),
            ("M. M. H. M. M.", 0.80),
            ("M. A. K. M.", 0.64),
            ("Them.", 0.85),
            ("Don't hurt.", 0.67),
            ("Other.", 0.78),
            ("Uh-huh.", 0.70),
            ("I.", 0.80),
            ("I.e.", 0.71),
            ("Amen them.", 0.57),
            ("♪♪", 0.82),
            ("가가", 0.61),
            ("Thank you for watching.", 0.49),
            ("It's a little bit of a bit of a", 0.26),
            (
                "I will rather be raised in a volume of only months to the afternoon.",
                0.49,
            ),
            ("You", 0.98),
        ] {
            assert_eq!(weigh(text, sure), Overheard::Nothing, "{text}");
        }
    }

    #[test]
    fn short_words_that_are_meant_count_though_they_are_hardly_heard() {
        for (text, sure) in [
            ("No.", 0.73),
            ("What?", 0.88),
            ("Help.", 0.63),
            ("Agent.", 0.70),
            ("Operator.", 0.82),
            ("Pardon.", 0.59),
            ("No, not that.", 0.60),
            ("Where's my parcel?", 0.75),
            ("I need to ask you something.", 0.66),
        ] {
            assert_eq!(weigh(text, sure), Overheard::Words, "{text}");
        }
        for (text, sure) in [
            ("Stop.", 0.63),
            ("Wait.", 0.61),
            ("Hold on.", 0.53),
            ("Hang on a second.", 0.57),
            ("Please stop.", 0.69),
            ("Excuse me, where is my parcel?", 0.7),
            ("Wait, I need to ask you something.", 0.7),
            ("One moment.", 0.54),
            ("Fold on a second.", 0.78),
            ("Told on a second.", 0.69),
            ("Held on a second.", 0.89),
        ] {
            assert_eq!(weigh(text, sure), Overheard::Call, "{text}");
        }
    }

    #[test]
    fn who_talks_of_stopping_does_not_call() {
        for text in [
            "and then we told him that he should stop",
            "told him to hold on",
            "and on a second day it rained",
            "bold one",
        ] {
            assert_eq!(weigh(text, 0.9), Overheard::Words, "{text}");
        }
    }
}
