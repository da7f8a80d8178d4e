//! The task of one registration.

use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::{info, warn};
use trunkline_service::metrics::{Counter, count};
use trunkline_service::tasks::Stop;
use trunkline_sip::endpoint::{Flow, Transport};
use trunkline_sip::locate::{LocateError, Target};
use trunkline_sip::registration::{Action, Failure, Place, Registration, Trouble};
use trunkline_sip::uri::Uri;

use super::super::bindings::Board;
use super::super::clock::{now, until};
use super::super::config::Register;
use super::super::resolve::Resolver;
use super::super::signalling::{Answered, Command};
use super::super::ways::{Ways, domain};

/// What one registration works with.
pub(crate) struct Work {
    pub(crate) trunk: Register,
    /// The operator said which address is ours.
    pub(crate) is_fixed: bool,
    pub(crate) board: Board,
    pub(crate) resolver: Resolver,
    pub(crate) ways: Ways,
    pub(crate) commands: mpsc::Sender<Command>,
    /// Connections that are gone.
    pub(crate) closed: broadcast::Receiver<Flow>,
    pub(crate) stop: Stop,
    /// It is wanted no more.
    pub(crate) leave: watch::Receiver<bool>,
}

/// The registrar is being looked for.
type Looking = Pin<Box<dyn Future<Output = Result<Vec<Target>, LocateError>> + Send>>;

/// What is waited for.
#[derive(Default)]
struct Waits {
    found: Option<Looking>,
    answer: Option<oneshot::Receiver<Answered>>,
    /// With another server to try, none is waited for this long.
    patience: Option<Instant>,
}

impl Work {
    /// Keeps the trunk registered until the process drains or it is wanted no more, and takes it back
    /// then.
    pub(crate) async fn run(mut self) {
        let settings = self.trunk.settings(self.is_fixed);
        let mut registration = Registration::new(settings, rand::random());
        let mut waits = Waits::default();
        let mut told = None;
        let mut leaving: Option<Instant> = None;
        loop {
            if self.act(&mut registration, &mut waits).await {
                break;
            }
            self.board.write(&self.trunk.key, &registration);
            self.tell(&registration, &mut told);
            let deadline = registration.poll_timeout().map(|(at, _)| at);
            let (stop, mut leave) = (self.stop.clone(), self.leave.clone());
            tokio::select! {
                biased;
                () = over(&stop, &mut leave), if leaving.is_none() => {
                    leaving = Some(now() + GOODBYE);
                    registration.leave();
                }
                () = until(leaving), if leaving.is_some() => break,
                found = looked(&mut waits.found) => {
                    let places = found.map(|found| self.places(found));
                    registration.located(places, now());
                }
                answer = answered(&mut waits.answer) => {
                    waits.patience = None;
                    self.on_answer(&mut registration, answer);
                }
                () = until(waits.patience), if waits.patience.is_some() => {
                    waits = Waits::default();
                    self.mark(&registration);
                    registration.failed(Failure::Silence, now());
                }
                closed = self.closed.recv(), if leaving.is_none() => self.on_closed(&mut registration, closed),
                () = until(deadline) => registration.handle_timeout(now()),
            }
        }
        self.board.write(&self.trunk.key, &registration);
    }

    /// Does what the registration asks for; `true` when it is over.
    async fn act(&mut self, registration: &mut Registration, waits: &mut Waits) -> bool {
        while let Some(action) = registration.poll_action() {
            match action {
                Action::Locate => waits.found = Some(self.locate()),
                Action::Send { place, request } => {
                    let (answer, answered) = oneshot::channel();
                    let ask = Command::Ask {
                        request,
                        flow: flow(&place),
                        domain: domain(&place.target),
                        answer,
                    };
                    // Signalling that is gone drops the answer, which is heard as silence.
                    let _gone = self.commands.send_timeout(ask, PATIENCE).await;
                    waits.answer = Some(answered);
                    let is_last = registration.places().last() == Some(&place);
                    waits.patience = (!is_last).then(|| now() + NEXT);
                }
                Action::KeepAlive(place) => {
                    let keep = Command::KeepAlive(flow(&place));
                    let _gone = self.commands.send_timeout(keep, PATIENCE).await;
                }
                Action::Left => return true,
            }
        }
        false
    }

    fn locate(&self) -> Looking {
        let resolver = self.resolver.clone();
        let uri: Uri = self.trunk.first_hop().clone();
        Box::pin(async move { resolver.resolve(&uri).await })
    }

    fn places(&mut self, found: Vec<Target>) -> Vec<Place> {
        let place = |target: Target| {
            let local = self.ways.to(&target)?.local;
            Some(Place { target, local })
        };
        found.into_iter().filter_map(place).collect()
    }

    fn on_answer(&self, registration: &mut Registration, answer: Answered) {
        match answer {
            Ok(response) => {
                count(
                    Counter::SipRegisters,
                    1,
                    &[("result", class(response.status))],
                );
                if matches!(response.status, 408 | 430 | 500..=599) {
                    self.mark(registration);
                } else if let Some(place) = registration.place() {
                    self.resolver.works(&place.target);
                }
                registration.answered(&response, now());
            }
            Err(failure) => {
                count(Counter::SipRegisters, 1, &[("result", "silence")]);
                self.mark(registration);
                registration.failed(failure, now());
            }
        }
    }

    /// Others come before this target for a while.
    fn mark(&self, registration: &Registration) {
        if let Some(place) = registration.place() {
            self.resolver.failed(&place.target, None);
        }
    }

    fn on_closed(
        &self,
        registration: &mut Registration,
        closed: Result<Flow, broadcast::error::RecvError>,
    ) {
        let place = registration.place();
        let ours = place.map(|place| flow(&place));
        let is_ours = match closed {
            Ok(closed) => ours.is_some_and(|ours| {
                ours.remote == closed.remote && ours.transport == closed.transport
            }),
            // Some went by unheard, perhaps ours.
            Err(_) => ours.is_some_and(|ours| ours.transport != Transport::Udp),
        };
        if is_ours {
            registration.flow_lost(now());
        }
    }

    /// Says in the log what changed, and nothing twice.
    fn tell(&self, registration: &Registration, told: &mut Option<(bool, Option<Trouble>)>) {
        let state = registration.state();
        let news = (state.is_registered(), state.trouble.clone());
        if told.as_ref() == Some(&news) {
            return;
        }
        let (trunk, registrar) = (&self.trunk.key, self.trunk.registrar.host_port());
        match (&news, told.as_ref()) {
            ((true, None), _) => info!(%trunk, %registrar, "trunk is registered"),
            ((up, Some(trouble)), _) => {
                warn!(%trunk, %registrar, registered = up, %trouble, "trunk's registration failed");
            }
            ((false, None), Some((true, _))) => {
                info!(%trunk, %registrar, "trunk is not registered")
            }
            ((false, None), _) => {}
        }
        *told = Some(news);
    }
}

/// The way to a place.
const fn flow(place: &Place) -> Flow {
    Flow {
        transport: place.target.transport,
        local: place.local,
        remote: place.target.address,
    }
}

/// Waits until the registration is to be taken back.
async fn over(stop: &Stop, leave: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = stop.draining() => {}
        Ok(_) = leave.wait_for(|leaves| *leaves) => {}
    }
}

/// Waits for an answer that was asked for, and takes it. One whose sender is gone is none.
async fn answered(wait: &mut Option<oneshot::Receiver<Answered>>) -> Answered {
    let Some(answer) = wait else {
        return std::future::pending().await;
    };
    let answer = answer.await.unwrap_or(Err(Failure::Silence));
    *wait = None;
    answer
}

/// Waits for what is being looked for.
async fn looked(wait: &mut Option<Looking>) -> Result<Vec<Target>, LocateError> {
    let Some(looking) = wait else {
        return std::future::pending().await;
    };
    let found = looking.await;
    *wait = None;
    found
}

const fn class(status: u16) -> &'static str {
    match status {
        200..=299 => "registered",
        401 | 407 => "challenged",
        423 => "too_brief",
        500..=599 => "overloaded",
        _ => "refused",
    }
}

/// For signalling to take a command.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a server is waited for while there is another. An answer takes a tenth of a second.
const NEXT: Duration = Duration::from_secs(4);

/// For taking the registration back at the end.
const GOODBYE: Duration = Duration::from_secs(3);
