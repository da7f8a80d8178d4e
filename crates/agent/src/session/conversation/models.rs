//! Questions to the listening models, as child tasks that report back.

use std::ops::Range;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::timeout;
use trunkline_service::metrics::{Timing, observe};

use super::Conversation;
use super::listening::Report;
use crate::session::hearing::samples_ago;
use crate::session::make::Urgent;
use crate::speech::{SpeechError, Transcript};
use crate::turn::{Input, RequestId, Words};

/// A transcription slower than this has failed as far as the caller is concerned.
const STT_LIMIT: Duration = Duration::from_secs(10);

impl Conversation {
    pub(super) fn transcribe(&mut self, request: RequestId, audio: Range<u64>) {
        let cancel = self.listening.transcribing(audio.start);
        let samples = self.hearing.cut(&audio);
        let stt = std::sync::Arc::clone(self.shared.speech.stt());
        let urgent = Urgent::new(&self.shared);
        self.work.spawn(async move {
            let _urgent = urgent;
            let asked = tokio::time::Instant::now();
            match timeout(STT_LIMIT, stt.transcribe(samples, cancel)).await {
                Ok(Ok(transcript)) => Report::Transcript {
                    request,
                    audio,
                    transcript,
                    took: asked.elapsed(),
                },
                Ok(Err(SpeechError::Cancelled)) => Report::TranscriptStale,
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
    }

    pub(super) fn predict_end(&mut self, request: RequestId, audio: &Range<u64>) {
        let cancel = self.listening.predicting();
        let samples = self.hearing.cut(audio);
        let eot = std::sync::Arc::clone(self.shared.speech.eot());
        let limit = self.shared.config.turns.end_of_turn.prediction_timeout;
        let urgent = Urgent::new(&self.shared);
        self.work.spawn(async move {
            let _urgent = urgent;
            let answer = timeout(limit, eot.probability(samples, cancel)).await;
            let probability = answer.ok().and_then(Result::ok);
            Report::EndOfTurn {
                request,
                probability,
            }
        });
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
            }) => {
                self.listening.stt_took = Some(took);
                observe(Timing::Transcription, took, &[]);
                let words = self.weigh(transcript, &audio);
                self.input(Input::Transcript { request, words });
            }
            Ok(Report::TranscriptFailed { request }) => {
                self.input(Input::TranscriptFailed { request });
                self.obey();
                self.fault("stt");
            }
            Ok(Report::TranscriptStale) => {}
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
            Err(error) => {
                tracing::error!(%error, "a question to a model panicked");
                self.fault("stt");
            }
        }
    }
}
