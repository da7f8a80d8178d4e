//! Takes jobs from a LiveKit server and runs a conversation for each.
//!
//! One process holds many conversations; a panic in one ends it alone. The load reported is the
//! greater of the share of places taken and of the processor's work, so that a server with
//! several workers spreads calls by what hurts first. A busy processor alone never reads as full:
//! servers give nothing to a worker at 1.0 (LiveKit's to none from 0.7 on), and where there is no
//! other machine a slow agent is better than a phone that rings on.

mod load;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use trunkline_base::class::{Class, Classified};
use trunkline_base::id::WorkerId;
use trunkline_base::token::KeyRing;
use trunkline_client::api::LiveKitApiClient;
use trunkline_client::jobs::{
    JobAnswer, JobOffer, JobOffers, JobOutcome, Worker, WorkerError, WorkerOptions, WorkerState,
};
use trunkline_service::metrics::{Counter, Gauge, count, set};
use trunkline_service::tasks::{Phase, Stop, Tasks};
use trunkline_store::Store;

use crate::config::AgentConfig;
use crate::outside::{Outside, OutsideError};
use crate::session::{CloseReason, Joining, Shared, VoiceCache, run, warm};
use crate::speech::Speech;
use load::Processor;

/// How often the load is reported, as livekit/agents does.
const LOAD_INTERVAL: Duration = Duration::from_millis(2500);

/// What a processor without a moment to spare reads as: just under where LiveKit's server stops.
const BUSIEST: f32 = 0.65;

/// Why the agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The server's address or keys are of no use.
    #[error("the agent cannot reach its server")]
    Worker(#[from] WorkerError),
    /// The server's API cannot be addressed.
    #[error("the server's address is of no use")]
    Url(#[from] trunkline_client::url::UrlError),
    /// No HTTP client for tools and chat endpoints.
    #[error(transparent)]
    Outside(#[from] OutsideError),
}

impl Classified for AgentError {
    fn class(&self) -> Class {
        match self {
            Self::Worker(error) => error.class(),
            Self::Url(_) => Class::Invalid,
            Self::Outside(OutsideError::Tls(error)) => error.class(),
            Self::Outside(OutsideError::Http(_)) => Class::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Worker(error) => error.code(),
            Self::Url(_) => "agent.url.invalid",
            Self::Outside(OutsideError::Tls(error)) => error.code(),
            Self::Outside(OutsideError::Http(_)) => "agent.http.client",
        }
    }
}

/// Starts agents.
#[derive(Debug)]
pub struct AgentWorker;

/// A running agent worker. A cheap handle; the worker ends with its [`Tasks`].
#[derive(Clone, Debug)]
pub struct AgentHandle {
    worker: Worker,
    sessions: watch::Receiver<usize>,
    config: watch::Sender<Arc<AgentConfig>>,
}

impl AgentHandle {
    /// Waits until the server knows the worker.
    ///
    /// # Errors
    /// When the worker ends first.
    pub async fn registered(&self) -> Result<WorkerId, WorkerError> {
        self.worker.registered().await
    }

    /// Where the worker stands, latest wins.
    pub fn state(&self) -> watch::Receiver<WorkerState> {
        self.worker.state()
    }

    /// Conversations running now, latest wins.
    pub fn sessions(&self) -> watch::Receiver<usize> {
        self.sessions.clone()
    }

    /// Goes by another file from the next conversation on: its dialogue, its turns. The name that it
    /// is known by at the server, and how many it takes at a time, stay those of the start.
    pub fn change(&self, config: AgentConfig) {
        let known = Arc::clone(&self.config.borrow());
        self.config.send_replace(Arc::new(AgentConfig {
            agent_name: known.agent_name.clone(),
            max_sessions: known.max_sessions,
            wire: known.wire.clone(),
            ..config
        }));
    }

    /// Takes nothing new and waits until the conversations are over. A process that drains goes on
    /// taking jobs until this is called: its last calls may still need an agent.
    pub async fn drain(&self) {
        self.worker.drain().await;
    }
}

impl AgentWorker {
    /// Registers at the server of `api` and takes jobs until it is drained or `tasks` hurries.
    ///
    /// # Errors
    /// [`AgentError`] when address or keys are of no use; a server that is away is sought again.
    pub fn start(
        config: AgentConfig,
        api: LiveKitApiClient,
        keys: KeyRing,
        speech: Speech,
        store: Store,
        tasks: &Tasks,
    ) -> Result<AgentHandle, AgentError> {
        let outside = Outside::new(api.url().rules())?;
        let options = WorkerOptions {
            agent_name: config.agent_name.clone(),
            max_jobs: config.max_sessions,
            ..WorkerOptions::default()
        };
        let (worker, offers) = Worker::start(api.url(), keys, options)?;
        let (config, changed) = watch::channel(Arc::new(config));
        let first = Arc::clone(&changed.borrow());
        let shared = Shared {
            mind: first.mind(&outside),
            speech: first.speech(&outside, &speech),
            config: first,
            cache: Arc::new(VoiceCache::default()),
            store,
            urgent: Arc::new(AtomicUsize::new(0)),
        };
        let (running, sessions) = watch::channel(0);
        tasks.session("agent voice warm-up", warm(shared.clone(), tasks.stop()));
        let acceptor = Acceptor {
            shared,
            api,
            worker: worker.clone(),
            tasks: tasks.clone(),
            running,
            changed,
            outside,
            models: speech,
        };
        tasks.vital("agent worker", acceptor.run(offers));
        Ok(AgentHandle {
            worker,
            sessions,
            config,
        })
    }
}

/// Takes offers and gives each a task.
struct Acceptor {
    shared: Shared,
    api: LiveKitApiClient,
    worker: Worker,
    tasks: Tasks,
    running: watch::Sender<usize>,
    changed: watch::Receiver<Arc<AgentConfig>>,
    outside: Outside,
    /// What hears and speaks where the file leaves it to this machine.
    models: Speech,
}

impl Acceptor {
    async fn run(mut self, mut offers: JobOffers) {
        let stop = self.tasks.stop();
        let mut processor = Processor::default();
        let mut report = interval(LOAD_INTERVAL);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.hurry() => break,
                offer = offers.next() => match offer {
                    Some(offer) => self.take(offer),
                    None => return,
                },
                Ok(()) = self.changed.changed() => self.go_by_another(),
                _ = report.tick() => self.report(processor.share()).await,
            }
        }
        self.worker.drain().await;
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of conversations")]
    async fn report(&self, processor: f32) {
        let running = *self.running.borrow();
        let places = running as f32 / self.shared.config.max_sessions.max(1) as f32;
        let load = places.max(processor * BUSIEST).min(1.0);
        set(Gauge::WorkerLoad, f64::from(load), &[]);
        set(Gauge::SessionsActive, running as f64, &[]);
        self.worker.set_load(load).await;
    }

    /// Conversations that are under way keep the mind they have.
    fn go_by_another(&mut self) {
        let config = Arc::clone(&self.changed.borrow_and_update());
        // Sound that another voice made is not this one's.
        let voices_change = !config.tts.is_empty() || !self.shared.config.tts.is_empty();
        self.shared.mind = config.mind(&self.outside);
        self.shared.speech = config.speech(&self.outside, &self.models);
        if voices_change {
            self.shared.cache = Arc::default();
        }
        self.shared.config = config;
        let warming = warm(self.shared.clone(), self.tasks.stop());
        self.tasks.session("agent voice warm-up", warming);
    }

    fn take(&self, offer: JobOffer) {
        let full = u32::try_from(*self.running.borrow()).unwrap_or(u32::MAX)
            >= self.shared.config.max_sessions;
        if full || self.tasks.stop().phase() == Phase::Hurry {
            return offer.reject();
        }
        let place = Place::take(self.running.clone());
        let (shared, api, stop) = (self.shared.clone(), self.api.clone(), self.tasks.stop());
        self.tasks
            .session("agent session", serve(offer, shared, api, stop, place));
    }
}

/// One conversation, from the offer to the report of how it went.
async fn serve(offer: JobOffer, shared: Shared, api: LiveKitApiClient, stop: Stop, place: Place) {
    let answer = JobAnswer {
        name: "Agent".to_owned(),
        ..JobAnswer::default()
    };
    let job = match offer.accept(answer).await {
        Ok(job) => job,
        Err(error) => {
            tracing::warn!(%error, "a job was not assigned");
            return;
        }
    };
    // The name of a call's room holds the caller's number; logs name the job.
    tracing::info!(job = %job.info.id, "conversation started");
    count(Counter::SessionsStarted, 1, &[]);
    let began = tokio::time::Instant::now();
    let joining = Joining {
        url: job.url.clone(),
        token: job.room_token(),
        room: job.info.room.clone(),
    };
    let end = run(shared, joining, api, job.terminated(), stop).await;
    let (reason, outcome) = match end {
        Ok(CloseReason::Error) => (
            CloseReason::Error.as_str(),
            JobOutcome::Failed("too many failures".to_owned()),
        ),
        Ok(reason) => (reason.as_str(), JobOutcome::Success),
        Err(error) => {
            tracing::error!(job = %job.info.id, %error, source = std::error::Error::source(&error), "a conversation did not begin");
            ("not_joined", JobOutcome::Failed(error.to_string()))
        }
    };
    count(Counter::SessionsEnded, 1, &[("reason", reason)]);
    tracing::info!(
        job = %job.info.id,
        reason,
        seconds = began.elapsed().as_secs_f64(),
        "conversation ended"
    );
    job.finish(outcome);
    drop(place);
}

/// A place among the conversations; given back when dropped, also by a panic.
struct Place(watch::Sender<usize>);

impl Place {
    fn take(running: watch::Sender<usize>) -> Self {
        running.send_modify(|running| *running += 1);
        Self(running)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0
            .send_modify(|running| *running = running.saturating_sub(1));
    }
}
