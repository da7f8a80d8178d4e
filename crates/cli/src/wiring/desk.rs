//! What the console has done for administrators.

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use trunkline_bridge::sip::{GatewayHandle, RegistrationState, Standing};
use trunkline_console::{Operator, Registration, Reloaded};

/// A wish to take up the files now, answered with what came of it.
pub(super) type Order = oneshot::Sender<Reloaded>;

/// The parts that administrators ask for something.
pub(super) struct Desk {
    /// Whoever follows the files.
    pub(super) files: mpsc::Sender<Order>,
    pub(super) gateway: Option<GatewayHandle>,
}

#[async_trait]
impl Operator for Desk {
    async fn reload(&self) -> Option<Reloaded> {
        let (order, told) = oneshot::channel();
        self.files.send(order).await.ok()?;
        told.await.ok()
    }

    fn registrations(&self) -> Vec<Registration> {
        let all = self.gateway.iter().flat_map(GatewayHandle::registrations);
        all.map(registration).collect()
    }
}

fn registration(state: RegistrationState) -> Registration {
    let (registered, seconds) = match state.standing {
        Standing::Registered(left) => (true, left),
        Standing::Trying(next) => (false, next),
    };
    Registration {
        trunk: state.trunk,
        registrar: state.registrar,
        target: state.target,
        registered,
        seconds,
        error: state.error,
    }
}
