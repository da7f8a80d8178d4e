//! A provider that listens while the caller speaks: it hears every frame, is flushed when the turn
//! machine wants words, and what it was sure of is looked up by the time at which it was said.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use trunkline_base::secret::Personal;

use crate::provider::{
    Failure, ListenOptions, ProviderError, SPEECH_RATE, Stt, SttEvent, SttStream, Transcript, Used,
};
use crate::turn::RequestId;

/// Words are kept for as long as anybody may ask for them.
const KEPT: u64 = 60 * SPEECH_RATE as u64;

/// A provider that failed altogether is asked again after this long; doubled each time.
const AGAIN: Duration = Duration::from_millis(500);

/// The longest wait before that.
const AGAIN_LONGEST: Duration = Duration::from_secs(10);

/// Listens for one conversation.
pub(super) struct Listener {
    stt: Arc<dyn Stt>,
    stream: Option<SttStream>,
    /// Samples heard since the conversation began, and where the stream began.
    heard: u64,
    base: u64,
    /// Up to where each flush that is not answered yet was meant.
    flushes: VecDeque<u64>,
    /// Up to where everything has been told.
    told: u64,
    finals: VecDeque<Final>,
    wanted: Vec<Question>,
    /// When to begin anew, and how long to wait the next time.
    again: (Instant, Duration),
}

/// Words the provider is sure of, and where they were said.
#[derive(Debug)]
struct Final {
    words: Vec<(u64, Personal<String>, f32)>,
    text: Personal<String>,
    sure: f32,
    language: Option<String>,
    range: Range<u64>,
}

/// What the turn machine wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) request: RequestId,
    pub(super) audio: Range<u64>,
    pub(super) asked: Instant,
}

/// What came of listening.
#[derive(Debug)]
pub(super) enum Told {
    /// All that is needed to answer these.
    Answers(Vec<(Question, Transcript)>),
    /// These will not be answered.
    Failed(Vec<Question>, ProviderError),
    /// A provider is to be paid for this.
    Used(Used),
    /// Nothing to see to.
    Nothing,
}

impl Listener {
    pub(super) fn new(stt: Arc<dyn Stt>) -> Self {
        Self {
            stt,
            stream: None,
            heard: 0,
            base: 0,
            flushes: VecDeque::new(),
            told: 0,
            finals: VecDeque::new(),
            wanted: Vec::new(),
            again: (Instant::now(), AGAIN),
        }
    }

    /// The next frame of the caller.
    pub(super) fn hear(&mut self, samples: &[i16]) {
        if self.stream.is_none() && Instant::now() >= self.again.0 {
            self.stream = Some(self.stt.listen(ListenOptions::default()));
            self.base = self.heard;
            self.told = self.told.max(self.heard);
        }
        self.heard += samples.len() as u64;
        if let Some(stream) = &self.stream
            && stream.hear(samples.into()).is_err()
        {
            // It is stuck; its next event, or the question's deadline, says so.
            tracing::debug!("a provider that listens takes no sound");
        }
    }

    /// Words of this range are wanted, as soon as the provider is sure of them. The same range again,
    /// now longer, voids the earlier question.
    pub(super) fn ask(&mut self, request: RequestId, audio: Range<u64>) -> Told {
        self.wanted
            .retain(|question| question.audio.start != audio.start);
        let question = Question {
            request,
            audio,
            asked: Instant::now(),
        };
        if question.audio.end <= self.told {
            let answer = self.words(&question.audio);
            return Told::Answers(vec![(question, answer)]);
        }
        let flushed = self.stream.as_ref().map(|stream| stream.flush().is_ok());
        if flushed != Some(true) {
            let error = Failure::Stalled.of(self.stt.name());
            return Told::Failed(vec![question], error);
        }
        self.flushes.push_back(self.heard);
        self.wanted.push(question);
        Told::Nothing
    }

    /// Gives up what was asked too long ago.
    pub(super) fn give_up(&mut self, limit: Duration) -> Vec<Question> {
        let now = Instant::now();
        let (late, waiting) = std::mem::take(&mut self.wanted)
            .into_iter()
            .partition(|question| question.asked + limit <= now);
        self.wanted = waiting;
        late
    }

    /// When the oldest question is given up.
    pub(super) fn due(&self, limit: Duration) -> Option<Instant> {
        let asked = self.wanted.iter().map(|question| question.asked);
        asked.min().map(|asked| asked + limit)
    }

    /// What the provider says next; never, while none listens.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn next(&mut self) -> Option<Result<SttEvent, ProviderError>> {
        match &mut self.stream {
            Some(stream) => stream.next().await,
            None => std::future::pending().await,
        }
    }

    /// Takes what it said.
    pub(super) fn take(&mut self, event: Option<Result<SttEvent, ProviderError>>) -> Told {
        let name = self.stt.name();
        let event = event.unwrap_or_else(|| Err(Failure::Cut.of(name)));
        match event {
            Ok(SttEvent::Interim(_)) => Told::Nothing,
            Ok(SttEvent::Final(words)) => {
                self.again.1 = AGAIN;
                self.keep(words);
                Told::Nothing
            }
            Ok(SttEvent::Flushed) => {
                self.again.1 = AGAIN;
                if let Some(until) = self.flushes.pop_front() {
                    self.told = self.told.max(until);
                }
                self.answers()
            }
            Ok(SttEvent::Used(used)) => Told::Used(used),
            Err(error) => {
                self.stream = None;
                self.flushes.clear();
                let wait = self.again.1;
                self.again = (Instant::now() + wait, (wait * 2).min(AGAIN_LONGEST));
                Told::Failed(std::mem::take(&mut self.wanted), error)
            }
        }
    }

    fn answers(&mut self) -> Told {
        let told = self.told;
        let (known, waiting): (Vec<Question>, Vec<Question>) = std::mem::take(&mut self.wanted)
            .into_iter()
            .partition(|question| question.audio.end <= told);
        self.wanted = waiting;
        let answers = known.into_iter().map(|question| {
            let words = self.words(&question.audio);
            (question, words)
        });
        Told::Answers(answers.collect())
    }

    fn keep(&mut self, transcript: Transcript) {
        let base = self.base;
        let at = |time: Duration| base + samples_in(time);
        let words: Vec<_> = transcript
            .words
            .iter()
            .map(|word| {
                let middle = u64::midpoint(at(word.at.start), at(word.at.end));
                (middle, word.text.clone(), word.sure)
            })
            .collect();
        // Who does not know when it was said said it since everything was told before.
        let until = self.flushes.front().copied().unwrap_or(self.heard);
        let range = match (transcript.words.first(), transcript.words.last()) {
            (Some(first), Some(last)) => at(first.at.start)..at(last.at.end),
            _ => self.told..until,
        };
        self.finals.push_back(Final {
            words,
            text: transcript.text,
            sure: transcript.sure,
            language: transcript.language,
            range,
        });
        let oldest = self.heard.saturating_sub(KEPT);
        while self
            .finals
            .front()
            .is_some_and(|first| first.range.end < oldest)
        {
            self.finals.pop_front();
        }
    }

    /// What was said in a range.
    fn words(&self, audio: &Range<u64>) -> Transcript {
        let mut answer = Transcript {
            sure: 1.0,
            ..Transcript::default()
        };
        for said in &self.finals {
            if let Some(part) = said.within(audio) {
                answer.append(part);
            }
        }
        answer
    }
}

impl Final {
    /// Its part of a range. A word belongs to where its middle is; words of unknown places go
    /// together to where the middle of them all is.
    fn within(&self, audio: &Range<u64>) -> Option<Transcript> {
        let whole = |text: Personal<String>, sure: f32| Transcript {
            text,
            sure,
            language: self.language.clone(),
            ..Transcript::default()
        };
        if self.words.is_empty() {
            let middle = u64::midpoint(self.range.start, self.range.end);
            let inside = audio.contains(&middle)
                || audio.start < self.range.end && self.range.end <= audio.end;
            return inside.then(|| whole(self.text.clone(), self.sure));
        }
        let mut inside = self.words.iter().filter(|(at, _, _)| audio.contains(at));
        if self.words.iter().all(|(at, _, _)| audio.contains(at)) {
            return Some(whole(self.text.clone(), self.sure));
        }
        let (_, first, sure) = inside.next()?;
        let (mut text, mut sure) = (first.expose().clone(), *sure);
        for (_, word, how_sure) in inside {
            text.push(' ');
            text.push_str(word.expose());
            sure = sure.min(*how_sure);
        }
        Some(whole(text.into(), sure))
    }
}

fn samples_in(time: Duration) -> u64 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    micros.saturating_mul(u64::from(SPEECH_RATE)) / 1_000_000
}
