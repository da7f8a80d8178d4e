//! The caller's turn while it is open: what was asked about it, and what came back.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::config::TurnConfig;
use super::ear::{Ear, Moment, samples};
use super::event::{ReplyId, RequestId, Verdict};

/// A turn of the caller that has not been answered.
#[derive(Debug)]
pub(super) struct OpenTurn {
    pub(super) started: Instant,
    /// First sample of the part that is still transcribed again and again.
    segment: u64,
    /// Parts that are settled, in order; `None` while their transcription is under way.
    settled: Vec<(RequestId, Option<String>)>,
    current: Option<Piece>,
    asked: Option<Asked>,
    end_asked: Option<EndAsked>,
    end_answer: Option<(Moment, Option<f32>)>,
    pub(super) prepared: Option<Prepared>,
    pub(super) attempts: u32,
    /// The turn reached its limit here: answer as soon as the text up to here is there.
    pub(super) forced: Option<Moment>,
    /// It was thought to be over with these words, and the answer to them is paused.
    pub(super) answered: Option<String>,
}

/// A transcript of the current segment up to a moment of speech.
#[derive(Clone, Debug)]
struct Piece {
    until: Moment,
    text: String,
    came: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    request: RequestId,
    until: Moment,
}

#[derive(Clone, Copy, Debug)]
struct EndAsked {
    request: RequestId,
    until: Moment,
    at: Instant,
}

/// An answer prepared before the turn is over.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) reply: ReplyId,
    pub(super) text: String,
    pub(super) verdict: Option<Verdict>,
    pub(super) at: Instant,
}

/// What the end-of-turn model said about the latest silence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum EndView {
    /// No answer yet; it is given up at this time, if it was asked.
    Pending(Option<Instant>),
    /// Its answer, or that there is none to be had.
    Known(Option<f32>),
}

impl OpenTurn {
    pub(super) fn new(started: Instant, segment: u64) -> Self {
        Self {
            started,
            segment,
            settled: Vec::new(),
            current: None,
            asked: None,
            end_asked: None,
            end_answer: None,
            prepared: None,
            attempts: 0,
            forced: None,
            answered: None,
        }
    }

    /// It goes on after all: what was heard of it stays, and is heard again with what follows,
    /// because words are understood better in their sentence.
    pub(super) fn reopened(self) -> Self {
        Self {
            asked: None,
            end_asked: None,
            end_answer: None,
            prepared: None,
            forced: None,
            ..self
        }
    }

    /// The moment up to which the text counts.
    pub(super) fn until(&self, ear: &Ear) -> Option<Moment> {
        self.forced.or_else(|| ear.last())
    }

    /// Whether the sound up to this moment needs a new transcription.
    pub(super) fn wants_transcript(&self, last: Moment) -> bool {
        self.asked.is_none_or(|asked| asked.until != last)
            && self
                .current
                .as_ref()
                .is_none_or(|piece| piece.until != last)
    }

    pub(super) fn ask(&mut self, request: RequestId, last: Moment, heard: u64) -> Range<u64> {
        self.asked = Some(Asked {
            request,
            until: last,
        });
        self.segment..heard
    }

    pub(super) fn wants_end(&self, last: Moment) -> bool {
        self.end_asked.is_none_or(|asked| asked.until != last)
    }

    pub(super) fn ask_end(
        &mut self,
        request: RequestId,
        last: Moment,
        ear: &Ear,
        window: Duration,
        now: Instant,
    ) -> Range<u64> {
        self.end_asked = Some(EndAsked {
            request,
            until: last,
            at: now,
        });
        ear.heard()
            .saturating_sub(samples(window))
            .max(self.segment.min(ear.heard()))..ear.heard()
    }

    /// Closes the current segment at a pause once it is long, so that the text before the
    /// pause is not transcribed again.
    pub(super) fn settle_if_long(&mut self, heard: u64, long: Duration) {
        if heard.saturating_sub(self.segment) < samples(long) {
            return;
        }
        if let Some(piece) = self.current.take() {
            self.segment = piece.until.sample;
            self.settled.push((RequestId(0), Some(piece.text)));
        }
    }

    /// Cuts the current segment without a pause: it grew too long for one transcription.
    pub(super) fn cut(&mut self, request: RequestId, heard: u64) -> Range<u64> {
        let range = self.segment..heard;
        self.segment = heard;
        self.current = None;
        self.asked = None;
        self.settled.push((request, None));
        range
    }

    pub(super) fn segment_length(&self, heard: u64) -> u64 {
        heard.saturating_sub(self.segment)
    }

    /// Takes a transcript; true if it belonged here.
    pub(super) fn transcript(&mut self, request: RequestId, text: &str, now: Instant) -> bool {
        if let Some(asked) = self.asked.filter(|asked| asked.request == request) {
            self.asked = None;
            self.current = Some(Piece {
                until: asked.until,
                text: text.trim().to_owned(),
                came: now,
            });
            return true;
        }
        for (id, slot) in &mut self.settled {
            if *id == request && slot.is_none() {
                *slot = Some(text.trim().to_owned());
                return true;
            }
        }
        false
    }

    pub(super) fn end_of_turn(&mut self, request: RequestId, probability: Option<f32>) {
        if let Some(asked) = self.end_asked.filter(|asked| asked.request == request) {
            self.end_answer = Some((asked.until, probability));
        }
    }

    /// The whole text, if all of it up to this moment is there, and when its last part came.
    pub(super) fn text(&self, last: Moment) -> Option<(String, Instant)> {
        let piece = self.current.as_ref().filter(|piece| piece.until == last)?;
        let mut whole = String::new();
        for (_, part) in &self.settled {
            push(&mut whole, part.as_deref()?);
        }
        push(&mut whole, &piece.text);
        Some((whole, piece.came))
    }

    pub(super) fn end_view(&self, last: Moment, config: &TurnConfig, now: Instant) -> EndView {
        if !config.end_of_turn.enabled {
            return EndView::Known(None);
        }
        if let Some((_, answer)) = self.end_answer.filter(|(until, _)| *until == last) {
            return EndView::Known(answer);
        }
        match self.end_asked.filter(|asked| asked.until == last) {
            None => EndView::Pending(None),
            Some(asked) => {
                let given_up = asked.at + config.end_of_turn.prediction_timeout;
                if now >= given_up {
                    EndView::Known(None)
                } else {
                    EndView::Pending(Some(given_up))
                }
            }
        }
    }
}

fn push(whole: &mut String, part: &str) {
    if part.is_empty() {
        return;
    }
    if !whole.is_empty() {
        whole.push(' ');
    }
    whole.push_str(part);
}

/// Words of a text without case and punctuation.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\''))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Whether two texts hold the same words, case and punctuation aside.
pub fn same_words(left: &str, right: &str) -> bool {
    words(left).eq(words(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_agree_by_their_words() {
        assert!(same_words("Where's my parcel?", "where's my parcel"));
        assert!(!same_words("where is my parcel", "where is my partial"));
    }

    #[test]
    fn a_reopened_turn_is_heard_again_from_its_beginning() {
        let now = Instant::now();
        let moment = |sample| Moment { at: now, sample };
        let mut turn = OpenTurn::new(now, 500);
        let (first, second) = (RequestId(1), RequestId(2));
        turn.ask(first, moment(9_000), 10_000);
        assert!(turn.transcript(first, "to the light", now));
        let mut turn = turn.reopened();
        assert!(turn.text(moment(30_000)).is_none(), "there is more to hear");
        assert_eq!(turn.ask(second, moment(30_000), 31_000), 500..31_000);
        assert!(turn.transcript(second, "hello is anybody there", now));
        assert_eq!(
            turn.text(moment(30_000)).unwrap().0,
            "hello is anybody there"
        );
    }

    #[test]
    fn parts_of_a_turn_join_in_order() {
        let now = Instant::now();
        let mut turn = OpenTurn::new(now, 0);
        let first = RequestId(4);
        assert_eq!(turn.cut(first, 16_000), 0..16_000);
        let last = Moment {
            at: now,
            sample: 20_000,
        };
        let second = RequestId(5);
        assert_eq!(turn.ask(second, last, 21_000), 16_000..21_000);
        assert!(turn.transcript(second, " my friend ", now));
        assert!(turn.text(last).is_none(), "the middle is still under way");
        assert!(turn.transcript(first, "there", now));
        assert_eq!(turn.text(last).unwrap().0, "there my friend");
    }
}
