//! Which calls count for the share of their source: from the INVITE until their sound flows, and from
//! the answer until its ACK. While they ring in between, those of a source that has confirmed calls
//! before are not counted.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::time::Instant;

use trunkline_sip::endpoint::LegId;

use super::super::load::{Share, Shares};

/// All of them.
pub(super) struct Seats {
    shares: Shares,
    seats: BTreeMap<LegId, Seat>,
}

enum Seat {
    /// It counts until its ACK comes.
    Held { _share: Arc<Share> },
    /// Only while it is set up, as far as that goes.
    Ringing { ip: IpAddr, share: Weak<Share> },
}

impl Seats {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            shares: Shares::new(now),
            seats: BTreeMap::new(),
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

    /// For a call that is let in all the same.
    pub(super) fn hold(&self, (ip, is_proven): (IpAddr, bool)) -> Arc<Share> {
        Arc::new(self.shares.hold(ip, is_proven))
    }

    /// It is in.
    pub(super) fn let_in(&mut self, leg: LegId, ip: IpAddr, share: &Arc<Share>) {
        let seat = if share.is_proven() {
            let share = Arc::downgrade(share);
            Seat::Ringing { ip, share }
        } else {
            Seat::Held {
                _share: Arc::clone(share),
            }
        };
        self.seats.insert(leg, seat);
    }

    /// Its 200 goes out, and has no ACK yet.
    pub(super) fn answered(&mut self, leg: LegId) {
        let Some(seat) = self.seats.get_mut(&leg) else {
            return;
        };
        if let Seat::Ringing { ip, share } = seat {
            let share = share
                .upgrade()
                .unwrap_or_else(|| Arc::new(self.shares.hold(*ip, true)));
            *seat = Seat::Held { _share: share };
        }
    }

    /// The ACK came, or it is over.
    pub(super) fn leave(&mut self, leg: LegId) {
        self.seats.remove(&leg);
    }
}
