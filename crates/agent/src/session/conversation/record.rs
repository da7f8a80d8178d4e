//! What is written down of each turn: words, and where the time went.

use std::time::Duration;

use tokio::time::Instant;
use trunkline_base::id::{TurnId, guid};
use trunkline_base::secret::Personal;
use trunkline_base::time::UnixTime;
use trunkline_service::metrics::{Timing, observe};
use trunkline_store::{Turn, TurnLatency};

use super::Conversation;
use crate::brain::Progress;
use crate::session::reply::Reply;
use crate::session::stage::{Note, Piece};
use crate::turn::{Commit, Heard, ReplyId};

/// A turn that is being spoken.
#[derive(Debug)]
pub(super) struct Record {
    turn: TurnId,
    at: UnixTime,
    heard: Personal<String>,
    last_speech: Option<Instant>,
    latency: TurnLatency,
    /// The segment of the caller's transcript.
    pub(super) caller_segment: String,
    /// The segment of the agent's transcript.
    pub(super) segment: String,
    /// Bytes of it already told to the room.
    pub(super) told: usize,
}

fn now() -> UnixTime {
    UnixTime::from_system(std::time::SystemTime::now())
}

fn millis(time: Duration) -> Option<f64> {
    Some((time.as_secs_f64() * 10_000.0).round() / 10.0)
}

impl Conversation {
    fn record(&mut self, heard: Personal<String>) -> Record {
        Record {
            turn: TurnId::generate(&mut self.rng),
            at: now(),
            heard,
            last_speech: None,
            latency: TurnLatency::default(),
            caller_segment: self.caller_segment.clone(),
            segment: guid("SG_", &mut self.rng),
            told: 0,
        }
    }

    /// A caller's turn begins a record that its answer completes.
    pub(super) fn open_record(&mut self, commit: &Commit) {
        let heard = match &commit.heard {
            Heard::Speech(text) | Heard::Digits(text) => text.clone(),
        };
        let mut record = self.record(heard);
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
        let turn = self.turn(&record, String::new(), false);
        self.journal.write(turn);
        self.records.insert(commit.reply, record);
    }

    /// Something the agent says of its own accord has a record too.
    pub(super) fn open_own_record(&mut self, reply: ReplyId) {
        if !self.records.contains_key(&reply) {
            let record = self.record(Personal::default());
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
        let turn = self.turn(&record, said, interrupted);
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

    fn turn(&self, record: &Record, said: String, interrupted: bool) -> Turn {
        Turn {
            turn_id: record.turn.clone(),
            room: self.facts.room.clone(),
            call_id: self.facts.call.clone(),
            at: record.at,
            heard: record.heard.clone(),
            said: Personal::new(said),
            interrupted,
            latency: record.latency,
        }
    }
}
