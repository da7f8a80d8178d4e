//! An answer in the making.

use std::any::Any;
use std::fmt;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::error::BrainError;
use super::words::Act;
use crate::provider::Used;
use crate::turn::Verdict;

/// What a thought brings forth, in order.
#[derive(Debug)]
pub enum Idea {
    /// More words to say.
    Text(String),
    /// Something was done that cannot be undone.
    Pinned,
    /// What to remember if the answer is spoken; the latest one counts.
    Memory(Memory),
    /// What to do when all of the words were played.
    Act(Act),
    /// A provider is to be paid for this.
    Used(Used),
    /// There will be no more.
    Failed(BrainError),
}

/// What a brain wants to keep; only the brain that made it can read it.
pub struct Memory(Box<dyn Any + Send>);

impl Memory {
    /// Wraps it.
    pub fn new<T: Any + Send>(content: T) -> Self {
        Self(Box::new(content))
    }

    /// Reads it back; another brain's memory is nothing.
    pub fn open<T: Any + Send>(self) -> Option<T> {
        self.0.downcast().ok().map(|content| *content)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

/// An answer in the making. Dropping it stops the thinking.
#[derive(Debug)]
pub struct Thought {
    /// Whether the question seems whole.
    pub verdict: Verdict,
    ideas: mpsc::Receiver<Idea>,
    permit: Option<oneshot::Sender<()>>,
    _work: JoinSet<()>,
}

/// Where the thinking puts its ideas.
#[derive(Debug)]
pub struct Ideas(mpsc::Sender<Idea>);

/// Leave to act on the world, waited for by the thinking.
#[derive(Debug)]
pub struct Permission(Option<oneshot::Receiver<()>>);

/// Ideas on their way. When it is full the thinking waits for the speaking.
const LANE: usize = 32;

impl Thought {
    /// Runs the thinking as a task that ends with the thought.
    pub fn spawn<F, W>(verdict: Verdict, work: W) -> Self
    where
        W: FnOnce(Ideas, Permission) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, ideas) = mpsc::channel(LANE);
        let (permit, permission) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(work(Ideas(sender), Permission(Some(permission))));
        Self {
            verdict,
            ideas,
            permit: Some(permit),
            _work: tasks,
        }
    }

    /// The next idea; nothing when the answer is whole.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn next(&mut self) -> Option<Idea> {
        self.ideas.recv().await
    }

    /// The caller's turn is over: tools may run.
    pub fn permit(&mut self) {
        if let Some(permit) = self.permit.take() {
            let _gone = permit.send(());
        }
    }
}

impl Ideas {
    /// Hands over an idea; false when nobody wants it any more.
    pub async fn push(&self, idea: Idea) -> bool {
        self.0.send(idea).await.is_ok()
    }
}

impl Permission {
    /// Waits for leave to act; once given it stays. A thought that is dropped ends its task
    /// here.
    pub async fn wait(&mut self) {
        if let Some(permission) = self.0.take()
            && permission.await.is_err()
        {
            std::future::pending::<()>().await;
        }
    }
}
