//! A network within one process: datagrams between ends that live in it, under the addresses that
//! they have on the real one.
//!
//! A node and a participant beside it speak WebRTC as they would from far, encrypted and numbered; a
//! datagram that need not leave the process saves what the system's network costs for each. Who is
//! not on the wire is reached by a socket, as ever: so is everybody on a wire of one's own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Instant;

use crate::lane::LaneSender;

/// A datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// By which its reader knows how old it is: a reader that had to wait for its thread is no path
    /// that became slow.
    pub sent: Instant,
    pub bytes: Vec<u8>,
}

/// The network. A cheap handle: clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    ends: Arc<RwLock<BTreeMap<SocketAddr, Arc<LaneSender<Parcel>>>>>,
    lost: Arc<AtomicU64>,
}

/// Somebody's addresses on it, until dropped.
#[derive(Debug)]
pub struct Plug {
    wire: Wire,
    addresses: Vec<SocketAddr>,
    lane: Arc<LaneSender<Parcel>>,
}

impl Wire {
    /// What is sent to these addresses goes down this lane from now on.
    pub fn plug(&self, addresses: Vec<SocketAddr>, lane: LaneSender<Parcel>) -> Plug {
        let lane = Arc::new(lane);
        let mut ends = self.ends_mut();
        for address in &addresses {
            ends.insert(*address, Arc::clone(&lane));
        }
        drop(ends);
        Plug {
            wire: self.clone(),
            addresses,
            lane,
        }
    }

    /// Sends a datagram. One that nobody here is addressed by comes back: it is for the real network.
    ///
    /// # Errors
    /// The datagram.
    pub fn send(&self, parcel: Parcel) -> Result<(), Parcel> {
        let Some(lane) = self.lane(parcel.to) else {
            return Err(parcel);
        };
        // Whoever does not read any more loses it, as on a network.
        if let Ok(Some(_oldest)) = lane.put(parcel) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Datagrams that came faster than they were read, of all ends together.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Taken out of the map, so that nobody is woken while others wait for it: a call that comes or
    /// goes writes there, and would hold up the sound of all.
    fn lane(&self, to: SocketAddr) -> Option<Arc<LaneSender<Parcel>>> {
        let ends = self.ends.read().unwrap_or_else(PoisonError::into_inner);
        ends.get(&to).map(Arc::clone)
    }

    fn ends_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<SocketAddr, Arc<LaneSender<Parcel>>>> {
        self.ends.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        let mut ends = self.wire.ends_mut();
        for address in &self.addresses {
            // A port that was given back may be somebody else's by now.
            if ends
                .get(address)
                .is_some_and(|end| Arc::ptr_eq(end, &self.lane))
            {
                ends.remove(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::AtomicBool;
    use std::sync::{LazyLock, TryLockError};
    use std::task::{Context, Poll, Wake, Waker};

    use super::*;
    use crate::lane::lane;

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin of virtual time"
    )]
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    fn parcel(to: SocketAddr) -> Parcel {
        Parcel {
            from: address(1),
            to,
            sent: *START,
            bytes: b"hello".to_vec(),
        }
    }

    /// A reader that looks, when it is woken, whether the wire is free.
    struct Reader {
        wire: Wire,
        found_it_free: AtomicBool,
    }

    impl Wake for Reader {
        fn wake(self: Arc<Self>) {
            let taken = matches!(self.wire.ends.try_write(), Err(TryLockError::WouldBlock));
            self.found_it_free.store(!taken, Ordering::Relaxed);
        }
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn who_is_here_is_reached_and_others_are_for_the_real_network() {
        let wire = Wire::default();
        let (sender, mut receiver) = lane(4);
        let plug = wire.plug(vec![address(7), address(9)], sender);
        for to in [address(7), address(9)] {
            assert_eq!(wire.send(parcel(to)), Ok(()));
            assert_eq!(receiver.try_recv(), Some(parcel(to)));
        }
        let far = parcel(address(8));
        assert_eq!(wire.send(far.clone()), Err(far));
        assert!(Wire::default().send(parcel(address(7))).is_err(), "another");
        drop(plug);
        assert!(wire.send(parcel(address(7))).is_err(), "gone");
    }

    #[test]
    fn who_does_not_read_loses_the_oldest_and_nobody_waits_for_him() {
        let wire = Wire::default();
        let (sender, mut receiver) = lane(2);
        let _plug = wire.plug(vec![address(7)], sender);
        for port in 1..=5 {
            let from = address(port);
            let sent = wire.send(Parcel {
                from,
                ..parcel(address(7))
            });
            assert_eq!(sent, Ok(()));
        }
        assert_eq!((receiver.dropped(), wire.lost()), (3, 3));
        assert_eq!(receiver.try_recv().unwrap().from, address(4));
        drop(receiver);
        assert_eq!(
            wire.send(parcel(address(7))),
            Ok(()),
            "as lost as on a network"
        );
    }

    #[test]
    fn nobody_is_woken_while_the_wire_is_held() {
        let wire = Wire::default();
        let (sender, mut receiver) = lane(2);
        let _plug = wire.plug(vec![address(7)], sender);
        let reader = Arc::new(Reader {
            wire: wire.clone(),
            found_it_free: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&reader));
        let waiting = pin!(receiver.recv()).poll(&mut Context::from_waker(&waker));
        assert_eq!(waiting, Poll::Pending);
        assert_eq!(wire.send(parcel(address(7))), Ok(()));
        assert!(reader.found_it_free.load(Ordering::Relaxed));
    }

    #[test]
    fn an_address_that_somebody_else_has_by_now_stays_his() {
        let wire = Wire::default();
        let (sender, _old) = lane(4);
        let former = wire.plug(vec![address(7)], sender);
        let (sender, mut receiver) = lane(4);
        let _plug = wire.plug(vec![address(7)], sender);
        drop(former);
        assert_eq!(wire.send(parcel(address(7))), Ok(()));
        assert!(receiver.try_recv().is_some());
    }
}
