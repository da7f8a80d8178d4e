//! Inbound trunks: who may call in, and on which numbers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use trunkline_base::id::TrunkId;
use trunkline_base::secret::Secret;

use super::{NumberingPlan, Numbers};
use crate::host::{is_many, is_one};
use crate::sdp::Encryption;

/// A provider or phone system that may send calls. LiveKit's `SIPInboundTrunkInfo`.
#[derive(Clone, PartialEq)]
pub struct InboundTrunk {
    /// Server-made id.
    pub id: TrunkId,
    /// For people; not unique.
    pub name: String,
    /// Opaque to us.
    pub metadata: String,
    /// Called numbers; empty means any.
    pub numbers: Numbers,
    /// Source addresses as IP or CIDR; empty means any.
    pub allowed_addresses: Vec<String>,
    /// Calling numbers; empty means any.
    pub allowed_numbers: Numbers,
    /// Digest login; `None` means the call is not challenged.
    pub auth: Option<DigestLogin>,
    /// Headers of our own for the 200 answer.
    pub headers: BTreeMap<String, String>,
    /// INVITE header to participant attribute.
    pub headers_to_attributes: BTreeMap<String, String>,
    /// Participant attribute to header.
    pub attributes_to_headers: BTreeMap<String, String>,
    /// Which headers become `sip.h.*` attributes.
    pub include_headers: HeaderOptions,
    /// How long the caller may ring.
    pub ringing_timeout: Option<Duration>,
    /// How long a call may last.
    pub max_call_duration: Option<Duration>,
    /// Codecs and media limits.
    pub media: MediaOptions,
    /// Calls come to a contact we have registered: without one, or allowed addresses, none do.
    pub registers: bool,
    /// How its numbers are written.
    pub plan: NumberingPlan,
    /// Do we believe what it says of the caller (RFC 3325)?
    pub is_trusted: bool,
}

impl InboundTrunk {
    /// A trunk that accepts everything; callers fill in what they restrict.
    pub fn new(id: TrunkId) -> Self {
        Self {
            id,
            name: String::new(),
            metadata: String::new(),
            numbers: Numbers::default(),
            allowed_addresses: Vec::new(),
            allowed_numbers: Numbers::default(),
            auth: None,
            headers: BTreeMap::new(),
            headers_to_attributes: BTreeMap::new(),
            attributes_to_headers: BTreeMap::new(),
            include_headers: HeaderOptions::None,
            ringing_timeout: None,
            max_call_duration: None,
            media: MediaOptions::default(),
            registers: false,
            plan: NumberingPlan::default(),
            is_trusted: false,
        }
    }

    /// The networks it names; entries that cannot be read name none.
    pub fn networks(&self) -> impl Iterator<Item = IpNet> {
        self.allowed_addresses.iter().filter_map(|entry| {
            let entry = entry.trim();
            let address = || {
                entry
                    .parse::<IpAddr>()
                    .ok()
                    .map(|ip| ip.to_canonical().into())
            };
            entry.parse().ok().or_else(address)
        })
    }

    /// May this address send calls here? Entries that are not an IP or CIDR never match, and they
    /// never open the list.
    pub fn allows_source(&self, source: IpAddr) -> bool {
        (self.allowed_addresses.is_empty() && !self.registers)
            || self
                .allowed_addresses
                .iter()
                .any(|entry| address_matches(entry, source))
    }
}

/// The login a trunk asks for.
#[derive(Clone, PartialEq)]
pub struct DigestLogin {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Secret<String>,
    /// Realm; LiveKit's default is `LiveKit`.
    pub realm: String,
}

/// Which INVITE headers become attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderOptions {
    /// None of them.
    #[default]
    None,
    /// Those that start with `X-`.
    ExtensionsOnly,
    /// All of them.
    All,
}

/// Media choices of a trunk or a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaOptions {
    /// Offer and accept nothing but `codecs`.
    pub only_listed_codecs: bool,
    /// Codec names in order of preference.
    pub codecs: Vec<String>,
    /// End the call after this much silence on the wire.
    pub media_timeout: Option<Duration>,
    /// Whether media is encrypted, if that is said.
    pub encryption: Option<Encryption>,
}

/// Whether calls can come from what an entry names: an address, or a network, of single hosts.
pub fn is_source(entry: &str) -> bool {
    let entry = entry.trim();
    if let Ok(net) = entry.parse::<IpNet>() {
        return !is_many(net.addr());
    }
    // Nobody calls from `0.0.0.0`, which is meant for everybody.
    entry.parse().is_ok_and(is_one)
}

fn address_matches(entry: &str, source: IpAddr) -> bool {
    let source = source.to_canonical();
    let entry = entry.trim();
    if let Ok(net) = entry.parse::<IpNet>() {
        return unmapped(net).contains(&source);
    }
    entry
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical() == source)
}

/// A network of mapped addresses is one of IPv4.
fn unmapped(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let (v4, prefix) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96));
    let mapped = v4
        .zip(prefix)
        .and_then(|(v4, prefix)| Ipv4Net::new(v4, prefix).ok());
    mapped.map_or(net, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(addresses: &[&str]) -> InboundTrunk {
        let mut trunk = InboundTrunk::new(TrunkId::parse("ST_1").unwrap());
        trunk.allowed_addresses = addresses.iter().map(|a| (*a).to_owned()).collect();
        trunk
    }

    #[test]
    fn addresses_and_networks_match() {
        let source = "192.0.2.7".parse().unwrap();
        assert!(trunk(&[]).allows_source(source));
        assert!(trunk(&["192.0.2.0/24"]).allows_source(source));
        assert!(trunk(&["192.0.2.7"]).allows_source(source));
        assert!(trunk(&["192.0.2.7"]).allows_source("::ffff:192.0.2.7".parse().unwrap()));
        assert!(!trunk(&["192.0.2.8"]).allows_source(source));
        assert!(trunk(&["::ffff:192.0.2.7"]).allows_source(source));
        assert!(trunk(&["::ffff:192.0.2.0/120"]).allows_source(source));
        assert!(!trunk(&["::ffff:192.0.3.0/120"]).allows_source(source));
        assert!(!trunk(&["2001:db8::/32"]).allows_source(source));
    }

    #[test]
    fn what_nobody_can_call_from_is_no_source() {
        for entry in [
            "192.0.2.7",
            " 192.0.2.0/24",
            "0.0.0.0/0",
            "0.0.0.0/1",
            "::/0",
            "2001:db8::7",
            "::1",
        ] {
            assert!(is_source(entry), "{entry}");
        }
        for junk in [
            "",
            "(*)",
            "*",
            "sip.example.com",
            "192.0.2.7:5060",
            "192.0.2.999",
            "192.0.2.0/33",
            "192.0.2.1-192.0.2.9",
            "192.0.2.1,192.0.2.2",
            "[2001:db8::7]",
            "0.0.0.0",
            "::",
            "239.1.2.3",
            "224.0.0.0/4",
            "ff02::1",
            "255.255.255.255",
            "192.0.2.0/255.255.255.0",
        ] {
            assert!(!is_source(junk), "{junk:?}");
        }
    }

    #[test]
    fn unreadable_entries_do_not_open_the_list() {
        let source = "192.0.2.7".parse().unwrap();
        assert!(!trunk(&["sip.example.com", "(*)"]).allows_source(source));
    }
}
