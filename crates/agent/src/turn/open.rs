//! The caller's turn while it is open: what was asked about it, and what came back.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::config::TurnConfig;
use super::ear::{Ear, Moment, samples};
use super::event::{ReplyId, RequestId, Verdict, Words};

/// A turn of the caller that has not been answered.
#[derive(Debug)]
pub(super) struct OpenTurn {
    pub(super) started: Instant,
    /// First sample of the part that is still transcribed again and again.
    segment: u64,
    /// Segments that are closed, in order; `None` while their transcription is under way.
    closed: Vec<(RequestId, Option<String>)>,
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
    /// What the agent was saying when it began.
    pub(super) over: Option<ReplyId>,
    /// How loud it was at the loudest, in decibels below full scale.
    pub(super) peak: f32,
    /// When it was last asked for words in the middle of a sound.
    pub(super) judged: Option<Instant>,
    /// So far it is no wish to speak: the agent goes on meanwhile.
    pub(super) dismissed: bool,
    /// The agent was called, however softly.
    pub(super) called: bool,
}

/// All that was understood of a turn.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) text: String,
    /// When its last part came.
    pub(super) came: Instant,
    /// How sure the recogniser is, and how much of it is the agent's own voice; parts that were
    /// closed before are not doubted.
    pub(super) sure: f32,
    pub(super) own: f32,
}

/// A transcript of the current segment up to a moment of speech.
#[derive(Clone, Debug)]
struct Piece {
    until: Moment,
    text: String,
    came: Instant,
    sure: f32,
    own: f32,
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
            closed: Vec::new(),
            current: None,
            asked: None,
            end_asked: None,
            end_answer: None,
            prepared: None,
            attempts: 0,
            forced: None,
            answered: None,
            over: None,
            peak: f32::MIN,
            judged: None,
            dismissed: false,
            called: false,
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
            over: None,
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

    /// Whether a transcription is under way.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
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
    pub(super) fn close_segment_if_long(&mut self, heard: u64, long: Duration) {
        if heard.saturating_sub(self.segment) < samples(long) {
            return;
        }
        if let Some(piece) = self.current.take() {
            self.segment = piece.until.sample;
            self.closed.push((RequestId(0), Some(piece.text)));
        }
    }

    /// Cuts the current segment without a pause: it grew too long for one transcription.
    pub(super) fn cut(&mut self, request: RequestId, heard: u64) -> Range<u64> {
        let range = self.segment..heard;
        self.segment = heard;
        self.current = None;
        self.asked = None;
        self.closed.push((request, None));
        range
    }

    pub(super) fn segment_length(&self, heard: u64) -> u64 {
        heard.saturating_sub(self.segment)
    }

    /// Takes a transcript; true if it belonged here.
    pub(super) fn transcript(&mut self, request: RequestId, words: &Words, now: Instant) -> bool {
        let text = words.text.expose().trim();
        if let Some(asked) = self.asked.filter(|asked| asked.request == request) {
            self.asked = None;
            self.current = Some(Piece {
                until: asked.until,
                text: text.to_owned(),
                came: now,
                sure: words.sure,
                own: words.own,
            });
            return true;
        }
        for (id, slot) in &mut self.closed {
            if *id == request && slot.is_none() {
                *slot = Some(text.to_owned());
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

    /// The whole, if all of it up to this moment is there.
    pub(super) fn text(&self, last: Moment) -> Option<Whole> {
        self.so_far().filter(|_| {
            self.current
                .as_ref()
                .is_some_and(|piece| piece.until == last)
        })
    }

    /// What was understood, though more was said since.
    pub(super) fn so_far(&self) -> Option<Whole> {
        let piece = self.current.as_ref()?;
        let mut text = String::new();
        for (_, part) in &self.closed {
            push(&mut text, part.as_deref()?);
        }
        push(&mut text, &piece.text);
        let in_parts = !self.closed.is_empty();
        Some(Whole {
            text,
            came: piece.came,
            sure: if in_parts { 1.0 } else { piece.sure },
            own: if in_parts { 0.0 } else { piece.own },
        })
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
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
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
    use trunkline_base::secret::Personal;

    use super::*;

    fn words_of(text: &str) -> Words {
        Words {
            text: Personal::new(text.to_owned()),
            sure: 1.0,
            own: 0.0,
        }
    }

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
        assert!(turn.transcript(first, &words_of("to the light"), now));
        let mut turn = turn.reopened();
        assert!(turn.text(moment(30_000)).is_none(), "there is more to hear");
        assert_eq!(turn.ask(second, moment(30_000), 31_000), 500..31_000);
        assert!(turn.transcript(second, &words_of("hello is anybody there"), now));
        assert_eq!(
            turn.text(moment(30_000)).unwrap().text,
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
        assert!(turn.transcript(second, &words_of(" my friend "), now));
        assert!(turn.text(last).is_none(), "the middle is still under way");
        assert!(turn.transcript(first, &words_of("there"), now));
        assert_eq!(turn.text(last).unwrap().text, "there my friend");
    }
}
