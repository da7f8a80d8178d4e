//! When a turn is written down: its words, and where the time went.

use std::time::Duration;

use tokio::time::Instant;
use trunkline_base::secret::Personal;
use trunkline_service::metrics::{Timing, observe};

use super::Conversation;
use super::record::Record;
use crate::brain::Progress;
use crate::session::reply::Reply;
use crate::session::stage::{Note, Piece};
use crate::turn::{Commit, Heard, ReplyId};

fn millis(time: Duration) -> Option<f64> {
    Some((time.as_secs_f64() * 10_000.0).round() / 10.0)
}

impl Conversation {
    fn new_record(&mut self, heard: Personal<String>) -> Record {
        Record::new(heard, self.caller_segment.clone(), &mut self.rng)
    }

    /// A caller's turn begins a record that its answer completes.
    pub(super) fn open_record(&mut self, commit: &Commit) {
        let heard = match &commit.heard {
            Heard::Speech(text) | Heard::Digits(text) => text.clone(),
        };
        let mut record = self.new_record(heard);
        // A turn that went on stays one turn; keys are another.
        let unfinished = self.unfinished.take();
        if let (Some(earlier), Heard::Speech(_)) = (unfinished, &commit.heard) {
            record.turn = earlier.turn;
            record.at = earlier.at;
        }
        let last = commit.last_speech;
        let end_of_turn_delay = commit.committed.saturating_duration_since(last);
        record.last_speech = Some(Instant::from_std(last));
        record.latency.turn_ms = millis(end_of_turn_delay);
        record.latency.stt_ms = commit
            .transcribed
            .and_then(|_| self.listening.stt_took.take())
            .and_then(millis);
        record.latency.barge_in_ms = self.barge_in.take().and_then(millis);
        let transcription_delay = commit
            .transcribed
            .map(|at| at.saturating_duration_since(last).as_secs_f64());
        tracing::info!(
            turn = %record.turn,
            transcription_delay,
            end_of_turn_delay = end_of_turn_delay.as_secs_f64(),
            prepared = commit.prepared,
            "user turn completed"
        );
        let turn = record.turn(&self.facts, String::new(), false);
        self.journal.write(turn);
        self.records.insert(commit.reply, record);
    }

    /// Something the agent says of its own accord has a record too.
    pub(super) fn open_own_record(&mut self, reply: ReplyId) {
        if !self.records.contains_key(&reply) {
            let record = self.new_record(Personal::default());
            self.records.insert(reply, record);
        }
    }

    /// The first sound was sent: the caller's wait is over.
    pub(super) fn note_started(&mut self, id: ReplyId) {
        let (Some(record), Some(reply)) = (self.records.get_mut(&id), self.replies.get(&id)) else {
            return;
        };
        let times = reply.times;
        let between = |from: Option<Instant>, to: Option<Instant>| {
            from.zip(to)
                .map(|(from, to)| to.saturating_duration_since(from))
        };
        let llm = between(Some(times.asked), times.first_words);
        let tts = between(times.first_sentence, times.first_sound);
        let gap = between(record.last_speech, times.started);
        record.latency.llm_ms = llm.and_then(millis);
        record.latency.tts_ms = tts.and_then(millis);
        record.latency.voice_to_voice_ms = gap.and_then(millis);
        for (timing, took) in [
            (Timing::BrainFirst, llm),
            (Timing::SpeechFirst, tts),
            (Timing::TurnGap, gap),
        ] {
            if let Some(took) = took {
                observe(timing, took, &[]);
            }
        }
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        tracing::info!(
            turn = %record.turn,
            llm_node_ttft = seconds(llm),
            tts_node_ttfb = seconds(tts),
            e2e_latency = seconds(gap),
            "agent turn started"
        );
    }

    /// The answer is over: what was heard of it is what was said.
    pub(super) fn finish_record(&mut self, reply: &Reply, interrupted: bool) {
        let Some(record) = self.records.remove(&reply.id) else {
            return;
        };
        let said = if interrupted {
            reply.said()
        } else {
            reply.script.text()
        };
        let progress = if interrupted {
            Progress::Cut
        } else {
            Progress::Whole
        };
        self.tell_brain(&said, progress);
        let piece = Piece {
            segment: record.segment.clone(),
            text: Personal::new(said.clone()),
            last: true,
            by_caller: false,
        };
        if !said.is_empty() {
            self.stage.tell(Note::Transcript(piece));
        }
        if said.is_empty() && record.heard.expose().is_empty() {
            return;
        }
        let turn = record.turn(&self.facts, said, interrupted);
        self.journal.write(turn);
    }

    /// The answer was taken back before it said anything worth keeping.
    pub(super) fn withdraw(&mut self, reply: &Reply) {
        let Some(record) = self.records.remove(&reply.id) else {
            return;
        };
        if record.told > 0 {
            self.stage.tell(Note::Transcript(Piece {
                segment: record.segment.clone(),
                text: Personal::new(reply.said()),
                last: true,
                by_caller: false,
            }));
        }
        self.unfinished = Some(record);
    }

    /// The conversation is over in the middle of an answer.
    pub(super) fn close_records(&mut self) {
        for (_, reply) in std::mem::take(&mut self.replies) {
            self.finish_record(&reply, true);
        }
    }
}
