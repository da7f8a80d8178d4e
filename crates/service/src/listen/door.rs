//! Who may come in, and how.

use std::net::SocketAddr;

use trunkline_base::class::{Class, Classified};
use trunkline_base::plain::PlainText;

use super::caps::Caps;
use super::clocks::Clocks;
use super::origin::Proxies;
use super::tls::Certificates;

/// Who may come in, and how.
#[derive(Clone, Debug, Default)]
pub struct Door {
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

    /// Whether plain text is taken from there: from this machine, by whatever address, and from
    /// those who are named.
    pub(super) fn takes_plain(&self, peer: SocketAddr, local: SocketAddr) -> bool {
        let (peer, local) = (peer.ip().to_canonical(), local.ip().to_canonical());
        peer == local || self.plain.admits(peer) || self.proxies.trusts(peer)
    }
}
