//! Tells Homer, over UDP and without waiting for it: a collector that is away costs packets, and no
//! call.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};
use trunkline_service::metrics::{Counter, count};
use trunkline_sip::capture::hep::{Agent, packet};

use super::keeper::Seen;
use crate::sip::config::Homer;

/// Sends whatever is seen until nobody sees any more.
pub(super) async fn tell(homer: Homer, mut seen: mpsc::Receiver<Seen>) {
    let mut way: Option<UdpSocket> = None;
    let mut look_again = Instant::now();
    while let Some((call, message)) = seen.recv().await {
        if look_again <= Instant::now() {
            let found = find(&homer).await;
            look_again = Instant::now() + if found.is_some() { WHILE } else { SOON };
            way = found.or(way);
        }
        let agent = Agent {
            id: homer.id,
            password: homer.password.expose(),
        };
        let sent = match (&way, packet(&message, &call, agent)) {
            (Some(way), Some(packet)) => way.send(&packet).await.is_ok(),
            _ => false,
        };
        if !sent {
            count(Counter::CaptureDropped, 1, &[("reason", "homer")]);
        }
    }
}

/// A socket that leads there.
async fn find(homer: &Homer) -> Option<UdpSocket> {
    let (host, port) = (homer.host.as_str(), homer.port);
    let looked = timeout(PATIENCE, lookup_host((host, port))).await;
    let found = looked
        .ok()
        .and_then(Result::ok)
        .and_then(|mut all| all.next());
    let Some(to) = found else {
        warn!(
            host,
            "the name of the HEP collector is not known; its packets are lost"
        );
        return None;
    };
    match connect(to).await {
        Ok(socket) => {
            debug!(host, port, "SIP is told to a HEP collector");
            Some(socket)
        }
        Err(error) => {
            warn!(host, %error, "the HEP collector cannot be reached");
            None
        }
    }
}

async fn connect(to: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: SocketAddr = if to.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// A name that is not answered sooner is not worth the messages that wait meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long an address counts: collectors move.
const WHILE: Duration = Duration::from_secs(300);

/// When to look again for one that was not found.
const SOON: Duration = Duration::from_secs(10);
