//! Sockets of the gateway: can they be had, and do datagrams come in where phones are told to send
//! them?
//!
//! What goes wrong on the machine itself: ports taken, addresses that are not there, a local filter.
//! What stands in front of it is seen from `outside` alone.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use trunkline_base::here::{at_home, ip_at_home};

use super::finding::{Finding, or_skip};
use super::outside::{self, RTP};
use super::patient::{Patient, Ports, Way, WayUse};
use super::reach::Reach;

pub(super) const SIP: &str = "sip_ports";
pub(super) const OFF: &str = "gateway.enabled is false";

/// A port that SIP comes in at.
#[derive(Clone, Copy, Debug)]
struct Port {
    transport: &'static str,
    key: &'static str,
    addr: SocketAddr,
}

impl Port {
    fn try_bind(self) -> io::Result<()> {
        if self.transport == "udp" {
            UdpSocket::bind(self.addr).map(drop)
        } else {
            TcpListener::bind(self.addr).map(drop)
        }
    }
}

pub(super) async fn sip(patient: Arc<Patient>, reach: Arc<dyn Reach>) -> Vec<Finding> {
    let Some(ports) = &patient.ports else {
        return vec![Finding::skip(SIP, OFF)];
    };
    let all = [
        ("udp", "gateway.udp", Some(ports.udp)),
        ("tcp", "gateway.tcp", ports.tcp),
        ("tls", "gateway.tls.listen", ports.tls),
    ];
    let mut found = Vec::new();
    for (transport, key, addr) in all {
        let Some(addr) = addr.filter(|addr| addr.port() != 0) else {
            continue;
        };
        let port = Port {
            transport,
            key,
            addr,
        };
        let holder = match port.try_bind() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                Some(holder(port, &patient, reach.as_ref()).await)
            }
            other => {
                found.push(free(port, other));
                continue;
            }
        };
        found.push(held(port, holder.flatten()));
    }
    or_skip(found, SIP, "every port is chosen at the start")
}

/// Who has the port, if that is one of us.
async fn holder(port: Port, patient: &Patient, reach: &dyn Reach) -> Option<String> {
    let addr = at_home(port.addr);
    let way = Way {
        trunk: String::new(),
        uri: format!("sip:{addr};transport={}", port.transport),
        serves: WayUse::Calls,
    };
    // Inside TLS its certificate would have to name this very address.
    let answered = match port.transport {
        "tls" => None,
        _ => reach.ask(&way).await.ok(),
    };
    let ours = answered
        .and_then(|echo| echo.software)
        .filter(|software| software.starts_with("trunkline/"));
    if ours.is_some() {
        return ours;
    }
    let parts = patient.daemon.parts().await.unwrap_or_default();
    let gateway = parts
        .into_iter()
        .find(|part| part.name == "sip" && part.runs);
    gateway.map(|_| "trunkline".to_owned())
}

fn free(port: Port, bound: io::Result<()>) -> Finding {
    let Port {
        transport,
        key,
        addr,
    } = port;
    let finding = match bound {
        Ok(()) => Finding::pass(SIP, "free: the gateway is not running, and can have it"),
        Err(error) => {
            let remedy = match error.kind() {
                io::ErrorKind::PermissionDenied => format!(
                    "ports below 1024 want a right of their own: choose another in {key}, or give \
                     the program CAP_NET_BIND_SERVICE"
                ),
                io::ErrorKind::AddrNotAvailable => format!(
                    "this machine does not have that address: bind {key} to 0.0.0.0:{} or to one \
                     it has (`ip address` lists them)",
                    addr.port()
                ),
                _ => format!("choose another address in {key}"),
            };
            Finding::fail(SIP, format!("cannot be bound: {error}"), remedy)
        }
    };
    finding.about(format!("{transport} {addr}"))
}

fn held(port: Port, holder: Option<String>) -> Finding {
    let Port {
        transport,
        key,
        addr,
    } = port;
    let about = format!("{transport} {addr}");
    let finding = match holder {
        Some(holder) => Finding::pass(SIP, format!("held by {holder}, which runs")),
        None => {
            let flag = if transport == "udp" { "u" } else { "t" };
            Finding::fail(
                SIP,
                "held by another program",
                format!(
                    "`ss -{flag}lnp sport = :{}` names it: stop it, or choose another port in {key}",
                    addr.port()
                ),
            )
        }
    };
    finding.about(about)
}

pub(super) async fn rtp(patient: Arc<Patient>, reach: Arc<dyn Reach>) -> Vec<Finding> {
    let Some(ports) = patient.ports.clone() else {
        return vec![Finding::skip(RTP, OFF)];
    };
    let advertised = ports.public_ip;
    let range = ports.rtp.clone();
    let about = format!("udp {}-{}", range.start(), range.end());
    let tried = spawn_blocking(move || (census(&ports), ports)).await;
    let Ok((census, ports)) = tried else {
        return vec![Finding::warn(RTP, "could not be looked at", "try again").about(about)];
    };
    let mut found = vec![room(&ports, &census).about(about)];
    // What is bound to this machine alone is told as it is.
    let told = advertised.unwrap_or_else(|| ip_at_home(ports.udp.ip()));
    let arrived = arrival(told, advertised, &census, patient.stun.is_some());
    found.push(arrived.about(format!("udp to {told}")));
    if let Some(stun) = &patient.stun {
        found.push(outside::look(&ports, stun, &census.samples, reach.as_ref()).await);
    }
    found
}

/// What is free of the range, and what came of sending to it.
#[derive(Debug, Default)]
struct Census {
    /// Pairs of ports that a call could have now.
    free: usize,
    taken: usize,
    /// Why a port cannot be had that nobody has.
    error: Option<String>,
    sent: usize,
    arrived: usize,
    /// Free ports along the range.
    samples: Vec<u16>,
}

fn census(ports: &Ports) -> Census {
    let mut census = Census::default();
    let ip = ports.udp.ip();
    let mut samples = Vec::new();
    let first = ports.rtp.start().next_multiple_of(2);
    for even in (first..*ports.rtp.end()).step_by(2) {
        let pair = UdpSocket::bind((ip, even))
            .and_then(|rtp| UdpSocket::bind((ip, even + 1)).map(|_rtcp| rtp));
        match pair {
            Ok(socket) => {
                census.free += 1;
                if samples.len() < SAMPLES || census.free.is_multiple_of(SPREAD) {
                    samples.push(socket);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => census.taken += 1,
            Err(error) => {
                census.error = Some(error.to_string());
                break;
            }
        }
    }
    let told = ports.public_ip.unwrap_or_else(|| ip_at_home(ip));
    for socket in &samples {
        census.sent += 1;
        census.arrived += usize::from(comes_in(socket, told).unwrap_or(false));
        census
            .samples
            .extend(socket.local_addr().map(|at| at.port()));
    }
    census
}

/// Sends to a socket at the address phones are told, from another one.
fn comes_in(socket: &UdpSocket, told: IpAddr) -> io::Result<bool> {
    let port = socket.local_addr()?.port();
    let word: [u8; 16] = rand::random();
    let any: IpAddr = match told {
        IpAddr::V4(_) => [0; 4].into(),
        IpAddr::V6(_) => [0; 16].into(),
    };
    UdpSocket::bind((any, 0))?.send_to(&word, (told, port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut heard = [0; 64];
    let length = socket.recv(&mut heard)?;
    Ok(heard.get(..length) == Some(&word[..]))
}

fn room(ports: &Ports, census: &Census) -> Finding {
    let Census {
        free, taken, error, ..
    } = census;
    if let Some(error) = error {
        let remedy = "bind gateway.udp to an address of this machine";
        return Finding::fail(RTP, format!("no port can be had: {error}"), remedy);
    }
    let seen = format!(
        "{free} pairs free, {taken} in use, {} calls allowed",
        ports.max_calls
    );
    if *free == 0 {
        let remedy = "choose another range in gateway.rtp_ports (TRUNKLINE_RTP_PORTS)";
        return Finding::fail(RTP, seen, remedy);
    }
    if free + taken < ports.max_calls {
        let remedy = format!(
            "a call takes two ports: widen gateway.rtp_ports to {} ports, or lower sip.max_calls in security.yaml",
            ports.max_calls * 2
        );
        return Finding::warn(RTP, seen, remedy);
    }
    Finding::pass(RTP, seen)
}

fn arrival(told: IpAddr, public: Option<IpAddr>, census: &Census, asked_outside: bool) -> Finding {
    let Census { sent, arrived, .. } = *census;
    let outside = format!(
        "a firewall outside is seen by `trunkline doctor rtp_ports --stun HOST:PORT`, or from another \
         machine: `echo hello | nc -u -w1 {told} PORT` while `nc -u -l PORT` runs here"
    );
    if sent == 0 {
        return Finding::skip(RTP, "nothing could be sent: no port is free");
    }
    let seen = format!("{arrived} of {sent} datagrams sent to {told} came in");
    if arrived == sent && (told.is_loopback() || asked_outside) {
        return Finding::pass(RTP, seen);
    }
    if arrived == sent {
        return Finding::pass(RTP, format!("{seen}; {outside}"));
    }
    if public.is_some() {
        let remedy = format!(
            "many routers do not send back what comes from within; {outside}. The whole range is to be forwarded"
        );
        return Finding::warn(RTP, seen, remedy);
    }
    let remedy = "a filter on this machine drops UDP: allow the range of gateway.rtp_ports \
                  (`nft list ruleset`, `ufw status`)";
    Finding::fail(RTP, seen, remedy)
}

/// Sockets that something is sent to: the first few, and some along the range.
const SAMPLES: usize = 3;
const SPREAD: usize = 1000;

/// On one machine it takes microseconds; a router that sends back takes some milliseconds.
const PATIENCE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn ports(rtp: std::ops::RangeInclusive<u16>, public_ip: Option<&str>) -> Ports {
        Ports {
            udp: "127.0.0.1:5060".parse().unwrap(),
            tcp: None,
            tls: None,
            public_ip: public_ip.map(|ip| ip.parse().unwrap()),
            rtp,
            max_calls: 1,
        }
    }

    /// A pair that nobody has, as far as one can know.
    fn free_pair() -> u16 {
        loop {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let port = socket.local_addr().unwrap().port();
            let next = port
                .checked_add(1)
                .map(|next| UdpSocket::bind(("127.0.0.1", next)));
            if port.is_multiple_of(2) && next.is_some_and(|next| next.is_ok()) {
                return port;
            }
        }
    }

    #[test]
    fn what_is_sent_to_the_told_address_comes_in() {
        let first = free_pair();
        let ports = ports(first..=first + 1, None);
        let census = census(&ports);
        assert_eq!((census.free, census.sent, census.arrived), (1, 1, 1));
        assert_eq!(room(&ports, &census).verdict, Verdict::Pass);
    }

    #[test]
    fn a_range_in_use_has_no_room() {
        let first = free_pair();
        let _holder = UdpSocket::bind(("127.0.0.1", first)).unwrap();
        let ports = ports(first..=first + 1, None);
        let census = census(&ports);
        assert_eq!((census.free, census.taken), (0, 1));
        assert_eq!(room(&ports, &census).verdict, Verdict::Fail);
    }

    #[test]
    fn what_does_not_come_back_is_a_router_or_a_filter() {
        let lost = Census {
            sent: 3,
            arrived: 1,
            ..Census::default()
        };
        let told: IpAddr = "203.0.113.7".parse().unwrap();
        assert_eq!(
            arrival(told, Some(told), &lost, false).verdict,
            Verdict::Warn
        );
        assert_eq!(arrival(told, None, &lost, false).verdict, Verdict::Fail);
    }

    #[test]
    fn too_few_ports_for_the_calls_allowed_are_told() {
        let census = Census {
            free: 10,
            ..Census::default()
        };
        let ports = Ports {
            max_calls: 1000,
            ..ports(10_000..=10_020, None)
        };
        let found = room(&ports, &census);
        assert_eq!(found.verdict, Verdict::Warn);
        assert!(found.remedy.unwrap().contains("2000 ports"));
    }
}
