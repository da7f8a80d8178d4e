//! All registrations of a gateway: their start, and how they stand.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{broadcast, mpsc, watch};
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::Flow;

use super::super::bindings::{Bindings, Board, RegistrationState};
use super::super::config::{GatewayConfig, Register};
use super::super::outside::Outside;
use super::super::resolve::Resolver;
use super::super::signalling::Command;
use super::super::ways::Bound;
use super::keeper::Keeper;

/// The registrations that are to be kept.
pub(crate) struct Registrar {
    trunks: Vec<Register>,
    board: Board,
    resolver: Resolver,
    closed: broadcast::Sender<Flow>,
}

impl Registrar {
    pub(crate) fn new(config: &GatewayConfig) -> Self {
        let lines = config.lines.iter();
        let trunks: Vec<Register> = lines.filter_map(|line| line.register.clone()).collect();
        let (closed, _) = broadcast::channel(CLOSED);
        Self {
            board: Board::new(&trunks),
            trunks,
            resolver: Resolver::new(&config.dns, config.means()),
            closed,
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Bindings> {
        self.board.watch()
    }

    /// Where to tell of connections that are gone.
    pub(crate) fn closed(&self) -> broadcast::Sender<Flow> {
        self.closed.clone()
    }

    /// Gives each registration a task, now and whenever others are wanted.
    pub(crate) fn start(
        self,
        config: &Arc<GatewayConfig>,
        (bound, outside): (Bound, Outside),
        commands: &mpsc::Sender<Command>,
        tasks: &Tasks,
    ) -> Registrations {
        let (wanted, wishes) = watch::channel(self.trunks);
        let registrations = Registrations {
            resolver: self.resolver.clone(),
            bindings: self.board.watch(),
            wanted,
        };
        let keeper = Keeper {
            config: Arc::clone(config),
            bound,
            outside,
            board: self.board,
            resolver: self.resolver,
            commands: commands.clone(),
            closed: self.closed,
            tasks: tasks.clone(),
            wanted: wishes,
        };
        tasks.vital("sip_registrar", keeper.run());
        registrations
    }
}

/// How registrations stand, and what finds their registrars.
#[derive(Clone)]
pub(crate) struct Registrations {
    resolver: Resolver,
    bindings: watch::Receiver<Bindings>,
    wanted: watch::Sender<Vec<Register>>,
}

impl Registrations {
    pub(crate) const fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    pub(crate) fn states(&self, now: Instant) -> Vec<RegistrationState> {
        let bindings = self.bindings.borrow();
        let all = bindings.iter();
        all.map(|binding| RegistrationState::of(binding, now))
            .collect()
    }

    /// # Cancel safety
    /// Safe.
    pub(crate) async fn changed(&mut self) -> bool {
        self.bindings.changed().await.is_ok()
    }

    /// These are to be kept from now on, and no others.
    pub(crate) fn want(&self, trunks: Vec<Register>) {
        self.wanted.send_replace(trunks);
    }
}

/// Connections that are gone and not yet heard of by each registration. Missing some means looking
/// after a registration for nothing.
const CLOSED: usize = 64;
