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
    lane: mpsc::Sender<(T, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
    bytes: u32,
}

/// The receiving end.
pub(crate) struct Receiver<T>(mpsc::Receiver<(T, OwnedSemaphorePermit)>);

/// A queue for that many messages, of that many bytes together.
pub(crate) fn lane<T: Weighed>(messages: usize, bytes: u32) -> (Sender<T>, Receiver<T>) {
    let (lane, receiver) = mpsc::channel(messages);
    let room = Arc::new(Semaphore::new(usize::try_from(bytes).unwrap_or(usize::MAX)));
    (Sender { lane, room, bytes }, Receiver(receiver))
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            lane: self.lane.clone(),
            room: Arc::clone(&self.room),
            bytes: self.bytes,
        }
    }
}

impl<T: Weighed> Sender<T> {
    /// Waits for room. `false` when nobody receives any more.
    ///
    /// # Cancel safety
    /// The message is lost.
    pub(crate) async fn send(&self, message: T) -> bool {
        let room = Arc::clone(&self.room);
        let permit = tokio::select! {
            biased;
            () = self.lane.closed() => return false,
            permit = room.acquire_many_owned(self.cost(&message)) => permit,
        };
        match permit {
            Ok(permit) => self.lane.send((message, permit)).await.is_ok(),
            Err(_) => false,
        }
    }

    /// Sends at once or gives the message back.
    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        if self.lane.is_closed() {
            return Err(TrySendError::Closed(message));
        }
        let room = Arc::clone(&self.room);
        let Ok(permit) = room.try_acquire_many_owned(self.cost(&message)) else {
            return Err(TrySendError::Full(message));
        };
        self.lane
            .try_send((message, permit))
            .map_err(|error| match error {
                TrySendError::Full((message, _)) => TrySendError::Full(message),
                TrySendError::Closed((message, _)) => TrySendError::Closed(message),
            })
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

    /// A message larger than the whole queue takes all of it.
    fn cost(&self, message: &T) -> u32 {
        u32::try_from(message.weight())
            .unwrap_or(u32::MAX)
            .min(self.bytes)
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
}
