//! What the agent said, as far as it was played.

/// The sentences of one answer and how many samples each of them takes.
///
/// Samples are those sent to the room; the rate does not matter as long as it stays the same.
#[derive(Clone, Debug, Default)]
pub struct Script {
    lines: Vec<Line>,
    /// Times of words of the next sentence, which came before its sound.
    early: Vec<Timed>,
}

#[derive(Clone, Debug)]
struct Line {
    text: String,
    samples: u64,
    /// When its words are said, where the voice tells.
    timed: Vec<Timed>,
    /// Whether all of its sound is known.
    closed: bool,
}

/// A word with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// The byte of the sentence it ends at.
    pub end: usize,
    /// Samples from the sentence's first until half of it was said.
    pub half: u64,
}

/// Share of a word that must be played for the word to count as heard.
const HEARD_SHARE: f64 = 0.5;

/// Characters spoken in a second, to estimate a sentence whose sound is not all there yet.
const CHARACTERS_PER_SECOND: f64 = 15.0;

impl Script {
    /// Begins a sentence; sound added afterwards is its sound.
    pub fn begin(&mut self, text: impl Into<String>) {
        self.lines.push(Line {
            text: text.into(),
            samples: 0,
            timed: std::mem::take(&mut self.early),
            closed: false,
        });
    }

    /// Says when words of the sentence are said whose sound is coming.
    pub fn time(&mut self, words: impl IntoIterator<Item = Timed>) {
        match self.lines.last_mut() {
            Some(line) if !line.closed => line.timed.extend(words),
            Some(_) | None => self.early.extend(words),
        }
    }

    /// Adds sound to the latest sentence.
    pub fn add(&mut self, samples: u64) {
        if let Some(line) = self.lines.last_mut() {
            line.samples += samples;
        }
    }

    /// The latest sentence has all of its sound.
    pub fn close(&mut self) {
        if let Some(line) = self.lines.last_mut() {
            line.closed = true;
        }
    }

    /// Samples known so far.
    pub fn samples(&self) -> u64 {
        self.lines.iter().map(|line| line.samples).sum()
    }

    /// All of the text.
    pub fn text(&self) -> String {
        join(self.lines.iter().map(|line| line.text.clone()))
    }

    /// The sentences that have begun to sound when this many samples were played.
    pub fn begun(&self, played: u64) -> String {
        let mut start = 0;
        let lines = self.lines.iter().take_while(|line| {
            let begun = start < played;
            start += line.samples;
            begun
        });
        join(lines.map(|line| line.text.clone()))
    }

    /// Whether anything is asked, as far as is known.
    pub fn asks(&self) -> bool {
        self.lines.iter().any(Line::asks)
    }

    /// Whether half of a question was heard when this many samples were played.
    pub fn asked(&self, played: u64) -> bool {
        let mut start = 0;
        self.lines.iter().any(|line| {
            let half = start + line.samples / 2;
            start += line.samples;
            line.asks() && line.closed && played >= half
        })
    }

    /// The text that was heard when this many samples were played: whole sentences, and of the
    /// one that was cut the words whose sound was mostly played.
    pub fn said(&self, played: u64, rate: u32) -> String {
        let mut left = played;
        let mut heard = Vec::new();
        for line in &self.lines {
            if left == 0 {
                break;
            }
            if line.closed && left >= line.samples {
                heard.push(line.text.clone());
                left -= line.samples;
                continue;
            }
            heard.push(line.part(left, rate));
            break;
        }
        join(heard.into_iter())
    }
}

impl Line {
    fn asks(&self) -> bool {
        self.text.trim_end().ends_with('?')
    }

    /// The words heard within this many samples by the times the voice told, if they reach so far.
    fn timed_part(&self, played: u64) -> Option<String> {
        let known = self.timed.iter().any(|word| word.half > played);
        if !known && !self.closed {
            return None;
        }
        let heard = self.timed.iter().filter(|word| word.half <= played);
        let end = match heard.map(|word| word.end).max() {
            Some(end) => end,
            None if self.timed.is_empty() => return None,
            None => 0,
        };
        self.text.get(..end).map(str::to_owned)
    }

    /// The words heard within this many samples, each word taking time by its length.
    #[expect(
        clippy::cast_precision_loss,
        reason = "samples of one sentence are far below 2^52"
    )]
    fn part(&self, played: u64, rate: u32) -> String {
        if let Some(said) = self.timed_part(played) {
            return said;
        }
        let weight: f64 = self.text.split_whitespace().map(weight).sum();
        let estimate = weight / CHARACTERS_PER_SECOND * f64::from(rate);
        let samples = if self.closed {
            self.samples as f64
        } else {
            (self.samples as f64).max(estimate)
        };
        if samples <= 0.0 {
            return String::new();
        }
        let reached = played as f64 / samples * weight;
        let mut passed = 0.0;
        let mut words = Vec::new();
        for word in self.text.split_whitespace() {
            if passed + weight_share(word) > reached {
                break;
            }
            passed += self::weight(word);
            words.push(word.to_owned());
        }
        join(words.into_iter())
    }
}

/// Time a word takes, in characters; punctuation is a short pause.
#[expect(clippy::cast_precision_loss, reason = "words are short")]
fn weight(word: &str) -> f64 {
    word.chars().count() as f64 + 1.0
}

fn weight_share(word: &str) -> f64 {
    weight(word) * HEARD_SHARE
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script() -> Script {
        let mut script = Script::default();
        script.begin("Good day.");
        script.add(10_000);
        script.close();
        script.begin("How may I help you?");
        script.add(20_000);
        script.close();
        script
    }

    #[test]
    fn nothing_played_is_nothing_said() {
        assert_eq!(script().said(0, 16_000), "");
    }

    #[test]
    fn everything_played_is_everything_said() {
        assert_eq!(
            script().said(30_000, 16_000),
            "Good day. How may I help you?"
        );
    }

    #[test]
    fn a_cut_sentence_keeps_the_words_that_were_played() {
        assert_eq!(script().said(20_000, 16_000), "Good day. How may I");
    }

    #[test]
    fn a_question_is_asked_once_half_of_it_was_heard() {
        assert!(script().asks());
        assert!(!script().asked(19_999));
        assert!(script().asked(20_000));
    }

    #[test]
    fn what_was_said_only_grows() {
        let script = script();
        let mut length = 0;
        for played in 0..=30_000 {
            let said = script.said(played, 16_000).len();
            assert!(said >= length);
            length = said;
        }
    }

    #[test]
    fn a_sentence_still_arriving_is_not_taken_as_whole() {
        let mut script = Script::default();
        script.begin("Your parcel will be with you tomorrow between nine and noon.");
        script.add(8_000);
        assert_eq!(script.said(8_000, 16_000), "Your");
    }

    /// A voice that drawls its first word: by the length of words, two would have been heard.
    #[test]
    fn where_the_voice_tells_its_times_they_count() {
        let text = "Well, it is here.";
        let timed = |word: &str, half: u64| Timed {
            end: text.find(word).unwrap() + word.len(),
            half,
        };
        let words = [
            timed("Well,", 4000),
            timed("it", 9000),
            timed("is", 9400),
            timed("here.", 9800),
        ];
        for early in [true, false] {
            let mut script = Script::default();
            script.begin("Good day.");
            script.add(100);
            script.close();
            if early {
                script.time(words);
            }
            script.begin(text);
            if !early {
                script.time(words);
            }
            script.add(10_000);
            let said = |played: u64| script.said(played + 100, 8000);
            assert_eq!(said(3999), "Good day.");
            assert_eq!(said(8999), "Good day. Well,");
            assert_eq!(said(9400), "Good day. Well, it is");
        }
    }
}
