//! Ports of our own: no phone has its sound sent to one. It would come back, come as noise to where
//! SIP is taken, or into another's call.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use trunkline_sip::sdp::Agreement;

use super::super::outside::Outside;

/// What is known of our own ports.
#[derive(Clone)]
pub(crate) struct Home {
    /// Where SIP is taken over UDP: sound comes to no other port of SIP.
    sip: u16,
    /// Where all of it is bound.
    bound: IpAddr,
    /// Where others see us.
    outside: Outside,
    /// The first ports of the calls that are up, and whom each sends its sound to, if that is known. A
    /// lock, since a port is let go of wherever its sockets are dropped; nobody holds it for long.
    held: Arc<Mutex<BTreeMap<u16, Option<SocketAddr>>>>,
}

/// A pair of ports while a call has it.
pub(crate) struct Lease {
    home: Home,
    port: u16,
}

/// The sound would not leave this house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("audio is to go to {0}, which is a port of this gateway")]
pub(crate) struct Inward(pub(crate) SocketAddr);

impl Home {
    pub(crate) fn new(sip: u16, bound: IpAddr, outside: Outside) -> Self {
        Self {
            sip,
            bound,
            outside,
            held: Arc::default(),
        }
    }

    /// Takes note of a call at this port and the next.
    pub(super) fn let_to(&self, port: u16) -> Lease {
        self.held().insert(port, None);
        Lease {
            home: self.clone(),
            port,
        }
    }

    /// Takes note of where the call at this address of ours sends its sound, unless that is one of
    /// our own. Two calls of ours may speak to each other: one that we place may well come back in.
    /// Reports that would come to where SIP is taken only because that is beside a phone's sound are
    /// not sent.
    pub(crate) fn agree(&self, ours: SocketAddr, agreed: &mut Agreement) -> Result<(), Inward> {
        let beside = agreed.remote_rtcp.filter(|at| is_beside(*at, agreed));
        if let Some(at) = beside
            && at.port() == self.sip
            && self.is_here(at.ip(), ours.ip())
        {
            agreed.remote_rtcp = None;
        }
        let reports = agreed.remote_rtcp.filter(|_| beside.is_none());
        for (target, from) in [(agreed.remote, Some(ours.port())), (reports, None)] {
            if let Some(target) = target
                && self.is_taken(target, from)
                && self.is_here(target.ip(), ours.ip())
            {
                return Err(Inward(target));
            }
        }
        if let Some(facing) = self.held().get_mut(&ours.port())
            && agreed.remote.is_some()
        {
            *facing = agreed.remote;
        }
        Ok(())
    }

    /// Whether something of ours is at that port that sound from this one is not for. Reports by
    /// themselves are for none.
    fn is_taken(&self, target: SocketAddr, from: Option<u16>) -> bool {
        let port = target.port();
        let first = port & !1;
        match self.held().get(&first) {
            Some(facing) => from.is_none_or(|from| {
                let speaks_to_another = facing.is_some_and(|at| at.port() != from);
                port != first || port == from || speaks_to_another
            }),
            None => self.sip == port,
        }
    }

    fn is_here(&self, ip: IpAddr, ours: IpAddr) -> bool {
        let public = self.outside.get().map(|ip| ip.to_canonical());
        // An address can be bound where it is one of the machine's. Those that we are not bound to
        // are others', with ports of their own.
        let is_bound =
            ip == self.bound || (self.bound.is_unspecified() && UdpSocket::bind((ip, 0)).is_ok());
        ip == ours || Some(ip) == public || is_bound
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u16, Option<SocketAddr>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports go beside the sound, wherever that may go.
fn is_beside(reports: SocketAddr, agreed: &Agreement) -> bool {
    let beside = |at: SocketAddr| Some(reports.port()) == at.port().checked_add(1);
    let is_one = |at: SocketAddr| reports.ip() == at.ip() && beside(at);
    agreed.remote.is_some_and(is_one)
}

impl Default for Home {
    fn default() -> Self {
        Self::new(0, Ipv4Addr::UNSPECIFIED.into(), Outside::Told(None))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.home.held().remove(&self.port);
    }
}

#[cfg(test)]
mod tests {
    use trunkline_sip::sdp::{Codec, Direction, OpusWishes};

    use super::*;

    fn to(remote: &str, reports: Option<&str>) -> Agreement {
        let remote: SocketAddr = remote.parse().unwrap();
        let beside = SocketAddr::new(remote.ip(), remote.port() + 1);
        Agreement {
            codec: Codec::Pcmu,
            payload_type: 0,
            telephone_event: None,
            comfort_noise: None,
            opus: OpusWishes::default(),
            remote: Some(remote),
            remote_rtcp: Some(reports.map_or(beside, |at| at.parse().unwrap())),
            ptime: 20,
            max_ptime: 60,
            direction: Direction::SendRecv,
            keys: None,
        }
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn home() -> Home {
        let public = "203.0.113.1".parse().unwrap();
        Home::new(
            5060,
            Ipv4Addr::UNSPECIFIED.into(),
            Outside::Told(Some(public)),
        )
    }

    #[test]
    fn no_sound_goes_to_where_sip_or_the_call_itself_is() {
        let home = home();
        let _call = home.let_to(10_000);
        for (remote, reports) in [
            ("192.0.2.1:5060", None),
            ("203.0.113.1:5060", None),
            ("127.0.0.1:5060", None),
            ("192.0.2.1:10000", None),
            ("192.0.2.1:10001", None),
            ("127.0.0.9:10000", None),
            ("198.51.100.7:4000", Some("192.0.2.1:5060")),
            ("198.51.100.7:4000", Some("192.0.2.1:10000")),
            ("198.51.100.7:4000", Some("192.0.2.1:10001")),
            ("192.0.2.1:5058", Some("192.0.2.1:5060")),
            ("198.51.100.7:5059", Some("192.0.2.1:5060")),
        ] {
            let refused = home.agree(at(10_000), &mut to(remote, reports));
            assert!(refused.is_err(), "{remote} {reports:?}");
        }
        for remote in ["198.51.100.7:5060", "198.51.100.7:10000", "192.0.2.1:9998"] {
            assert_eq!(
                home.agree(at(10_000), &mut to(remote, None)),
                Ok(()),
                "{remote}"
            );
        }
    }

    /// The system may give a phone on the gateway's machine such a port; it was refused with 488.
    #[test]
    fn a_phone_whose_sound_is_beside_our_port_for_sip_talks_and_gets_no_reports() {
        let home = home();
        let _call = home.let_to(10_000);
        for (remote, is_sent) in [
            ("192.0.2.1:5059", false),
            ("203.0.113.1:5059", false),
            ("198.51.100.7:5059", true),
            ("192.0.2.1:5061", true),
        ] {
            let mut agreed = to(remote, None);
            assert_eq!(home.agree(at(10_000), &mut agreed), Ok(()), "{remote}");
            assert_eq!(agreed.remote_rtcp.is_some(), is_sent, "{remote}");
        }
    }

    #[test]
    fn another_address_of_the_machine_is_somebody_elses_where_we_are_bound_to_one() {
        let bound = at(0).ip();
        let home = Home::new(5060, bound, Outside::Told(None));
        let _call = home.let_to(10_000);
        for remote in ["127.0.0.9:10000", "127.0.0.1:5060"] {
            assert_eq!(
                home.agree(at(10_000), &mut to(remote, None)),
                Ok(()),
                "{remote}"
            );
        }
        assert!(
            home.agree(at(10_000), &mut to("192.0.2.1:5060", None))
                .is_err()
        );
    }

    #[test]
    fn no_sound_goes_into_a_call_that_speaks_to_somebody_else() {
        let home = home();
        let call = home.let_to(10_000);
        let _other = home.let_to(10_002);
        home.agree(at(10_000), &mut to("198.51.100.7:4000", None))
            .unwrap();
        let mut inward = to("192.0.2.1:10000", None);
        let refused = home.agree(at(10_002), &mut inward).unwrap_err();
        assert_eq!(refused, Inward(at(10_000)));
        drop(call);
        assert_eq!(home.agree(at(10_002), &mut inward), Ok(()));
    }

    #[test]
    fn a_call_that_comes_back_in_is_spoken_to() {
        let home = home();
        let _out = home.let_to(10_000);
        let _back = home.let_to(10_002);
        assert_eq!(
            home.agree(at(10_002), &mut to("192.0.2.1:10000", None)),
            Ok(())
        );
        assert_eq!(
            home.agree(at(10_000), &mut to("192.0.2.1:10002", None)),
            Ok(())
        );
        let _third = home.let_to(10_004);
        assert!(
            home.agree(at(10_004), &mut to("192.0.2.1:10002", None))
                .is_err()
        );
    }
}
