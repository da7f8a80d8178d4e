//! What each call holds of the share of its source: from the INVITE until its sound flows, and from
//! the answer until its ACK. While it rings in between, one of a source that has confirmed calls before
//! holds nothing; one for help, beside the share, holds its place from the INVITE to the ACK.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::time::Instant;

use trunkline_sip::endpoint::LegId;

use super::super::load::{Share, Shares};

/// Those of all calls.
pub(super) struct Stakes {
    shares: Shares,
    stakes: BTreeMap<LegId, Stake>,
}

enum Stake {
    /// It counts until its ACK comes.
    Held { _share: Arc<Share> },
    /// Only while it is set up, as far as that goes.
    Ringing { ip: IpAddr, share: Weak<Share> },
}

impl Stakes {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            shares: Shares::new(now),
            stakes: BTreeMap::new(),
        }
    }

    /// Whether one more call from there may be set up.
    pub(super) fn ask(
        &mut self,
        source: (IpAddr, bool),
        most: Option<NonZeroUsize>,
        now: Instant,
    ) -> Option<Arc<Share>> {
        self.shares.ask(source, most, now).map(Arc::new)
    }

    /// Whether one that calls for help may be beside the share of its source.
    pub(super) fn help(&self, (ip, is_proven): (IpAddr, bool)) -> Option<Arc<Share>> {
        self.shares.help(ip, is_proven).map(Arc::new)
    }

    /// It is in.
    pub(super) fn let_in(&mut self, leg: LegId, ip: IpAddr, share: &Arc<Share>) {
        let stake = if share.is_proven() && !share.is_for_help() {
            let share = Arc::downgrade(share);
            Stake::Ringing { ip, share }
        } else {
            Stake::Held {
                _share: Arc::clone(share),
            }
        };
        self.stakes.insert(leg, stake);
    }

    /// Its 200 goes out, and has no ACK yet.
    pub(super) fn answered(&mut self, leg: LegId) {
        let Some(stake) = self.stakes.get_mut(&leg) else {
            return;
        };
        if let Stake::Ringing { ip, share } = stake {
            let share = share
                .upgrade()
                .unwrap_or_else(|| Arc::new(self.shares.hold(*ip, true)));
            *stake = Stake::Held { _share: share };
        }
    }

    /// The ACK came, or it is over.
    pub(super) fn leave(&mut self, leg: LegId) {
        self.stakes.remove(&leg);
    }
}

#[cfg(test)]
mod tests {
    use trunkline_sip::endpoint::{Endpoint, EndpointConfig, Event, Flow, Standing, Transport};

    use super::super::now;
    use super::*;

    const MOST: usize = 64;

    /// A gateway at which somebody calls.
    struct World {
        endpoint: Endpoint,
        stakes: Stakes,
        source: (IpAddr, bool),
        now: Instant,
    }

    impl World {
        fn new(is_proven: bool) -> Self {
            let now = now();
            Self {
                endpoint: Endpoint::new(EndpointConfig::new("test"), [1; 32], now),
                stakes: Stakes::new(now),
                source: ("192.0.2.9".parse().unwrap(), is_proven),
                now,
            }
        }

        /// Lets a call in.
        fn call(&mut self, id: &str) -> (LegId, Arc<Share>) {
            let flow = Flow {
                transport: Transport::Udp,
                local: "192.0.2.1:5060".parse().unwrap(),
                remote: "192.0.2.9:5060".parse().unwrap(),
            };
            let text = format!(
                "INVITE sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{id}\r\n\
                 From: <sip:200@192.0.2.9>;tag=them\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: {id}\r\n\
                 CSeq: 1 INVITE\r\nContact: <sip:200@192.0.2.9>\r\nContent-Length: 0\r\n\r\n"
            );
            self.endpoint.handle_input(flow, text.as_bytes(), self.now);
            let Some(Event::Invited(invitation)) = self.endpoint.poll_event() else {
                panic!("not invited")
            };
            let let_in = self.endpoint.admit(&invitation, Standing::Known, self.now);
            let (leg, _) = let_in.unwrap();
            let share = self
                .stakes
                .ask(self.source, NonZeroUsize::new(MOST), self.now);
            let share = share.unwrap();
            self.stakes.let_in(leg, self.source.0, &share);
            (leg, share)
        }

        /// How many more would be let in.
        fn free(&mut self) -> usize {
            let more = (0..=MOST).map_while(|_| {
                self.stakes
                    .ask(self.source, NonZeroUsize::new(MOST), self.now)
            });
            more.collect::<Vec<_>>().len()
        }
    }

    #[test]
    fn who_has_never_confirmed_a_call_holds_each_from_the_invite_to_the_ack() {
        let mut world = World::new(false);
        let all = MOST / 2;
        let (leg, share) = world.call("a");
        drop(share);
        assert_eq!(world.free(), all - 1, "it rings");
        world.stakes.answered(leg);
        assert_eq!(world.free(), all - 1, "no ack yet");
        world.stakes.leave(leg);
        assert_eq!(world.free(), all);
    }

    #[test]
    fn who_has_confirmed_calls_holds_them_while_they_are_set_up_and_until_the_ack() {
        let mut world = World::new(true);
        let (leg, share) = world.call("a");
        assert_eq!(world.free(), MOST - 1, "it is set up");
        drop(share);
        assert_eq!(world.free(), MOST, "it rings");
        world.stakes.answered(leg);
        assert_eq!(world.free(), MOST - 1, "no ack yet");
        world.stakes.leave(leg);
        assert_eq!(world.free(), MOST);
        // Answered before its sound flows.
        let (leg, share) = world.call("b");
        world.stakes.answered(leg);
        drop(share);
        assert_eq!(world.free(), MOST - 1);
        world.stakes.leave(leg);
        assert_eq!(world.free(), MOST);
        // Over while somebody was about to answer it.
        let (leg, share) = world.call("c");
        drop(share);
        world.stakes.leave(leg);
        world.stakes.answered(leg);
        assert_eq!(world.free(), MOST);
    }
}
