//! Where a request really comes from: the socket's word, unless a proxy of the operator's says
//! more.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The reverse proxies in front, whose headers are believed. Nobody else's are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// These.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether there are any.
    pub fn is_some(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether this is one.
    pub fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|network| network.contains(&ip))
    }

    /// The client's address. Each proxy adds to the right of `X-Forwarded-For` whom it saw, so
    /// the last who is no proxy of ours is the client; what stands left of it is the client's own
    /// word.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let lines: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .map(|line| line.to_str().unwrap_or_default())
            .collect();
        let mut client = peer;
        for told in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Ok(ip) = told.trim().parse::<IpAddr>() else {
                break;
            };
            client = ip.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        headers
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_stranger_cannot_say_who_it_is() {
        let headers = told(&["127.0.0.1"]);
        let nobody = Proxies::default();
        assert_eq!(nobody.client(ip("192.0.2.7"), &headers), ip("192.0.2.7"));
        // This machine is no proxy either, unless it is named.
        let headers = told(&["192.0.2.7"]);
        assert_eq!(nobody.client(ip("127.0.0.1"), &headers), ip("127.0.0.1"));
    }

    #[test]
    fn a_proxy_is_believed_as_far_as_it_saw() {
        let ours = Proxies::new(["10.0.0.0/8".parse().unwrap()]);
        let client = |lines: &[&str]| ours.client(ip("10.0.0.1"), &told(lines));
        assert_eq!(client(&["192.0.2.7"]), ip("192.0.2.7"));
        // The client made up the first; the proxy saw the second.
        assert_eq!(client(&["127.0.0.1, 192.0.2.7"]), ip("192.0.2.7"));
        assert_eq!(
            client(&["127.0.0.1", "192.0.2.7, 10.0.0.2"]),
            ip("192.0.2.7")
        );
        assert_eq!(client(&["nonsense"]), ip("10.0.0.1"));
        assert_eq!(client(&[]), ip("10.0.0.1"));
    }
}
