//! The questions to the listening models that are under way, what is answered, and what came of other
//! work.

use std::ops::Range;
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::brain::Act;
use crate::provider::Transcript;
use crate::turn::RequestId;

/// What a model said.
#[derive(Debug)]
pub(super) enum Report {
    Transcript {
        request: RequestId,
        audio: Range<u64>,
        transcript: Transcript,
        took: Duration,
    },
    TranscriptFailed {
        request: RequestId,
    },
    EndOfTurn {
        request: RequestId,
        probability: Option<f32>,
    },
    /// What came of an act, or why nothing did.
    Act {
        act: Act,
        end: Result<(), String>,
    },
}

/// The questions under way.
#[derive(Debug, Default)]
pub(super) struct Listening {
    /// Where the latest transcribed segment starts, and the question about it.
    transcribing: Option<(u64, AbortHandle)>,
    predicting: Option<AbortHandle>,
    /// How long the latest transcription took.
    pub(super) stt_took: Option<Duration>,
}

impl Listening {
    /// A segment is transcribed from now on. The same one again, now longer, voids the earlier
    /// question.
    pub(super) fn transcribing(&mut self, start: u64, question: AbortHandle) {
        let earlier = self.transcribing.replace((start, question));
        if let Some((_, earlier)) = earlier.filter(|(earlier, _)| *earlier == start) {
            earlier.abort();
        }
    }

    /// The end of a turn is judged from now on, and what was known before counts no more.
    pub(super) fn predicting(&mut self, question: AbortHandle) {
        if let Some(earlier) = self.predicting.replace(question) {
            earlier.abort();
        }
    }
}
