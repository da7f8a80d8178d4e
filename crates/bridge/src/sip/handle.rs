//! The handle to a running gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use livekit_protocol as proto;
use tokio::sync::{mpsc, oneshot, watch};
use trunkline_base::dialling::Spent;
use trunkline_client::api::ApiError;

use super::bindings::RegistrationState;
use super::call::{
    Asked, DialError, DialOrder, DialPlan, Dialled, Exchange, Guard, Order, Stage, TransferError,
    TransferOrder, Underway,
};
use super::config::{GatewayConfig, LineOut, OwnSetup, Referrer, Register, TrunkLine};
use super::desk::{Directory, Reload, ServerStore};
use super::load::{Admission, LoadLimits, NoRoom, Strain};
use super::registrar::Registrations;
use super::resolve::Resolver;
use super::signalling::{Command, now};
use super::ways::Bound;

/// A running gateway.
#[derive(Clone)]
pub struct GatewayHandle {
    pub(super) places: Bound,
    pub(super) counted: watch::Receiver<usize>,
    pub(super) directory: watch::Receiver<Arc<Directory>>,
    pub(super) reload: mpsc::Sender<Reload>,
    pub(super) lines: watch::Sender<Vec<TrunkLine>>,
    pub(super) lines_out: watch::Sender<Vec<LineOut>>,
    pub(super) guard: Guard,
    pub(super) own: watch::Sender<OwnSetup>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) ending: watch::Sender<bool>,
    pub(super) dials: mpsc::Sender<Order>,
    pub(super) config: watch::Sender<Arc<GatewayConfig>>,
    pub(super) underway: Underway,
    pub(super) registrations: Registrations,
    pub(super) exchange: Exchange,
    pub(super) referrers: watch::Sender<Vec<Referrer>>,
    pub(super) limits: watch::Sender<LoadLimits>,
    pub(super) admission: Admission,
}

/// Why trunks and rules were not read again.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The server refused or is away.
    #[error("trunks and rules cannot be read")]
    Api(#[source] ApiError),
    /// The gateway is gone.
    #[error("gateway is not running")]
    Gone,
}

impl GatewayHandle {
    /// Where SIP over UDP is taken.
    pub const fn addr(&self) -> SocketAddr {
        self.places.udp
    }

    /// Where SIP over TCP is taken.
    pub const fn tcp_addr(&self) -> Option<SocketAddr> {
        self.places.tcp
    }

    /// Where SIP inside TLS is taken.
    pub const fn tls_addr(&self) -> Option<SocketAddr> {
        self.places.tls
    }

    /// Where requests for a URI go, as far as the gateway can reach it.
    pub const fn resolver(&self) -> &Resolver {
        self.registrations.resolver()
    }

    /// How each trunk's registration stands, as of now.
    pub fn registrations(&self) -> Vec<RegistrationState> {
        self.registrations.states(now())
    }

    /// Waits until a registration has changed; `false` when there are none.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn registration_changed(&mut self) -> bool {
        self.registrations.changed().await
    }

    /// What shows that the machine has no room for more calls, if it has none.
    pub fn strain(&self) -> Option<Strain> {
        self.admission.strain()
    }

    /// Watches it.
    pub fn watch_strain(&self) -> watch::Receiver<Option<Strain>> {
        self.admission.watch_strain()
    }

    /// Calls now, in any state.
    pub fn calls(&self) -> usize {
        *self.counted.borrow()
    }

    /// Watches the number of calls.
    pub fn watch_calls(&self) -> watch::Receiver<usize> {
        self.counted.clone()
    }

    /// Waits until there are trunks and rules to go by, our own or the server's; `false` when the
    /// gateway ends first. Until then callers get 503.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn ready(&self) -> bool {
        self.directory
            .clone()
            .wait_for(|directory| directory.loaded)
            .await
            .is_ok()
    }

    /// What is known of the server's trunks and rules, as of now.
    pub fn known_store(&self) -> ServerStore {
        self.directory.borrow().server
    }

    /// Whether there are trunks and rules to go by, our own or the server's.
    pub fn is_ready(&self) -> bool {
        self.directory.borrow().loaded
    }

    /// Says other things of trunks than before, from the next reading on. Registrations stay as they
    /// are until [`Self::register`].
    pub fn tell(&self, lines: Vec<TrunkLine>) {
        self.lines.send_replace(lines);
    }

    /// Has phones of other trunks than before pass their calls on, from now on.
    pub fn tell_referrers(&self, referrers: Vec<Referrer>) {
        self.referrers.send_replace(referrers);
    }

    /// Says other things of trunks that calls go out by, from the next call on.
    pub fn tell_out(&self, lines: Vec<LineOut>) {
        self.lines_out.send_replace(lines);
    }

    /// Keeps these registrations from now on and no others: what is not among them is taken back, and
    /// what is otherwise now is taken back and begun anew.
    pub fn register(&self, trunks: Vec<Register>) {
        self.registrations.want(trunks);
    }

    /// What calls out have cost today and in this month, by the tariff of the guard.
    pub fn spent(&self) -> Spent {
        self.guard.spent()
    }

    /// Has other trunks and rules of its own, from the next reading on.
    pub fn own(&self, setup: OwnSetup) {
        self.own.send_replace(setup);
    }

    /// Goes by other settings from the next call on: codecs, encryption, waits, limits, and what may
    /// be dialled. Calls that are up keep what they began with. Sockets, addresses, server and keys
    /// stay those of the start.
    pub async fn change(&self, other: &GatewayConfig) {
        let config = self.config.borrow().going_by(other);
        let endpoint = Command::GoBy(Box::new(config.endpoint()));
        // A gateway that is gone takes no calls anyway.
        let _ = self.commands.send_timeout(endpoint, RELOAD).await;
        self.guard.change(config.dialling.clone());
        self.limits.send_replace(config.limits);
        self.config.send_replace(Arc::new(config));
    }

    /// Reads the server's trunks and rules now.
    ///
    /// # Errors
    /// [`ReloadError`].
    pub async fn reload(&self) -> Result<(), ReloadError> {
        let (answer, answered) = oneshot::channel();
        let asked = self.reload.send_timeout(answer, RELOAD).await;
        asked.map_err(|_| ReloadError::Gone)?;
        let result = answered.await.map_err(|_| ReloadError::Gone)?;
        result.map_err(ReloadError::Api)
    }

    /// Places a call. Returns once its participant is in the room, or, where the order says so, once
    /// somebody has answered. The same call asked for again while it is under way is not placed
    /// twice.
    ///
    /// # Errors
    /// [`DialError`].
    ///
    /// # Cancel safety
    /// A call whose answer is waited for is withdrawn.
    pub async fn dial(&self, order: DialOrder) -> Result<Dialled, DialError> {
        let (config, lines) = (
            Arc::clone(&self.config.borrow()),
            self.lines_out.borrow().clone(),
        );
        let plan = DialPlan::new(order, &config, &lines, &mut rand::rng())?;
        let waits = plan.waits;
        let asked = self
            .underway
            .ask(plan.room.clone(), plan.identity.clone(), &plan.callee);
        let mut stage = match asked {
            Asked::Known(stage) => stage,
            Asked::Other => {
                let identity = plan.identity.to_string();
                return Err(DialError::Taken { identity });
            }
            Asked::New(claim, stage) => {
                let helps = || plan.is_emergency(&config.dialling);
                let setup = self.admission.admit(helps);
                let setup = setup.map_err(|NoRoom { .. }| DialError::Full)?;
                let placed = self.dials.try_send(Order { plan, claim, setup });
                placed.map_err(|_| DialError::Full)?;
                stage
            }
        };
        let reached = stage.wait_for(|stage| match stage {
            Stage::Begun => false,
            Stage::Joined(_) => !waits,
            Stage::Answered(_) | Stage::Failed(_) => true,
        });
        match reached.await.map(|stage| stage.clone()) {
            Ok(Stage::Joined(dialled) | Stage::Answered(dialled)) => Ok(dialled),
            Ok(Stage::Failed(error)) => Err(error),
            Ok(Stage::Begun) | Err(_) => Err(DialError::Withdrawn("gateway is not running")),
        }
    }

    /// Sends whoever is on the phone to somebody else, by REFER. Returns once they talk, and the call
    /// here is over, as is that of whom they talk to, where that one was on the phone with us; where
    /// they do not come to talk it goes on.
    ///
    /// # Errors
    /// [`TransferError`].
    ///
    /// # Cancel safety
    /// Safe; a transfer that is under way goes on.
    pub async fn transfer(
        &self,
        request: proto::TransferSipParticipantRequest,
    ) -> Result<(), TransferError> {
        let order = TransferOrder::new(request, |number| self.guard.judge(number))?;
        let told = order.ask(&self.exchange)?;
        told.await.unwrap_or(Err(TransferError::CallEnded))
    }

    /// Refuses new calls from now on, and waits until those that are up are over.
    ///
    /// # Cancel safety
    /// Safe; the refusing goes on.
    pub async fn drain(&self) {
        // A gateway that is gone refuses everybody anyway.
        let _ = self.commands.send_timeout(Command::Drain, RELOAD).await;
        let _ = self.counted.clone().wait_for(|calls| *calls == 0).await;
    }

    /// Ends every call politely, and waits until they are over.
    pub async fn hang_up(&self) {
        self.ending.send_replace(true);
        let _ = self.counted.clone().wait_for(|calls| *calls == 0).await;
    }
}

/// Patience with our own tasks.
const RELOAD: Duration = Duration::from_secs(5);
