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
mod connection;
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

use axum::extract::Request;
use axum::response::Response;
use tokio::net::TcpListener;
use tower::Service;
use trunkline_base::class::{Class, Classified};
use trunkline_base::plain::PlainText;

pub use caps::Caps;
pub use connection::Connection;
pub use origin::Proxies;
pub use tls::{CertificateError, CertificateFiles, Certificates, Cipher};

use crate::metrics::{Counter, count};
use crate::tasks::Tasks;
use caps::{Full, Ledger};
use connection::Visit;

/// How long each part of a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// From the connection, or from the first byte of a request, to the end of its head; the TLS
    /// handshake the same.
    pub head: Duration,
    /// From the end of the head to the end of the body: ten mebibytes over a line of 3 Mbit/s.
    pub body: Duration,
    /// Between two requests. Longer than our own clients keep a connection, so that it is they
    /// who close.
    pub idle: Duration,
    /// For the peer to take anything of what is written.
    pub write: Duration,
    /// Without a byte from the other end of a WebSocket. Whoever opens one pings every 10 s.
    pub silent: Duration,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(65),
            write: Duration::from_secs(30),
            silent: Duration::from_secs(60),
        }
    }
}

/// Who may come in, and how.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// How many.
    pub caps: Caps,
    /// How slowly.
    pub clocks: Clocks,
    /// The certificate, where there is one.
    pub tls: Option<Certificates>,
    /// From where plain text is taken besides this machine.
    pub plain: PlainText,
    /// Whose word about the client's address is taken.
    pub proxies: Proxies,
}

/// The address would take tokens, voices or words in plain text from other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{addr} is reached by other machines, and would take tokens from them in plain text; name a \
     certificate and its key under transport.tls in security.yaml, or the proxy in front under \
     transport.proxies, or a container beside under transport.allow_plaintext, or listen on \
     127.0.0.1"
)]
pub struct Exposed {
    /// The address.
    pub addr: SocketAddr,
}

impl Classified for Exposed {
    fn class(&self) -> Class {
        Class::Invalid
    }

    fn code(&self) -> &'static str {
        "service.listen.exposed"
    }
}

impl Door {
    /// Whether this address may be listened on.
    ///
    /// # Errors
    /// [`Exposed`] when others reach it and neither a certificate nor an exception is there.
    pub fn judge(&self, addr: SocketAddr) -> Result<(), Exposed> {
        let named = self.plain.is_open() || self.proxies.is_some();
        let safe = addr.ip().to_canonical().is_loopback() || self.tls.is_some() || named;
        safe.then_some(()).ok_or(Exposed { addr })
    }

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

    /// Whether plain text is taken from there: from this machine, by whatever address, and from
    /// those who are named.
    fn takes_plain(&self, peer: SocketAddr, local: SocketAddr) -> bool {
        let (peer, local) = (peer.ip().to_canonical(), local.ip().to_canonical());
        peer == local || self.plain.admits(peer) || self.proxies.trusts(peer)
    }
}

/// A port that is bound.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
    door: Door,
}

/// What answers requests. Each carries its [`Connection`] among its extensions.
pub trait Answers:
    Service<Request, Response = Response, Error = std::convert::Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request, Response = Response, Error = std::convert::Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
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
