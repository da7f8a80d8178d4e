//! What the console has done for administrators.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use trunkline_bridge::sip::{GatewayHandle, RegistrationState, Standing};
use trunkline_console::{NotTold, Operator, Registration, Reloaded};

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
    async fn reload(&self) -> Result<Reloaded, NotTold> {
        self.reload_within(PATIENCE).await
    }

    fn registrations(&self) -> Vec<Registration> {
        let all = self.gateway.iter().flat_map(GatewayHandle::registrations);
        all.map(registration).collect()
    }
}

impl Desk {
    async fn reload_within(&self, limit: Duration) -> Result<Reloaded, NotTold> {
        let asking = async {
            let (order, told) = oneshot::channel();
            let asked = self.files.send(order).await;
            asked.map_err(|_| NotTold::Ending)?;
            told.await.map_err(|_| NotTold::Ending)
        };
        let asked = timeout(limit, asking).await;
        asked.unwrap_or(Err(NotTold::Late))
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

/// Files that never stand still, and servers that are away, keep nobody for longer: whoever asks waits
/// a minute (`ops::daemon`).
const PATIENCE: Duration = Duration::from_secs(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> (Desk, mpsc::Receiver<Order>) {
        let (files, orders) = mpsc::channel(1);
        let gateway = None;
        (Desk { files, gateway }, orders)
    }

    #[tokio::test]
    async fn whoever_asks_while_files_never_stand_still_is_told_so_in_time() {
        let (desk, _orders) = desk();
        // The first is taken and never answered, the second finds no place.
        let limit = Duration::from_millis(1);
        let both = tokio::join!(desk.reload_within(limit), desk.reload_within(limit));
        assert_eq!(both, (Err(NotTold::Late), Err(NotTold::Late)));
    }

    #[tokio::test]
    async fn whoever_asks_a_daemon_that_ends_is_told_so() {
        let (desk, orders) = desk();
        drop(orders);
        assert_eq!(desk.reload().await, Err(NotTold::Ending));
    }
}
