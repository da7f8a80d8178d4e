//! Which addresses are those of one host.

use std::net::{IpAddr, Ipv4Addr};

/// Is it one host's: no group's, not everybody's, not nobody's?
pub(crate) fn is_one(ip: IpAddr) -> bool {
    !ip.to_canonical().is_unspecified() && !is_many(ip)
}

/// Is it a group's, or everybody's?
pub(crate) fn is_many(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_is_told_from_many_and_none() {
        let is = |text: &str| {
            let ip = text.parse().unwrap();
            (is_one(ip), is_many(ip))
        };
        for one in ["192.0.2.7", "127.0.0.1", "2001:db8::7", "::ffff:192.0.2.7"] {
            assert_eq!(is(one), (true, false), "{one}");
        }
        for many in [
            "239.1.2.3",
            "255.255.255.255",
            "ff02::1",
            "::ffff:224.0.0.1",
        ] {
            assert_eq!(is(many), (false, true), "{many}");
        }
        for none in ["0.0.0.0", "::", "::ffff:0.0.0.0"] {
            assert_eq!(is(none), (false, false), "{none}");
        }
    }
}
