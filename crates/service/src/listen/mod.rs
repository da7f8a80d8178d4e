//! How a process takes HTTP from strangers: with clocks, within caps, and encrypted where others
//! can reach it.
//!
//! ```text
//! accept ─► caps ─► TLS ─► head ─► handler ─► rest of the body ─► next head, or the end
//!           per     └─── head clock ───┘ └ body clock ┘            idle clock
//!           source
//! ```
//! A connection belongs to a stranger until a handler says, after it has seen a good token, that
//! it is [known](Connection::known). Strangers are few for each source and in all; whoever is
//! known counts only against the number of connections. A WebSocket may last as long as it likes;
//! whoever upgraded it pings, and a peer that says nothing to that for a minute is gone.
//!
//! A port with a certificate takes TLS, and plain text from this machine. One without takes plain
//! text from this machine and from those the operator names; everybody else is sent away.

mod body;
mod caps;
mod clocks;
mod connection;
mod door;
mod origin;
mod pulse;
mod socket;
mod tls;
mod validity;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

pub use caps::Caps;
pub use clocks::Clocks;
pub use connection::{Answers, Connection};
pub use door::{Door, Exposed};
pub use origin::Proxies;
pub use tls::{CertificateError, CertificateFiles, Certificates, Cipher};

use crate::metrics::{Counter, count};
use crate::tasks::Tasks;
use caps::{Full, Ledger};
use connection::Visit;

/// A port that is bound.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
    door: Door,
}

impl Door {
    /// Binds.
    ///
    /// # Errors
    /// What the system says.
    pub async fn bind(self, addr: SocketAddr) -> io::Result<Listener> {
        let socket = TcpListener::bind(addr).await?;
        Ok(Listener {
            addr: socket.local_addr()?,
            socket,
            door: self,
        })
    }
}

impl Listener {
    /// Where it is bound.
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until the hurry; then every connection ends after the answer it is at.
    pub async fn serve<S: Answers>(self, service: S, tasks: Tasks) {
        let stop = tasks.stop();
        let ledger = Arc::new(Ledger::new(self.door.caps));
        let door = Arc::new(self.door);
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.hurry() => return,
                accepted = self.socket.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    // Without file descriptors the next try fails at once.
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            let spared = door.proxies.trusts(peer.ip());
            match ledger.enter(peer.ip(), spared) {
                Ok(ticket) => {
                    let visit = Visit::new(stream, peer, ticket, &door, &tasks);
                    drop(tasks.session("connection", visit.serve(service.clone())));
                }
                Err(full) => turned_away(full),
            }
        }
    }
}

fn turned_away(full: Full) {
    tracing::debug!(reason = full.word(), "a connection was turned away");
    count(Counter::ConnectionsRefused, 1, &[("reason", full.word())]);
}

/// Between two tries to accept, after one failed.
const AGAIN: Duration = Duration::from_millis(50);
