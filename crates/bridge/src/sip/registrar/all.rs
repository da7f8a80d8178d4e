//! All registrations of a gateway: their start, and how they stand.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::sync::{broadcast, mpsc, watch};
use trunkline_service::tasks::Tasks;
use trunkline_sip::endpoint::Flow;

use super::super::bindings::{Bindings, Board, RegistrationState};
use super::super::config::{GatewayConfig, Register};
use super::super::resolve::Resolver;
use super::super::signalling::{Advertised, Command};
use super::ways::Ways;
use super::work::Work;

/// The registrations that are to be kept.
pub(crate) struct Registrar {
    trunks: Vec<Register>,
    board: Board,
    resolver: Resolver,
    closed: broadcast::Sender<Flow>,
    is_fixed: bool,
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
            is_fixed: config.public_ip.is_some(),
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Bindings> {
        self.board.watch()
    }

    /// Where to tell of connections that are gone.
    pub(crate) fn closed(&self) -> broadcast::Sender<Flow> {
        self.closed.clone()
    }

    /// Gives each registration a task.
    pub(crate) fn start(
        self,
        advertised: &impl Fn(SocketAddr) -> Advertised,
        (udp, tcp): (SocketAddr, Option<SocketAddr>),
        commands: &mpsc::Sender<Command>,
        tasks: &Tasks,
    ) -> Registrations {
        let registrations = Registrations {
            resolver: self.resolver.clone(),
            bindings: self.board.watch(),
        };
        for (at, trunk) in self.trunks.into_iter().enumerate() {
            let work = Work {
                at,
                trunk,
                board: self.board.clone(),
                resolver: self.resolver.clone(),
                ways: Ways {
                    udp: advertised(udp),
                    tcp: tcp.map(advertised),
                    is_fixed: self.is_fixed,
                },
                commands: commands.clone(),
                closed: self.closed.subscribe(),
                stop: tasks.stop(),
            };
            tasks.vital("sip_registration", work.run());
        }
        registrations
    }
}

/// How registrations stand, and what finds their registrars.
#[derive(Clone)]
pub(crate) struct Registrations {
    resolver: Resolver,
    bindings: watch::Receiver<Bindings>,
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
}

/// Connections that are gone and not yet heard of by each registration. Missing some means looking
/// after a registration for nothing.
const CLOSED: usize = 64;
