//! The agent's voice: from pieces of answers to paced frames, and what follows an answer's end.

use tokio::sync::watch;
use tokio::time::Instant;
use trunkline_base::secret::Personal;
use trunkline_service::metrics::{Counter, count};

use super::Conversation;
use crate::brain::{Line, Progress, Spoken};
use crate::session::make::{Gate, Made, Maker, Material, Urgent};
use crate::session::reply::{Heed, Reply};
use crate::session::stage::{Note, Piece};
use crate::session::{CloseReason, VOICE_FRAME};
use crate::turn::{Input, ReplyId, Stage};

/// Frames between two looks at how far the transcript has come.
const TRANSCRIPT_STEP: u64 = 10 * VOICE_FRAME as u64;

impl Conversation {
    pub(super) fn greet(&mut self) {
        let Some(line) = self.first_words() else {
            return;
        };
        let reply = self.machine.new_reply();
        self.begin(reply, Material::Text(line.text), Gate::Voice);
        self.input(Input::Say {
            reply,
            interruptible: line.interruptible,
        });
        self.input(Input::ExpectDigits(self.brain.digits()));
    }

    /// The greeting. Who calls by telephone learns first that the call is recorded, where it is,
    /// and cannot talk over that.
    fn first_words(&self) -> Option<Line> {
        let greeting = self.brain.greeting();
        let announcement = self.shared.config.announcement.as_ref();
        let Some(announcement) = announcement.filter(|_| self.facts.call.is_some()) else {
            return greeting;
        };
        let text = match greeting {
            Some(greeting) => format!("{announcement} {}", greeting.text),
            None => announcement.clone(),
        };
        Some(Line {
            text,
            interruptible: false,
        })
    }

    /// Begins to make an answer.
    pub(super) fn begin(&mut self, reply: ReplyId, material: Material, gate: Gate) {
        let (sender, receiver) = watch::channel(gate);
        let maker = Maker {
            reply,
            speech: self.shared.speech.clone(),
            first_sound: self.shared.config.speaking_limit(),
            cache: std::sync::Arc::clone(&self.shared.cache),
            lane: self.made.0.clone(),
            gate: receiver,
            _urgent: Urgent::new(&self.shared),
        };
        self.replies
            .insert(reply, Reply::begin(reply, sender, maker, material));
    }

    /// A piece of an answer came; pieces of answers that are over find nobody here.
    pub(super) fn on_made(&mut self, id: ReplyId, made: Made) {
        let Some(reply) = self.replies.get_mut(&id) else {
            return;
        };
        match reply.take(made) {
            Some(Heed::Used(used)) => self.pay(used),
            Some(Heed::Memory) => self.remember(id),
            Some(Heed::Pinned) => {
                self.remember(id);
                self.input(Input::Pinned { reply: id });
            }
            Some(Heed::Whole) => self.finish_if_over(id),
            None => {}
        }
    }

    /// Every 20 ms: a frame of the answer that has the loudspeaker, or silence.
    pub(super) fn on_frame_due(&mut self) {
        let mut frame = [0; VOICE_FRAME];
        let sounding = self.mouth.sounding();
        let reply = sounding
            .and_then(|id| self.replies.get_mut(&id))
            .filter(|reply| reply.has_frame());
        let played = reply.map(|reply| {
            let first = !reply.started;
            reply.started = true;
            reply.frame(&mut frame);
            (reply.id, first)
        });
        if !self.stage.play(&frame) {
            self.ending.get_or_insert(CloseReason::JobShutdown);
        }
        self.echo.played(&frame);
        self.mouth.sent();
        if let Some((id, first)) = played {
            self.on_played(id, first);
        }
    }

    fn on_played(&mut self, id: ReplyId, first: bool) {
        if first {
            if let Some(reply) = self.replies.get_mut(&id) {
                reply.times.started = Some(Instant::now());
            }
            self.remember(id);
            self.input(Input::Playout {
                reply: id,
                stage: Stage::Started,
            });
            self.note_started(id);
        }
        let boundary = self.shared.config.turns.interruption.backchannel_boundary;
        let Some(reply) = self.replies.get_mut(&id) else {
            return;
        };
        if !reply.ending && reply.can_be_answered(boundary) {
            reply.ending = true;
            self.input(Input::Playout {
                reply: id,
                stage: Stage::Ending,
            });
        }
        self.tell_agent(id);
        self.finish_if_over(id);
    }

    /// Sees to the end of an answer once all of it was made and played.
    pub(super) fn finish_if_over(&mut self, id: ReplyId) {
        let over = self
            .replies
            .get(&id)
            .is_some_and(|reply| reply.spoken && reply.is_over());
        if !over || self.mouth.reply != Some(id) {
            return;
        }
        self.remember(id);
        let Some(reply) = self.replies.remove(&id) else {
            return;
        };
        self.mouth.release(id);
        let failed = reply.failed.clone();
        self.finish_record(&reply, false);
        let stage = if reply.started {
            Stage::Finished
        } else {
            Stage::Nothing
        };
        self.input(Input::Playout { reply: id, stage });
        for act in reply.acts {
            self.act(act);
        }
        self.mind_the_cost();
        match failed {
            Some(fault) => {
                tracing::warn!(%fault, "an answer failed");
                if self.apology.take() == Some(id) {
                    self.count_fault("tts");
                } else {
                    self.fault(fault.part());
                }
            }
            None if self.apology == Some(id) => self.apology = None,
            None => self.faults = 0,
        }
    }

    /// The brain keeps what an answer left behind.
    pub(super) fn remember(&mut self, id: ReplyId) {
        let Some(reply) = self.replies.get_mut(&id) else {
            return;
        };
        if let Some(memory) = reply.memory.take() {
            let before = self.brain.remember(memory);
            reply.before.get_or_insert(before);
            self.input(Input::ExpectDigits(self.brain.digits()));
        }
    }

    /// The brain is where it was before the answer, which may still be given after all.
    pub(super) fn take_back(&mut self, id: ReplyId) {
        let Some(reply) = self.replies.get_mut(&id) else {
            return;
        };
        reply.withdrawn = true;
        if let Some(before) = reply.before.take() {
            let after = self.brain.remember(before);
            reply.memory.get_or_insert(after);
            self.input(Input::ExpectDigits(self.brain.digits()));
        }
    }

    /// A part of the agent failed: the caller hears an apology, and too many end the call.
    pub(super) fn fault(&mut self, part: &'static str) {
        self.count_fault(part);
        if self.ending.is_some() || self.apology.is_some() {
            return;
        }
        let reply = self.machine.new_reply();
        self.apology = Some(reply);
        let text = self.brain.apology().to_owned();
        self.begin(reply, Material::Text(text), Gate::Voice);
        self.input(Input::Say {
            reply,
            interruptible: true,
        });
    }

    fn count_fault(&mut self, part: &'static str) {
        count(Counter::ProviderErrors, 1, &[("part", part)]);
        self.faults += 1;
        if self.faults >= self.shared.config.max_unrecoverable_errors {
            tracing::error!(
                part,
                faults = self.faults,
                "too many failures in one conversation"
            );
            self.ending.get_or_insert(CloseReason::Error);
        }
    }

    /// What the agent has said so far goes to the room clause by clause.
    fn tell_agent(&mut self, id: ReplyId) {
        let Some(reply) = self.replies.get(&id) else {
            return;
        };
        if reply.played % TRANSCRIPT_STEP != 0 && reply.played > VOICE_FRAME as u64 {
            return;
        }
        self.lately.said(id, &reply.said());
        let text = reply.script.begun(reply.played);
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        if record.told == text.len() {
            return;
        }
        record.told = text.len();
        let segment = record.segment.clone();
        let text = Personal::new(text);
        self.stage.tell(Note::Transcript(Piece {
            segment,
            text,
            last: false,
            by_caller: false,
        }));
    }

    pub(super) fn tell_brain(&mut self, text: &str, progress: Progress) {
        self.brain.spoke(&Spoken {
            text: text.to_owned(),
            progress,
        });
    }

    /// Tells the brain how much of the answer in the mouth was heard by now.
    pub(super) fn tell_progress(&mut self) {
        let reply = self.mouth.reply.and_then(|id| self.replies.get(&id));
        if let Some(said) = reply
            .filter(|reply| reply.started && !reply.withdrawn)
            .map(Reply::said)
        {
            self.tell_brain(&said, Progress::Going);
        }
    }
}
