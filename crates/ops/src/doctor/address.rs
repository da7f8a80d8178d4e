//! The address phones and providers are told: can they reach us there?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use super::asked::Asked;
use super::finding::Finding;
use super::patient::{Patient, Ports};
use super::reach::Reach;

pub(super) const ADDRESS: &str = "address";

/// What there is to judge by.
#[derive(Debug)]
struct Facts {
    bound: IpAddr,
    told: Option<IpAddr>,
    /// The address of the interface that leads out.
    route: Option<IpAddr>,
    /// Whether the address told belongs to this machine.
    is_ours: bool,
    expects_others: bool,
    /// Who outside says that we have which address.
    witnesses: Vec<(String, IpAddr)>,
    /// Why the STUN server says nothing.
    silent: Option<String>,
    /// Whether phones are told what that server says.
    asks: bool,
}

impl Facts {
    /// What Contact and SDP say to somebody outside.
    fn advertised(&self) -> Option<IpAddr> {
        let bound = Some(self.bound).filter(|ip| !ip.is_unspecified());
        self.told.or(bound).or(self.route)
    }
}

pub(super) async fn address(
    patient: Arc<Patient>,
    asked: Arc<Asked>,
    reach: Arc<dyn Reach>,
) -> Vec<Finding> {
    let Some(ports) = &patient.ports else {
        return vec![Finding::skip(ADDRESS, super::ports::OFF)];
    };
    let mut witnesses = Vec::new();
    for (way, answer) in asked.all().await {
        if let Ok(echo) = answer
            && is_public(echo.peer.ip())
            && let Some(seen) = echo.received
        {
            witnesses.push((format!("the provider of {}", way.trunk), seen));
        }
    }
    let mut facts = facts(ports, patient.expects_others, witnesses);
    if let Some(stun) = &patient.stun {
        facts.asks = stun.is_gateways;
        let server = &stun.server;
        match reach.seen(server, outward(ports.udp.ip())).await {
            Ok(seen) if stun.is_gateways => facts.told = Some(seen.at.ip()),
            Ok(seen) => {
                let who = format!("STUN at {server}");
                facts.witnesses.push((who, seen.at.ip()));
            }
            Err(why) => facts.silent = Some(format!("STUN at {server}: {why}")),
        }
    }
    vec![judge(&facts)]
}

/// Any port of the address we are bound to, if it leads out.
fn outward(bound: IpAddr) -> SocketAddr {
    let any: IpAddr = match bound {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let ip = if bound.is_loopback() { any } else { bound };
    SocketAddr::new(ip, 0)
}

fn facts(ports: &Ports, expects_others: bool, witnesses: Vec<(String, IpAddr)>) -> Facts {
    let told = ports.public_ip;
    Facts {
        bound: ports.udp.ip(),
        told,
        route: route(),
        is_ours: told.is_none_or(is_ours),
        expects_others,
        witnesses,
        silent: None,
        asks: false,
    }
}

fn judge(facts: &Facts) -> Finding {
    let Some(advertised) = facts.advertised() else {
        let seen = "this machine has no way out, and gateway.public_ip says nothing";
        return Finding::warn(ADDRESS, seen, "connect it to a network");
    };
    if facts.asks
        && let Some(why) = &facts.silent
    {
        let seen = format!("phones are told {advertised}, since {why}");
        let remedy =
            "correct gateway.stun, open UDP to it, or set gateway.public_ip (TRUNKLINE_PUBLIC_IP)";
        return Finding::fail(ADDRESS, seen, remedy);
    }
    if advertised.is_loopback() {
        return loopback(facts, advertised);
    }
    let mut others = facts
        .witnesses
        .iter()
        .filter(|(_, seen)| *seen != advertised);
    if let Some((who, seen)) = others.next() {
        let text = format!("phones are told {advertised}, but {who} sees us at {seen}");
        let remedy = format!(
            "set gateway.public_ip (TRUNKLINE_PUBLIC_IP) to {seen}, and forward the SIP and RTP ports there"
        );
        return Finding::fail(ADDRESS, text, remedy);
    }
    if let Some((who, _)) = facts.witnesses.first() {
        return Finding::pass(
            ADDRESS,
            format!("phones are told {advertised}, as {who} sees us"),
        );
    }
    if facts.expects_others && !is_public(advertised) {
        let text = format!("phones are told {advertised}, which nobody outside can reach");
        let remedy = "set gateway.public_ip (TRUNKLINE_PUBLIC_IP) to the address that others reach \
                      this machine at; `trunkline doctor address --stun stun.l.google.com:19302` says which";
        return Finding::fail(ADDRESS, text, remedy);
    }
    if facts.asks {
        let seen = format!("phones are told {advertised}, as the server of gateway.stun sees us");
        return Finding::pass(ADDRESS, seen);
    }
    if !facts.is_ours {
        let text = format!(
            "phones are told {advertised}, which is no address of this machine, and nobody outside confirms it"
        );
        let remedy = "right where a router forwards to this machine; ask somebody outside: \
                      `trunkline doctor address --stun stun.l.google.com:19302`";
        return Finding::warn(ADDRESS, text, remedy);
    }
    if let Some(why) = &facts.silent {
        return Finding::warn(
            ADDRESS,
            why.clone(),
            "try another STUN server, or open UDP to it",
        );
    }
    Finding::pass(
        ADDRESS,
        format!("phones are told {advertised}, which is this machine's"),
    )
}

/// Good for this machine alone.
fn loopback(facts: &Facts, advertised: IpAddr) -> Finding {
    if !facts.expects_others {
        return Finding::pass(
            ADDRESS,
            format!("{advertised}: phones on this machine alone"),
        );
    }
    let text = format!("others shall call, and are told {advertised}, which is their own machine");
    let remedy = if facts.told.is_some() {
        "set gateway.public_ip (TRUNKLINE_PUBLIC_IP) to the address that others reach this machine at"
    } else {
        "bind gateway.udp and gateway.tcp to 0.0.0.0:5060 (TRUNKLINE_SIP_UDP, TRUNKLINE_SIP_TCP)"
    };
    Finding::fail(ADDRESS, text, remedy)
}

/// Does it belong to this machine? Then something can be bound there.
fn is_ours(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// The address that packets to the rest of the world leave from; nothing is sent.
fn route() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let local = socket.local_addr().ok().as_ref().map(SocketAddr::ip)?;
    Some(local).filter(|ip| !ip.is_unspecified())
}

/// Can the whole internet reach such an address?
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let is_carriers = a == 100 && (64..128).contains(&b);
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_documentation()
                || ip.is_broadcast()
                || is_carriers)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn given(bound: &str, told: Option<&str>) -> Facts {
        Facts {
            bound: ip(bound),
            told: told.map(ip),
            route: Some(ip("10.0.0.5")),
            is_ours: told.is_none(),
            expects_others: true,
            witnesses: Vec::new(),
            silent: None,
            asks: false,
        }
    }

    #[test]
    fn loopback_is_for_this_machine_alone() {
        let here = Facts {
            expects_others: false,
            ..given("127.0.0.1", None)
        };
        assert_eq!(judge(&here).verdict, Verdict::Pass);
        let others = judge(&given("127.0.0.1", None));
        assert_eq!(others.verdict, Verdict::Fail);
        assert!(others.remedy.unwrap().contains("TRUNKLINE_SIP_UDP"));
    }

    #[test]
    fn a_private_address_is_told_to_nobody_outside() {
        assert_eq!(judge(&given("0.0.0.0", None)).verdict, Verdict::Fail);
        assert_eq!(judge(&given("100.64.0.1", None)).verdict, Verdict::Fail);
        let within = Facts {
            expects_others: false,
            ..given("0.0.0.0", None)
        };
        assert_eq!(judge(&within).verdict, Verdict::Pass);
    }

    #[test]
    fn whoever_sees_us_from_outside_is_believed() {
        let seen = |told: &str, at: &str| {
            judge(&Facts {
                witnesses: vec![("the provider of main".to_owned(), ip(at))],
                ..given("0.0.0.0", Some(told))
            })
        };
        assert_eq!(seen("8.8.4.4", "8.8.4.4").verdict, Verdict::Pass);
        let wrong = seen("8.8.4.4", "8.8.8.8");
        assert_eq!(wrong.verdict, Verdict::Fail);
        assert!(wrong.remedy.unwrap().contains("to 8.8.8.8"));
        // Nobody says anything: it may be a router's.
        assert_eq!(
            judge(&given("0.0.0.0", Some("8.8.4.4"))).verdict,
            Verdict::Warn
        );
    }

    #[test]
    fn a_gateway_that_asks_is_told_what_it_is_told() {
        let asks = |told, silent: Option<&str>| {
            judge(&Facts {
                asks: true,
                is_ours: false,
                silent: silent.map(str::to_owned),
                ..given("0.0.0.0", told)
            })
        };
        assert_eq!(asks(Some("8.8.4.4"), None).verdict, Verdict::Pass);
        let silent = asks(None, Some("STUN at a:3478: no answer"));
        assert_eq!(silent.verdict, Verdict::Fail);
        assert!(
            silent.seen.contains("told 10.0.0.5, since STUN at a:3478"),
            "{silent:?}"
        );
    }
}
