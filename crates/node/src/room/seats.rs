//! The node's occupancy, counted by the rooms themselves.

use std::sync::Arc;

use tokio::sync::watch;

use super::notice::Occupancy;

/// What one room adds to the occupancy; gives it back when dropped, however the room ends.
#[derive(Debug)]
pub(crate) struct Seats {
    node: Arc<watch::Sender<Occupancy>>,
    taken: usize,
    tracks: usize,
}

impl Seats {
    /// Counts a room.
    pub(crate) fn open(node: Arc<watch::Sender<Occupancy>>) -> Self {
        node.send_modify(|occupancy| occupancy.rooms += 1);
        Self {
            node,
            taken: 0,
            tracks: 0,
        }
    }

    /// The room's participants and their tracks now.
    pub(crate) fn take(&mut self, participants: usize, tracks: usize) {
        if (participants, tracks) != (self.taken, self.tracks) {
            let left = std::mem::replace(&mut self.taken, participants);
            let ended = std::mem::replace(&mut self.tracks, tracks);
            self.node.send_modify(|occupancy| {
                occupancy.participants = occupancy.participants + participants - left;
                occupancy.tracks = occupancy.tracks + tracks - ended;
            });
        }
    }
}

impl Drop for Seats {
    fn drop(&mut self) {
        self.node.send_modify(|occupancy| {
            occupancy.rooms -= 1;
            occupancy.participants -= self.taken;
            occupancy.tracks -= self.tracks;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_gives_its_seats_back() {
        let node = Arc::new(watch::Sender::new(Occupancy::default()));
        let mut one = Seats::open(Arc::clone(&node));
        let mut two = Seats::open(Arc::clone(&node));
        one.take(3, 5);
        two.take(2, 2);
        one.take(1, 1);
        assert_eq!(
            *node.borrow(),
            Occupancy {
                rooms: 2,
                participants: 3,
                tracks: 3,
            }
        );
        drop(one);
        assert_eq!(
            *node.borrow(),
            Occupancy {
                rooms: 1,
                participants: 2,
                tracks: 2,
            }
        );
    }
}
