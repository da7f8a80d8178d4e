//! What callers ask, and how to tell from the answer that it was understood.

/// What a caller does next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Says this; the answer then has this in it.
    Say(&'static str, Want),
    /// Presses a key, unheard.
    Press(&'static str),
}

/// What the answer must have in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// These words.
    Words(&'static str),
    /// These digits, however they are written.
    Digits(&'static str),
}

impl Want {
    /// Whether an answer has it.
    pub(crate) fn met_by(self, said: &str) -> bool {
        match self {
            Self::Words(words) => said.to_lowercase().contains(words),
            Self::Digits(digits) => {
                let written: String = said.chars().filter(char::is_ascii_digit).collect();
                written.contains(digits)
            }
        }
    }
}

const NUMBER: Want = Want::Words("tracking number");
const HOURS: Want = Want::Words("monday to friday");
const PERSON: Want = Want::Words("colleague");
const BYE: Want = Want::Words("goodbye");

/// First sentences.
const OPENINGS: [&str; 7] = [
    "Where is my parcel?",
    "Can you tell me where my package is?",
    "My parcel has not arrived.",
    "I want to change my delivery date.",
    "Hello, I would like to track a package, please.",
    "When is my parcel coming?",
    "I need a new delivery date.",
];

/// Numbers, and what is understood of them.
const NUMBERS: [(&str, &str); 5] = [
    ("Four two seven, one one eight.", "427118"),
    ("Three five nine, zero two six.", "359026"),
    ("It is eight one four, six six two.", "814662"),
    ("Two nine zero three seven five.", "290375"),
    ("Six four one, nine five three.", "641953"),
];

/// Last sentences.
const CLOSINGS: [(&str, Want); 5] = [
    ("What are your opening hours?", HOURS),
    ("I would like to speak to a person, please.", PERSON),
    ("Are you open on Saturday?", HOURS),
    ("No, thank you. Goodbye.", BYE),
    ("Can I talk to a human being?", PERSON),
];

/// What a caller with a synthesizer's voice asks. The openings that change a delivery are followed
/// by a day, not by the parcel's state, so there the number alone is asked for.
pub(crate) fn of(round: usize, number: usize) -> Vec<Step> {
    let turn = round * 3 + number;
    let opening = OPENINGS
        .get(turn % OPENINGS.len())
        .copied()
        .unwrap_or_default();
    let (digits, understood) = NUMBERS
        .get(turn % NUMBERS.len())
        .copied()
        .unwrap_or_default();
    let (closing, wanted) = CLOSINGS
        .get(turn % CLOSINGS.len())
        .copied()
        .unwrap_or(("", BYE));
    let mut steps = vec![Step::Say(opening, NUMBER)];
    if opening.contains("date") {
        steps.push(Step::Say(digits, Want::Words("which day")));
        steps.push(Step::Say("Tomorrow, please.", Want::Words("is that right")));
        steps.push(Step::Say("Yes.", Want::Words("done")));
    } else {
        steps.push(Step::Say(digits, Want::Digits(understood)));
    }
    steps.push(Step::Say(closing, wanted));
    steps
}

/// What can be asked with words that a person recorded.
pub(crate) fn recorded(round: usize) -> Vec<Step> {
    let (digits, understood) = NUMBERS.get(round % 2).copied().unwrap_or_default();
    vec![
        Step::Say("Hello.", Want::Words("hear you")),
        Step::Press("1"),
        Step::Say(digits, Want::Digits(understood)),
        Step::Say("Goodbye.", BYE),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_found_however_they_are_written() {
        assert!(Want::Digits("427118").met_by("Parcel 4 2 7, 1 1 8 is in the van."));
        assert!(!Want::Digits("427118").met_by("Parcel 4 2 7, 1 1 9."));
    }

    #[test]
    fn every_caller_ends_with_a_closing_sentence() {
        for number in 0..40 {
            assert!(matches!(of(0, number).last(), Some(Step::Say(text, _)) if !text.is_empty()));
        }
    }
}
