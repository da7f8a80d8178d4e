//! What may travel in plain text. Whatever carries tokens, voices or words leaves this machine
//! encrypted, unless the operator names who is at the other end: a proxy in front, a container
//! beside. The one rule for servers that are spoken to and for listeners that others reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Who besides this machine may be spoken to, and may speak, in plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainText {
    /// Hosts by name. A name says where to, never who comes.
    names: Vec<String>,
    /// Addresses, in both directions.
    networks: Vec<IpNet>,
}

/// Neither the name of one host, nor an address, nor a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not the name of one host, an address or a network")]
pub struct NotAHost;

impl PlainText {
    /// This machine and nobody else.
    pub const fn none() -> Self {
        Self {
            names: Vec::new(),
            networks: Vec::new(),
        }
    }

    /// Adds what an operator wrote: `livekit`, `10.0.0.9` or `172.17.0.0/16`.
    ///
    /// # Errors
    /// [`NotAHost`] for a URL, a pattern, a port or nothing at all.
    pub fn allow(&mut self, written: &str) -> Result<(), NotAHost> {
        if let Some(network) = network(written) {
            self.networks.push(network);
            return Ok(());
        }
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if written.is_empty() || !written.chars().all(is_name) {
            return Err(NotAHost);
        }
        self.names.push(written.to_owned());
        Ok(())
    }

    /// Adds an address.
    pub fn allow_address(&mut self, ip: IpAddr) {
        self.networks.push(ip.to_canonical().into());
    }

    /// Whether a server may be spoken to: `host` is as a URL has it, with brackets or without.
    pub fn reaches(&self, host: &str) -> bool {
        let bare = host.trim_matches(['[', ']']);
        match bare.parse::<IpAddr>() {
            Ok(ip) => is_own(ip) || self.admits(ip),
            Err(_) => {
                bare.eq_ignore_ascii_case("localhost")
                    || self
                        .names
                        .iter()
                        .any(|name| name.eq_ignore_ascii_case(bare))
            }
        }
    }

    /// Whether somebody at this address may speak to us.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        peer.is_loopback() || self.networks.iter().any(|network| network.contains(&peer))
    }

    /// Whether anybody but this machine is named by address.
    pub fn is_open(&self) -> bool {
        !self.networks.is_empty()
    }
}

/// Connecting to the unspecified address reaches this machine.
fn is_own(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip == Ipv4Addr::UNSPECIFIED || ip == Ipv6Addr::UNSPECIFIED
}

/// A network, or an address as the network of one.
fn network(written: &str) -> Option<IpNet> {
    if let Ok(ip) = written.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(ip.to_canonical().into());
    }
    written.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(written: &[&str]) -> PlainText {
        let mut plain = PlainText::none();
        for one in written {
            plain.allow(one).unwrap();
        }
        plain
    }

    #[test]
    fn this_machine_is_reached_by_whatever_it_is_called() {
        let plain = PlainText::none();
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "0.0.0.0",
            "::",
            "::ffff:127.0.0.1",
        ] {
            assert!(plain.reaches(host), "{host}");
        }
        for host in [
            "localhost.evil.example",
            "10.0.0.9",
            "example.org",
            "::ffff:10.0.0.9",
            "",
        ] {
            assert!(!plain.reaches(host), "{host}");
        }
        assert!(!plain.is_open());
    }

    #[test]
    fn a_name_says_where_to_and_an_address_says_who_comes_too() {
        let plain = allowing(&["livekit", "10.0.0.9", "172.17.0.0/16", "fd00::/8"]);
        for host in ["livekit", "LiveKit", "10.0.0.9", "172.17.3.4", "[fd00::1]"] {
            assert!(plain.reaches(host), "{host}");
        }
        assert!(!plain.reaches("10.0.0.8") && !plain.reaches("livekit.example"));
        let admits = |ip: &str| plain.admits(ip.parse().unwrap());
        assert!(admits("172.17.0.2") && admits("::ffff:172.17.0.2") && admits("127.0.0.1"));
        assert!(!admits("172.18.0.2") && !admits("0.0.0.0"));
        // A name is looked up by whoever connects; nobody who comes can be held against it.
        assert!(!allowing(&["livekit"]).is_open());
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let mut plain = PlainText::none();
        for written in [
            "",
            "*",
            "ws://10.0.0.9",
            "10.0.0.9:7880",
            "10.0.0.0/99",
            "a b",
            "*.example.org",
        ] {
            assert_eq!(plain.allow(written), Err(NotAHost), "{written}");
        }
        assert_eq!(plain, PlainText::none());
    }
}
