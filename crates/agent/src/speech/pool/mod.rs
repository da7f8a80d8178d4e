//! Threads that run models. Each worker owns its model, so nothing is locked while it computes;
//! the queue before the workers is short, and a full one refuses at once. Whoever needs an answer
//! first goes first, not whoever asked first.
//!
//! A job that nobody waits for any more is skipped. A job that panics answers `Panicked`, and its
//! worker goes on with a model loaded afresh.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;
use trunkline_service::priority::{self, Work};

use super::{LoadError, SpeechError};

/// Makes a worker's model, at the start and after a panic.
type Factory<M> = dyn Fn() -> Result<M, LoadError> + Send + Sync;

/// A unit of work. Answers whether the model is still sound.
type Job<M> = Box<dyn FnOnce(&mut M) -> bool + Send>;

/// By when an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// Somebody hears a silence from then on.
    At(Instant),
    /// Nobody waits for it.
    Whenever,
}

impl Due {
    /// Somebody waits already.
    pub(super) fn now() -> Self {
        Self::At(Instant::now())
    }
}

/// A bounded queue and the workers behind it. Cloning gives another handle; the workers stop
/// when the last handle is gone.
pub(super) struct Pool<M> {
    shared: Arc<Shared<M>>,
    _stop: Arc<StopOnDrop<M>>,
}

impl<M> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            _stop: Arc::clone(&self._stop),
        }
    }
}

struct Shared<M> {
    part: &'static str,
    limit: usize,
    queue: Mutex<Queue<M>>,
    wake: Condvar,
}

struct Queue<M> {
    /// By when each is due; of those due at the same time the first asked for.
    jobs: BTreeMap<(Due, u64), Job<M>>,
    asked: u64,
    workers: usize,
    stopped: bool,
}

impl<M: 'static> Pool<M> {
    /// Loads `workers` models and starts a thread for each.
    pub(super) fn start(
        part: &'static str,
        workers: usize,
        limit: usize,
        factory: impl Fn() -> Result<M, LoadError> + Send + Sync + 'static,
    ) -> Result<Self, LoadError>
    where
        M: Send,
    {
        let workers = workers.max(1);
        let factory: Arc<Factory<M>> = Arc::new(factory);
        let models = (0..workers)
            .map(|_| factory())
            .collect::<Result<Vec<_>, _>>()?;
        let queue = Mutex::new(Queue {
            jobs: BTreeMap::new(),
            asked: 0,
            workers,
            stopped: false,
        });
        let shared = Arc::new(Shared {
            part,
            limit,
            queue,
            wake: Condvar::new(),
        });
        for model in models {
            let (shared, factory) = (Arc::clone(&shared), Arc::clone(&factory));
            let worker = move || {
                priority::set(Work::Models);
                work(&shared, &*factory, model);
            };
            let spawned = thread::Builder::new()
                .name(format!("speech-{part}"))
                .spawn(worker);
            spawned.map_err(|e| LoadError::Threads {
                part,
                reason: e.to_string(),
            })?;
        }
        let stop = Arc::new(StopOnDrop(Arc::clone(&shared)));
        Ok(Self {
            shared,
            _stop: stop,
        })
    }

    /// Runs `work` on a worker and waits for its answer. Work that is due earlier goes before it.
    ///
    /// # Cancel safety
    /// Work whose waiter is gone is skipped if it has not begun.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        due: Due,
        work: impl FnOnce(&mut M) -> Result<T, SpeechError> + Send + 'static,
    ) -> Result<T, SpeechError> {
        let part = self.shared.part;
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |model: &mut M| {
            if answer.is_closed() {
                return true;
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| work(model)));
            let sound = outcome.is_ok();
            let _gone = answer.send(outcome.unwrap_or(Err(SpeechError::Panicked { part })));
            sound
        });
        self.shared.push(due, job)?;
        answered.await.unwrap_or(Err(SpeechError::Stopped))
    }
}

impl<M> Shared<M> {
    fn lock(&self) -> MutexGuard<'_, Queue<M>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, due: Due, job: Job<M>) -> Result<(), SpeechError> {
        let mut queue = self.lock();
        if queue.stopped || queue.workers == 0 {
            return Err(SpeechError::Stopped);
        }
        let waiting = queue.jobs.len();
        if waiting >= self.limit {
            return Err(SpeechError::Overloaded { waiting });
        }
        let place = (due, queue.asked);
        queue.asked += 1;
        queue.jobs.insert(place, job);
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    fn next(&self) -> Option<Job<M>> {
        let mut queue = self.lock();
        loop {
            if queue.stopped {
                return None;
            }
            if let Some((_, job)) = queue.jobs.pop_first() {
                return Some(job);
            }
            queue = self
                .wake
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A worker's life: run jobs until stopped; after a panic, go on with a fresh model.
fn work<M>(shared: &Shared<M>, factory: &Factory<M>, mut model: M) {
    while let Some(job) = shared.next() {
        if job(&mut model) {
            continue;
        }
        tracing::error!(
            part = shared.part,
            "speech worker panicked; loading its model afresh"
        );
        match factory() {
            Ok(fresh) => model = fresh,
            Err(error) => {
                tracing::error!(part = shared.part, %error, "speech worker cannot reload its model");
                break;
            }
        }
    }
    let mut queue = shared.lock();
    queue.workers -= 1;
    if queue.workers == 0 {
        queue.jobs.clear();
    }
}

/// Ends the workers when the last handle goes.
struct StopOnDrop<M>(Arc<Shared<M>>);

impl<M> Drop for StopOnDrop<M> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.stopped = true;
        let _abandoned = std::mem::take(&mut queue.jobs);
        drop(queue);
        self.0.wake.notify_all();
    }
}

#[cfg(test)]
mod tests;
