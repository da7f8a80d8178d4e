//! Doing what the machine says.

use tokio::time::Instant;
use trunkline_base::id::guid;
use trunkline_base::secret::Personal;
use trunkline_service::metrics::{Counter, count};

use super::Conversation;
use crate::brain::Question;
use crate::session::make::{Gate, Material};
use crate::session::stage::{Note, Piece};
use crate::turn::{Action, Commit, Heard, Input, ReplyId};

impl Conversation {
    /// Does everything the machine wants done by now.
    pub(super) fn obey(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Transcribe { request, audio } => self.transcribe(request, audio),
                Action::PredictEnd { request, audio } => self.predict_end(request, &audio),
                Action::Prepare { reply, to } => self.prepare(reply, to),
                Action::Commit(commit) => self.commit(commit),
                Action::Speak { reply } => self.speak(reply),
                Action::Abandon { reply } => self.abandon(reply),
                Action::Reopen { reply } => self.reopen(reply),
                Action::Pause { reply, since } => self.pause(reply, since),
                Action::Resume { reply } => self.resume(reply),
                Action::Interrupt { reply } => self.interrupt(reply),
                Action::Interim(text) => self.tell_caller(text, false),
                Action::UserState(state) => {
                    tracing::debug!(state = state.as_str(), "user state changed");
                }
                Action::AgentState(state) => self.stage.tell(Note::State(state)),
                Action::Away { times } => self.away(times),
            }
        }
    }

    fn prepare(&mut self, reply: ReplyId, to: Heard) {
        let thought = self.ask_brain(&Question::Heard(to));
        let verdict = thought.verdict;
        let early = self.shared.config.turns.preemptive.preemptive_tts;
        let gate = if early { Gate::Voice } else { Gate::Think };
        self.begin(reply, Material::Thought(thought), gate);
        self.input(Input::Understood { reply, verdict });
    }

    fn commit(&mut self, commit: Commit) {
        count(Counter::Turns, 1, &[]);
        self.open_record(&commit);
        if let Heard::Speech(text) = &commit.heard {
            self.tell_caller(text.clone(), true);
            self.caller_segment = guid("SG_", &mut self.rng);
        }
    }

    fn speak(&mut self, reply: ReplyId) {
        self.mouth.reply = Some(reply);
        self.mouth.paused = false;
        self.open_own_record(reply);
        if let Some(answer) = self.replies.get_mut(&reply) {
            answer.speak();
        }
        self.finish_if_over(reply);
    }

    fn abandon(&mut self, reply: ReplyId) {
        self.replies.remove(&reply);
        self.mouth.release(reply);
    }

    /// The turn goes on. What the room was told of it is replaced by the whole.
    fn reopen(&mut self, reply: ReplyId) {
        tracing::debug!("the caller was not finished");
        if let Some(record) = self.records.get(&reply) {
            self.caller_segment.clone_from(&record.caller_segment);
        }
        if self.replies.contains_key(&reply) {
            self.take_back(reply);
        } else {
            self.unfinished = self.records.remove(&reply);
        }
    }

    fn pause(&mut self, reply: ReplyId, since: Option<std::time::Instant>) {
        if self.mouth.reply == Some(reply) {
            self.mouth.paused = true;
            self.barge_in =
                since.map(|since| Instant::now().into_std().saturating_duration_since(since));
        }
    }

    fn resume(&mut self, reply: ReplyId) {
        if self.barge_in.take().is_some() {
            count(Counter::Interruptions, 1, &[("kind", "false")]);
            tracing::debug!(resumed = true, "agent_false_interruption");
        }
        if self.mouth.reply == Some(reply) {
            self.mouth.paused = false;
        }
        if let Some(reply) = self.replies.get_mut(&reply).filter(|reply| reply.withdrawn) {
            reply.withdrawn = false;
            let id = reply.id;
            self.remember(id);
            self.caller_segment = guid("SG_", &mut self.rng);
        }
    }

    fn interrupt(&mut self, reply: ReplyId) {
        count(Counter::Interruptions, 1, &[("kind", "real")]);
        self.mouth.release(reply);
        let Some(answer) = self.replies.remove(&reply) else {
            return;
        };
        if answer.withdrawn {
            self.withdraw(&answer);
        } else {
            self.finish_record(&answer, true);
        }
    }

    fn away(&mut self, times: u32) {
        // Whoever is being put through waits for somebody else.
        if self.transferring {
            return;
        }
        let thought = self.ask_brain(&Question::Silence(times));
        let reply = self.machine.new_reply();
        self.begin(reply, Material::Thought(thought), Gate::Think);
        self.input(Input::Say {
            reply,
            interruptible: true,
        });
    }

    fn tell_caller(&mut self, text: Personal<String>, last: bool) {
        let segment = self.caller_segment.clone();
        self.stage.tell(Note::Transcript(Piece {
            segment,
            text,
            last,
            by_caller: true,
        }));
    }
}
