//! Questions to the listening models, as child tasks that report back.

use std::ops::Range;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::{Instant, timeout};
use trunkline_service::metrics::{Timing, observe};

use super::Conversation;
use super::listening::Report;
use crate::provider::{ListenOptions, ProviderError, SttEvent, Transcript};
use crate::session::hearing::samples_ago;
use crate::session::listener::{Question, Told};
use crate::session::make::Urgent;
use crate::turn::{Input, RequestId, Words};

impl Conversation {
    /// Words of a range are wanted: from the provider that listens, or from a recogniser of whole
    /// utterances.
    pub(super) fn transcribe(&mut self, request: RequestId, audio: Range<u64>) {
        if let Some(listener) = &mut self.listener {
            let told = listener.ask(request, audio);
            return self.on_told(told);
        }
        let Some(recogniser) = self.shared.speech.stt().recogniser() else {
            return;
        };
        let (start, limit) = (audio.start, self.shared.config.hearing_limit());
        let samples = self.hearing.cut(&audio);
        let urgent = Urgent::new(&self.shared);
        let question = self.work.spawn(async move {
            let _urgent = urgent;
            let asked = Instant::now();
            let options = ListenOptions::default();
            let transcript = recogniser.transcribe(samples, &options);
            match timeout(limit, transcript).await {
                Ok(Ok(transcript)) => Report::Transcript {
                    request,
                    audio,
                    transcript,
                    took: asked.elapsed(),
                },
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the caller was not understood");
                    Report::TranscriptFailed { request }
                }
                Err(_) => {
                    tracing::warn!("the caller was not understood in time");
                    Report::TranscriptFailed { request }
                }
            }
        });
        self.listening.transcribing(start, question);
    }

    /// The provider that listens said something.
    pub(super) fn on_heard(&mut self, event: Option<Result<SttEvent, ProviderError>>) {
        if let Some(listener) = &mut self.listener {
            let told = listener.take(event);
            self.on_told(told);
        }
    }

    fn on_told(&mut self, told: Told) {
        match told {
            Told::Answers(answers) => {
                for (question, transcript) in answers {
                    let took = question.asked.elapsed();
                    self.on_transcript(question.request, &question.audio, transcript, took);
                }
            }
            Told::Failed(questions, error) => {
                tracing::warn!(%error, "nobody listens to the caller");
                self.not_understood(&questions);
            }
            Told::Used(used) => self.pay(used),
            Told::Nothing => {}
        }
    }

    /// By when the provider that listens must have answered.
    pub(super) fn questions_due(&self) -> Option<Instant> {
        self.listener
            .as_ref()?
            .due(self.shared.config.hearing_limit())
    }

    /// Questions that it did not answer in time.
    pub(super) fn give_up_questions(&mut self) {
        let limit = self.shared.config.hearing_limit();
        let late = self
            .listener
            .as_mut()
            .map(|listener| listener.give_up(limit));
        if let Some(late) = late.filter(|late| !late.is_empty()) {
            tracing::warn!("the caller was not understood in time");
            self.not_understood(&late);
        }
    }

    fn not_understood(&mut self, questions: &[Question]) {
        for question in questions {
            self.on_failed(question.request);
        }
    }

    fn on_failed(&mut self, request: RequestId) {
        self.input(Input::TranscriptFailed { request });
        self.obey();
        self.fault("stt");
    }

    fn on_transcript(
        &mut self,
        request: RequestId,
        audio: &Range<u64>,
        mut transcript: Transcript,
        took: Duration,
    ) {
        self.listening.stt_took = Some(took);
        observe(Timing::Transcription, took, &[]);
        if let Some(used) = transcript.used.take() {
            self.pay(used);
        }
        let words = self.weigh(transcript, audio);
        self.input(Input::Transcript { request, words });
    }

    pub(super) fn predict_end(&mut self, request: RequestId, audio: &Range<u64>) {
        let samples = self.hearing.cut(audio);
        let eot = std::sync::Arc::clone(self.shared.speech.eot());
        let limit = self.shared.config.turns.end_of_turn.prediction_timeout;
        let urgent = Urgent::new(&self.shared);
        let question = self.work.spawn(async move {
            let _urgent = urgent;
            let answer = timeout(limit, eot.probability(samples)).await;
            let probability = answer.ok().and_then(Result::ok);
            Report::EndOfTurn {
                request,
                probability,
            }
        });
        self.listening.predicting(question);
    }

    /// What was understood, and how far it is the caller's own.
    fn weigh(&self, transcript: Transcript, audio: &Range<u64>) -> Words {
        let text = transcript.text.expose();
        let since = samples_ago(self.hearing.total().saturating_sub(audio.start));
        let repeats = self.lately.repeats(text, since);
        let own = self.echo.share(audio);
        let sure = transcript.sure;
        tracing::debug!(sure, own, repeats, words = text.split(' ').count(), "heard");
        Words {
            own: if repeats { 1.0 } else { own },
            sure,
            text: transcript.text,
        }
    }

    pub(super) fn on_report(&mut self, report: Result<Report, JoinError>) {
        match report {
            Ok(Report::Transcript {
                request,
                audio,
                transcript,
                took,
            }) => self.on_transcript(request, &audio, transcript, took),
            Ok(Report::TranscriptFailed { request }) => self.on_failed(request),
            Ok(Report::EndOfTurn {
                request,
                probability,
            }) => {
                tracing::debug!(probability, "end of turn");
                self.input(Input::EndOfTurn {
                    request,
                    probability,
                });
            }
            Ok(Report::Act { act, end }) => self.on_act(act, end),
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                tracing::error!(%error, "a question to a model panicked");
                self.fault("stt");
            }
        }
    }
}
