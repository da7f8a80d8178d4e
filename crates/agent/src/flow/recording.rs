//! Whether a machine speaks at the other end: a voicemail greeting, a queue, a menu of keys.

use super::words::tokens;

/// Evidence that is enough to be sure: two things that people do not say.
pub(super) const SURE: u32 = 4;

/// Texts that are kept to find repetitions.
const KEPT: usize = 4;

/// Shorter texts are repeated by people who are not understood.
const LONG: usize = 10;

/// Words before a cue that show a person in it: "can I leave a message".
const BEFORE: usize = 4;

/// Share of words that two hearings of one recording have in common.
const SAME: f32 = 0.75;

/// What speaks for a machine so far. Only what the caller achieves counts against it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Recording {
    evidence: u32,
    /// Most keys that were offered in one text.
    keys: u32,
    /// Cues that were counted: a person may say one of them again and again.
    cues: Vec<&'static str>,
    heard: Vec<Vec<String>>,
}

impl Recording {
    /// Takes in what was heard; true once it surely is a machine.
    pub(crate) fn hear(&mut self, text: &str) -> bool {
        let words = tokens(text);
        let quoted = words.iter().any(|word| QUOTING.contains(&word.as_str()));
        let keys = menu(&words);
        let mut evidence = 2 * keys.saturating_sub(self.keys);
        self.keys = self.keys.max(keys);
        for (list, weight) in [(STRONG, 2), (WEAK, 1)] {
            for cue in list {
                if !self.cues.contains(cue) && says(&words, cue) {
                    self.cues.push(cue);
                    evidence += weight;
                }
            }
        }
        self.evidence += if quoted { evidence / 2 } else { evidence };
        if words.len() >= LONG {
            if self.heard.iter().any(|before| same(before, &words)) {
                self.evidence += 1;
            }
            self.heard.push(words);
            let surplus = self.heard.len().saturating_sub(KEPT);
            self.heard.drain(..surplus);
        }
        self.evidence >= SURE
    }

    /// The caller is a person.
    pub(super) fn refute(&mut self) {
        *self = Self::default();
    }
}

/// Whether the words hold a cue that no person says of himself.
fn says(words: &[String], cue: &str) -> bool {
    let cue: Vec<&str> = cue.split(' ').collect();
    let at = words
        .windows(cue.len())
        .position(|window| window.iter().map(String::as_str).eq(cue.iter().copied()));
    at.is_some_and(|at| {
        let before = words.get(at.saturating_sub(BEFORE)..at).unwrap_or_default();
        // "I am not able to take your call" is what a greeting says.
        let greets = cue.contains(&"call") || cue.contains(&"phone");
        greets || !before.iter().any(|word| word == "i" || word == "we")
    })
}

/// "Press one for sales", "for sales press two".
fn menu(words: &[String]) -> u32 {
    let keys = |word: &str| {
        KEYS.contains(&word) || (word.len() == 1 && word.bytes().all(|b| b.is_ascii_digit()))
    };
    let presses = words.windows(2).filter(
        |pair| matches!(pair, [press, key] if (press == "press" || press == "dial") && keys(key)),
    );
    u32::try_from(presses.count()).unwrap_or(u32::MAX)
}

fn same(one: &[String], other: &[String]) -> bool {
    let mut left = other.to_vec();
    let mut common: u16 = 0;
    for word in one {
        if let Some(at) = left.iter().position(|candidate| candidate == word) {
            left.swap_remove(at);
            common = common.saturating_add(1);
        }
    }
    let total = u16::try_from(one.len() + other.len()).unwrap_or(u16::MAX);
    f32::from(common) * 2.0 >= SAME * f32::from(total)
}

const KEYS: &[&str] = &[
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "star",
    "pound", "hash", "any",
];

/// What only machines say.
const STRONG: &[&str] = &[
    "leave a message",
    "leave your message",
    "leave me a message",
    "leave us a message",
    "leave your name and number",
    "after the tone",
    "after the beep",
    "at the tone",
    "at the beep",
    "after the signal",
    "record your message",
    "finished recording",
    "can not take your call",
    "unable to take your call",
    "not available to take your call",
    "can not come to the phone",
    "person you are calling",
    "person you have called",
    "person you are trying to reach",
    "number you have dialed",
    "number you have dialled",
    "number you dialed",
    "not in service",
    "mailbox is full",
    "voice mailbox",
    "call is important to us",
    "your call is important",
    "stay on the line",
    "remain on the line",
    "continue to hold",
    "thank you for holding",
    "thank you for your patience your",
    "agents are busy",
    "agents are currently busy",
    "operators are busy",
    "operators are currently busy",
    "representatives are busy",
    "representatives are currently busy",
    "lines are busy",
    "lines are currently busy",
    "busy helping other",
    "assisting other callers",
    "assisting other customers",
    "next available",
    "will be answered in the order",
    "order it was received",
    "estimated wait",
    "wait time is",
    "in the queue",
    "higher than normal call volume",
    "high call volume",
    "high call volumes",
    "listen carefully",
    "menu options",
    "main menu",
    "for quality and training purposes",
    "may be recorded for",
];

/// What people say too.
const WEAK: &[&str] = &[
    "please hold",
    "voicemail",
    "voice mail",
    "answering machine",
    "you have reached",
    "beep",
    "in your own time",
    "get back to you",
    "as soon as possible",
    "not available",
    "office is closed",
    "our office hours",
    "following options",
    "transferring your call",
    "connecting you",
    "will be with you shortly",
    "be with you shortly",
];

const QUOTING: &[&str] = &[
    "saying", "says", "said", "told", "heard", "hear", "hearing", "why",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn at_once(text: &str) -> bool {
        Recording::default().hear(text)
    }

    #[test]
    fn machines_are_known_by_what_they_say() {
        for text in [
            "Hi, you've reached Anna. Please leave a message after the tone.",
            "The person you are calling is not available. Please leave your message after the beep.",
            "Your call is important to us. Please stay on the line.",
            "All our agents are currently busy. Your call will be answered in the order it was received.",
            "Thank you for calling. Press one for sales, press two for support.",
            "For sales, press 1. For service, press 2.",
            "I'm not available to take your call right now, please leave your name and number.",
            "Please listen carefully as our menu options have changed.",
            "Thank you for holding. Your call is important to us.",
        ] {
            assert!(at_once(text), "{text}");
        }
    }

    #[test]
    fn people_are_not_taken_for_machines() {
        for text in [
            "Please hold on a second",
            "Hold on, I have to look for it",
            "Can I leave a message for the driver?",
            "Why do I keep hearing that my call is important to you?",
            "I got a message saying please leave a message after the tone",
            "The courier was not available",
            "Do I have to press one?",
            "Thank you for holding.",
            "I have been told to stay on the line",
            "where is my parcel",
        ] {
            assert!(!at_once(text), "{text}");
        }
    }

    #[test]
    fn the_same_words_again_and_again_are_a_recording() {
        let mut recording = Recording::default();
        let text = "Our museum is open daily from nine until five in the summer";
        for _ in 0..2 {
            assert!(!recording.hear(text));
            assert!(!recording.hear("Our museum is open daily from nine till five in summer"));
        }
        assert!(recording.hear(text));
        let mut person = Recording::default();
        for _ in 0..5 {
            assert!(!person.hear("where is my parcel"));
        }
    }

    /// Not being understood, people say the same again.
    #[test]
    fn one_cue_again_and_again_is_no_evidence() {
        let mut person = Recording::default();
        for _ in 0..9 {
            assert!(!person.hear("Can I leave a message for the driver?"));
            assert!(!person.hear("The courier was not available."));
            assert!(!person.hear("Do I have to press one?"));
        }
    }
}
