//! Where this machine finds its own listeners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where a listener of this machine is found on it: bound to all addresses, at the loopback one.
pub fn at_home(mut bound: SocketAddr) -> SocketAddr {
    bound.set_ip(ip_at_home(bound.ip()));
    bound
}

/// The same of an address without a port.
pub const fn ip_at_home(bound: IpAddr) -> IpAddr {
    match bound {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_to_all_addresses_is_found_at_the_loopback_of_its_family() {
        for (bound, found) in [
            ("0.0.0.0:7880", "127.0.0.1:7880"),
            ("[::]:7880", "[::1]:7880"),
            ("192.0.2.7:7880", "192.0.2.7:7880"),
            ("[2001:db8::1]:7880", "[2001:db8::1]:7880"),
        ] {
            let bound: SocketAddr = bound.parse().unwrap();
            assert_eq!(at_home(bound).to_string(), found);
        }
    }
}
