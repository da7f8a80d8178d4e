//! The worker's task: seeks the server, serves the socket, seeks it again.

use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use livekit_protocol as proto;
use proto::server_message::Message as FromServer;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use trunkline_base::id::WorkerId;
use trunkline_base::retry::Backoff;
use trunkline_base::time::UnixTime;

use super::book::Book;
use super::command::WorkerCommand;
use super::registration::{Registered, Registration, Unregistered};
use super::{JobOffer, LiveKitAuthManager, WorkerState, wire};

/// How often load and status are reported: what LiveKit's own workers do.
const REPORT_EVERY: Duration = Duration::from_millis(2_500);

/// A socket that brought nothing for this many pings is gone.
const SILENT_PINGS: u32 = 3;

pub(super) struct WorkerTask {
    registration: Registration,
    commands: mpsc::Receiver<WorkerCommand>,
    state: watch::Sender<WorkerState>,
    book: Book,
    /// Who waits for the end.
    waiting: Vec<oneshot::Sender<()>>,
    closing: bool,
    known_before: bool,
    rng: SmallRng,
}

/// What ended a phase.
enum End {
    /// The socket is gone; seek it again.
    Lost,
    /// The worker is over.
    Over(Option<String>),
}

impl WorkerTask {
    pub(super) fn new(
        registration: Registration,
        auth: LiveKitAuthManager,
        commands: mpsc::Receiver<WorkerCommand>,
        state: watch::Sender<WorkerState>,
        offers: mpsc::Sender<JobOffer>,
    ) -> Self {
        let book = Book::new(
            registration.options.max_jobs,
            (registration.url.clone(), auth),
            offers,
        );
        Self {
            registration,
            commands,
            state,
            book,
            waiting: Vec::new(),
            closing: false,
            known_before: false,
            rng: SmallRng::from_rng(&mut rand::rng()),
        }
    }

    pub(super) async fn run(mut self) {
        let error = loop {
            let (socket, worker) = match self.seek().await {
                Ok(found) => found,
                Err(error) => break error,
            };
            match self.serve(socket, worker).await {
                End::Lost => tracing::info!("worker socket lost, seeking it again"),
                End::Over(error) => break error,
            }
        };
        if let Some(error) = &error {
            tracing::warn!(%error, "worker ends");
        }
        self.state.send_replace(WorkerState::Closed { error });
    }

    /// Tries until registered; commands and running jobs are looked after meanwhile.
    async fn seek(&mut self) -> Result<(Registered, WorkerId), Option<String>> {
        self.announce(WorkerState::Connecting);
        let mut backoff = Backoff::new(self.registration.options.reconnect);
        let started = Instant::now();
        loop {
            let opened = {
                let opening = self.registration.open();
                tokio::pin!(opening);
                loop {
                    tokio::select! {
                        biased;
                        command = self.commands.recv() => {
                            on_command(&mut self.book, &mut self.waiting, &mut self.closing, command);
                        }
                        Some(news) = self.book.news.next() => self.book.on_news(news),
                        opened = &mut opening => break opened,
                    }
                    if self.closing || (self.book.draining && self.book.is_idle()) {
                        return Err(None);
                    }
                }
            };
            let error: Unregistered = match opened {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let wait = backoff.next_wait(started.elapsed(), None, &mut self.rng);
            let Some(wait) = wait.filter(|_| self.known_before || !error.denied) else {
                return Err(Some(error.what));
            };
            tracing::warn!(error = %error.what, ?wait, "worker not registered");
            self.idle(wait).await?;
        }
    }

    /// Waits before the next attempt.
    async fn idle(&mut self, wait: Duration) -> Result<(), Option<String>> {
        let until = sleep(wait);
        tokio::pin!(until);
        loop {
            if self.closing || (self.book.draining && self.book.is_idle()) {
                return Err(None);
            }
            tokio::select! {
                biased;
                command = self.commands.recv() => {
                    on_command(&mut self.book, &mut self.waiting, &mut self.closing, command);
                }
                Some(news) = self.book.news.next() => self.book.on_news(news),
                () = &mut until => return Ok(()),
            }
        }
    }

    /// Serves one socket until it is lost or the worker is over.
    async fn serve(&mut self, mut socket: Registered, worker: WorkerId) -> End {
        tracing::info!(%worker, agent = %self.registration.options.agent_name, "worker registered");
        self.known_before = true;
        self.announce(WorkerState::Registered { worker });
        self.book.on_registered();
        let ping_every = Duration::from_secs(u64::from(wire::PING_SECONDS));
        let mut reports = interval(REPORT_EVERY);
        let mut pings = interval(ping_every);
        reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            while let Some(message) = self.book.outbox.front() {
                if !socket.send(message.clone()).await {
                    self.book.on_lost();
                    return End::Lost;
                }
                self.book.outbox.pop_front();
            }
            if self.closing || (self.book.draining && self.book.is_idle()) {
                socket.close().await;
                return End::Over(None);
            }
            tokio::select! {
                biased;
                command = self.commands.recv() => {
                    on_command(&mut self.book, &mut self.waiting, &mut self.closing, command);
                    if self.book.draining {
                        self.announce(WorkerState::Draining);
                    }
                }
                message = socket.recv() => match message {
                    Some(FromServer::GoAway(_)) | None => {
                        self.book.on_lost();
                        return End::Lost;
                    }
                    Some(message) => {
                        heard = Instant::now();
                        self.on_message(message);
                    }
                },
                Some(news) = self.book.news.next() => self.book.on_news(news),
                _ = reports.tick() => self.book.report(),
                _ = pings.tick() => {
                    self.book.tell_ping(UnixTime::from_system(SystemTime::now()).millis_i64());
                }
                () = sleep_until(heard + ping_every * SILENT_PINGS) => {
                    self.book.on_lost();
                    return End::Lost;
                }
            }
        }
    }

    fn on_message(&mut self, message: FromServer) {
        match message {
            FromServer::Availability(request) => self.book.on_offer(request),
            FromServer::Assignment(assignment) => self.book.on_assignment(assignment),
            FromServer::Termination(termination) => self.book.on_termination(&termination.job_id),
            FromServer::Pong(_) | FromServer::Register(_) | FromServer::GoAway(_) => {}
        }
    }

    fn announce(&self, state: WorkerState) {
        let draining = self.book.draining && !matches!(state, WorkerState::Closed { .. });
        self.state.send_replace(if draining {
            WorkerState::Draining
        } else {
            state
        });
    }
}

/// A free function, so that it can run while the opening future borrows the registration.
fn on_command(
    book: &mut Book,
    waiting: &mut Vec<oneshot::Sender<()>>,
    closing: &mut bool,
    command: Option<WorkerCommand>,
) {
    match command {
        Some(WorkerCommand::Load(load)) => {
            book.load = Some(load);
            book.report();
        }
        Some(WorkerCommand::Drain { done }) => {
            book.draining = true;
            book.report();
            waiting.push(done);
        }
        Some(WorkerCommand::Close { done }) => {
            *closing = true;
            waiting.push(done);
        }
        None => *closing = true,
    }
}
