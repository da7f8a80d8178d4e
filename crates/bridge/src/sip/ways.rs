//! The ways out that the gateway's sockets give: which address of ours each target sees.

use std::net::SocketAddr;

use trunkline_sip::endpoint::{Flow, Transport};
use trunkline_sip::locate::Target;

use super::config::GatewayConfig;
use super::outside::Outside;
use super::signalling::Advertised;

/// Where SIP is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: Option<SocketAddr>,
    pub(crate) tls: Option<SocketAddr>,
}

/// Which address of ours each target sees.
pub(crate) struct Ways {
    udp: Advertised,
    tcp: Option<Advertised>,
    tls: Advertised,
}

impl Ways {
    pub(crate) fn new(config: &GatewayConfig, outside: &Outside, bound: Bound) -> Self {
        let advertised =
            |at: SocketAddr| Advertised::new(at, outside.clone(), config.local_networks.clone());
        // Where nobody takes TLS, requests come back over the connection we made.
        let tls = bound.tls.or(bound.tcp).unwrap_or(bound.udp);
        Self {
            udp: advertised(bound.udp),
            tcp: bound.tcp.map(advertised),
            tls: advertised(tls),
        }
    }

    /// The way there, if we have a socket for it.
    pub(crate) fn to(&mut self, target: &Target) -> Option<Flow> {
        let advertised = match target.transport {
            Transport::Udp => &mut self.udp,
            Transport::Tcp => self.tcp.as_mut()?,
            Transport::Tls => &mut self.tls,
        };
        Some(Flow {
            transport: target.transport,
            local: advertised.towards(target.address),
            remote: target.address,
        })
    }
}

/// Who has to be at the other end, where that can be known.
pub(crate) fn domain(target: &Target) -> Option<String> {
    (target.transport == Transport::Tls).then(|| target.name.clone())
}
