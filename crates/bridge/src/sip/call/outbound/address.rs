//! Where a trunk's host is.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use trunkline_sip::uri::Uri;

use super::order::DialError;

/// The address that an INVITE for this host goes to, of a kind that a socket bound there can reach.
pub(super) async fn find(hop: &Uri, bound: SocketAddr) -> Result<SocketAddr, DialError> {
    let lost = |why: &str| DialError::Host {
        host: hop.host.clone(),
        why: why.to_owned(),
    };
    let reaches = |address: &SocketAddr| bound.is_ipv6() || address.is_ipv4();
    if let Some(address) = hop.socket_addr() {
        let reachable = reaches(&address).then_some(address);
        return reachable.ok_or_else(|| lost("it is an IPv6 address, and SIP is bound to IPv4"));
    }
    let asked = lookup_host((hop.host.as_str(), hop.port_or_default()));
    let found = tokio::time::timeout(PATIENCE, asked).await;
    let found = found.map_err(|_| lost("DNS does not answer"))?;
    let mut found = found.map_err(|error| lost(&error.to_string()))?;
    let address = found.find(reaches);
    address.ok_or_else(|| lost("it has no address that SIP can reach from here"))
}

/// For DNS.
const PATIENCE: Duration = Duration::from_secs(5);
