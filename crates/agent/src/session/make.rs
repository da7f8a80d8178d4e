//! The making of an answer: thought → sentences → sound, in a child task.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::cache::{Clip, VoiceCache};
use super::fault::Fault;
use super::sentences::Sentences;
use super::shared::Shared;
use super::synthesis::{Piece, synthesise};
use crate::brain::{Act, Idea, Memory, Thought};
use crate::provider::Used;
use crate::speech::Speech;
use crate::turn::{ReplyId, Timed};

/// A piece of an answer in the making.
#[derive(Debug)]
pub(super) enum Made {
    /// The brain's first words.
    FirstWords,
    /// A clause whose sound follows.
    Clause(String),
    /// Its sound at the voice rate.
    Sound(Vec<i16>),
    /// When words of the clause are said.
    Words(Vec<Timed>),
    /// The clause has all of its sound.
    ClauseEnd,
    /// A sentence was handed to the voice.
    Sentence,
    Act(Act),
    Memory(Memory),
    Pinned,
    /// A provider is to be paid for this.
    Used(Used),
    /// There will be no more, because something failed.
    Failed(Fault),
    /// The answer is whole.
    Done,
}

/// What an answer is made from.
pub(super) enum Material {
    Thought(Thought),
    Text(String),
}

/// Sentences longer than this are not said twice.
const CACHED_LENGTH: usize = 200;

/// Makes one answer.
pub(super) struct Maker {
    pub(super) reply: ReplyId,
    pub(super) speech: Speech,
    /// How long a sentence may take to begin to sound.
    pub(super) first_sound: Duration,
    pub(super) cache: Arc<VoiceCache>,
    pub(super) lane: mpsc::Sender<(ReplyId, Made)>,
    /// Whether sound may be made yet, and tools may run.
    pub(super) gate: watch::Receiver<Gate>,
    /// Held for as long as the making goes on.
    pub(super) _urgent: Urgent,
}

/// What an answer in the making may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Only think.
    Think,
    /// Make sound too.
    Voice,
    /// The turn is over: run tools as well.
    Act,
}

/// Counts work a caller waits for, for as long as it lives.
#[derive(Debug)]
pub(super) struct Urgent(Arc<AtomicUsize>);

impl Urgent {
    pub(super) fn new(shared: &Shared) -> Self {
        shared.urgent.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&shared.urgent))
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Maker {
    pub(super) async fn run(mut self, material: Material) {
        let end = match material {
            Material::Text(text) => self.say_all(&Sentences::of(&text)).await,
            Material::Thought(thought) => self.follow(thought).await,
        };
        let last = match end {
            Ok(()) => Made::Done,
            Err(fault) => Made::Failed(fault),
        };
        self.give(last).await;
    }

    async fn follow(&mut self, mut thought: Thought) -> Result<(), Fault> {
        let mut sentences = Sentences::default();
        let mut gate = self.gate.clone();
        let (mut first, mut permitted) = (true, false);
        loop {
            let idea = if permitted {
                thought.next().await
            } else {
                tokio::select! {
                    biased;
                    () = allowed(&mut gate) => {
                        permitted = true;
                        thought.permit();
                        continue;
                    }
                    idea = thought.next() => idea,
                }
            };
            let Some(idea) = idea else { break };
            match idea {
                Idea::Text(text) => {
                    if std::mem::take(&mut first) {
                        self.give(Made::FirstWords).await;
                    }
                    self.say_all(&sentences.push(&text)).await?;
                }
                Idea::Pinned => self.give(Made::Pinned).await,
                Idea::Memory(memory) => self.give(Made::Memory(memory)).await,
                Idea::Act(act) => self.give(Made::Act(act)).await,
                Idea::Used(used) => self.give(Made::Used(used)).await,
                Idea::Failed(error) => {
                    // What was begun is still said.
                    let rest: Vec<String> = sentences.finish().into_iter().collect();
                    self.say_all(&rest).await?;
                    return Err(error.into());
                }
            }
        }
        let rest: Vec<String> = sentences.finish().into_iter().collect();
        self.say_all(&rest).await
    }

    async fn say_all(&mut self, sentences: &[String]) -> Result<(), Fault> {
        for sentence in sentences {
            let gone = self
                .gate
                .wait_for(|gate| *gate != Gate::Think)
                .await
                .is_err();
            if gone {
                return Ok(());
            }
            self.give(Made::Sentence).await;
            self.say(sentence).await?;
        }
        Ok(())
    }

    async fn say(&self, sentence: &str) -> Result<(), Fault> {
        if let Some(clip) = self.cache.find(sentence) {
            for (clause, samples) in &clip.clauses {
                self.give(Made::Clause(clause.clone())).await;
                self.give(Made::Sound(samples.clone())).await;
                self.give(Made::ClauseEnd).await;
            }
            return Ok(());
        }
        let mut clip = Clip::default();
        let stream = self.speech.tts().say(sentence.into());
        synthesise(stream, sentence, self.first_sound, |piece| {
            let (clause, samples, ends) = match piece {
                Piece::Sound(clause, samples, ends) => (clause, samples, ends),
                Piece::Words(words) => return self.give_all(vec![Made::Words(words)]),
                Piece::Used(used) => return self.give_all(vec![Made::Used(used)]),
            };
            let mut pieces = Vec::with_capacity(3);
            if clip.push(clause, samples) {
                pieces.push(Made::Clause(clause.to_owned()));
            }
            pieces.push(Made::Sound(samples.to_vec()));
            if ends {
                pieces.push(Made::ClauseEnd);
            }
            self.give_all(pieces)
        })
        .await?;
        if sentence.len() <= CACHED_LENGTH {
            self.cache.keep(sentence, clip);
        }
        Ok(())
    }

    async fn give_all(&self, pieces: Vec<Made>) -> bool {
        for piece in pieces {
            self.give(piece).await;
        }
        !self.lane.is_closed()
    }

    async fn give(&self, made: Made) {
        // A closed lane means that the conversation is over; the task is about to be aborted.
        drop(self.lane.send((self.reply, made)).await);
    }
}

/// Waits until tools may run.
async fn allowed(gate: &mut watch::Receiver<Gate>) {
    let gone = gate.wait_for(|gate| *gate == Gate::Act).await.is_err();
    if gone {
        std::future::pending::<()>().await;
    }
}
