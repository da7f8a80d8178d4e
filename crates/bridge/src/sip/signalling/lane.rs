//! A queue that is bounded in messages and in bytes: one message may be five hundred times as large
//! as another, and what waits is a stranger's choice.

use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// What has a size.
pub(crate) trait Weighed {
    /// Bytes it holds.
    fn weight(&self) -> usize;
}

/// The sending end.
pub(crate) struct Sender<T> {
    lane: mpsc::Sender<(T, Held)>,
    whole: Bound,
    /// Of those who may not have all of it.
    part: Option<Bound>,
}

/// The receiving end.
pub(crate) struct Receiver<T>(mpsc::Receiver<(T, Held)>);

/// What a message takes while it waits.
type Held = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

/// How many bytes may wait.
#[derive(Clone)]
struct Bound {
    room: Arc<Semaphore>,
    bytes: u32,
}

/// A queue for that many messages, of that many bytes together.
pub(crate) fn lane<T: Weighed>(messages: usize, bytes: u32) -> (Sender<T>, Receiver<T>) {
    let (lane, receiver) = mpsc::channel(messages);
    let sender = Sender {
        lane,
        whole: Bound::new(bytes),
        part: None,
    };
    (sender, Receiver(receiver))
}

impl Bound {
    fn new(bytes: u32) -> Self {
        let room = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            room: Arc::new(Semaphore::new(room)),
            bytes,
        }
    }

    /// A message larger than all that may wait takes all of it.
    fn cost(&self, weight: usize) -> u32 {
        u32::try_from(weight).unwrap_or(u32::MAX).min(self.bytes)
    }

    /// Nobody closes it.
    async fn take(&self, weight: usize) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room);
        room.acquire_many_owned(self.cost(weight)).await.ok()
    }

    fn try_take(&self, weight: usize) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room);
        room.try_acquire_many_owned(self.cost(weight)).ok()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            lane: self.lane.clone(),
            whole: self.whole.clone(),
            part: self.part.clone(),
        }
    }
}

impl<T: Weighed> Sender<T> {
    /// The same for those who can wait: all clones together have so many bytes of it at the most, and
    /// leave the rest to those who cannot.
    pub(crate) fn part(&self, bytes: u32) -> Self {
        Self {
            part: Some(Bound::new(bytes)),
            ..self.clone()
        }
    }

    /// Waits for room. `false` when nobody receives any more.
    ///
    /// # Cancel safety
    /// The message is lost.
    pub(crate) async fn send(&self, message: T) -> bool {
        let held = tokio::select! {
            biased;
            () = self.lane.closed() => return false,
            held = self.hold(message.weight()) => held,
        };
        match held {
            Some(held) => self.lane.send((message, held)).await.is_ok(),
            None => false,
        }
    }

    async fn hold(&self, weight: usize) -> Option<Held> {
        let of_part = match &self.part {
            Some(part) => Some(part.take(weight).await?),
            None => None,
        };
        Some((self.whole.take(weight).await?, of_part))
    }

    /// Sends at once or gives the message back.
    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        if self.lane.is_closed() {
            return Err(TrySendError::Closed(message));
        }
        let Some(held) = self.try_hold(message.weight()) else {
            return Err(TrySendError::Full(message));
        };
        self.lane
            .try_send((message, held))
            .map_err(|error| match error {
                TrySendError::Full((message, _)) => TrySendError::Full(message),
                TrySendError::Closed((message, _)) => TrySendError::Closed(message),
            })
    }

    fn try_hold(&self, weight: usize) -> Option<Held> {
        let of_part = match &self.part {
            Some(part) => Some(part.try_take(weight)?),
            None => None,
        };
        Some((self.whole.try_take(weight)?, of_part))
    }

    /// Waits until nobody receives any more.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn closed(&self) {
        self.lane.closed().await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lane.is_closed()
    }
}

impl<T> Receiver<T> {
    /// The next message.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn recv(&mut self) -> Option<T> {
        self.0.recv().await.map(|(message, _)| message)
    }

    pub(crate) fn try_recv(&mut self) -> Option<T> {
        self.0.try_recv().ok().map(|(message, _)| message)
    }

    /// Takes nothing more; what is there can still be received.
    pub(crate) fn close(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    impl Weighed for Vec<u8> {
        fn weight(&self) -> usize {
            self.len()
        }
    }

    /// Four thousand datagrams of 64 kB were a quarter of a gigabyte before anybody looked at one.
    #[tokio::test]
    async fn a_queue_is_full_at_its_bytes_or_its_messages() {
        let (sender, mut receiver) = lane(4, 100);
        assert!(sender.try_send(vec![0; 60]).is_ok());
        assert!(matches!(
            sender.try_send(vec![0; 60]),
            Err(TrySendError::Full(back)) if back.len() == 60
        ));
        assert!(sender.try_send(vec![0; 40]).is_ok());
        assert_eq!(receiver.recv().await.map(|message| message.len()), Some(60));
        for _ in 0..3 {
            assert!(sender.try_send(Vec::new()).is_ok());
        }
        assert!(matches!(
            sender.try_send(Vec::new()),
            Err(TrySendError::Full(_))
        ));
    }

    #[tokio::test]
    async fn whoever_can_wait_waits_for_room_and_the_largest_passes_alone() {
        let (sender, mut receiver) = lane(4, 100);
        assert!(sender.send(vec![0; 500]).await);
        let (sent, received) = tokio::join!(sender.send(vec![0; 100]), receiver.recv());
        assert_eq!(
            (sent, received.map(|message| message.len())),
            (true, Some(500))
        );
        assert_eq!(
            receiver.recv().await.map(|message| message.len()),
            Some(100)
        );
        assert!(sender.send(vec![1]).await);
        receiver.close();
        assert!(!sender.send(vec![2]).await);
        assert!(matches!(
            sender.try_send(vec![3]),
            Err(TrySendError::Closed(_))
        ));
        assert_eq!(receiver.try_recv(), Some(vec![1]));
        assert_eq!(receiver.try_recv(), None);
    }

    /// One connection that sent without end had all of the queue, and the datagrams of all calls were
    /// lost before it.
    #[tokio::test]
    async fn those_who_can_wait_leave_room_to_those_who_cannot() {
        let (sender, mut receiver) = lane(8, 100);
        let streams = sender.part(40);
        let other = streams.clone();
        for _ in 0..2 {
            assert!(streams.send(vec![0; 20]).await);
        }
        let mut waits = Box::pin(other.send(vec![1; 20]));
        assert!(waits.as_mut().now_or_never().is_none());
        assert!(matches!(
            streams.try_send(vec![0; 1]),
            Err(TrySendError::Full(_))
        ));
        for _ in 0..3 {
            assert!(sender.try_send(vec![2; 20]).is_ok());
        }
        assert!(receiver.recv().await.is_some());
        assert!(waits.await);
        for first in [0, 2, 2, 2, 1] {
            let next = receiver.try_recv();
            assert_eq!(
                next.and_then(|message| message.first().copied()),
                Some(first)
            );
        }
    }
}
