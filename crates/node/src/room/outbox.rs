//! Messages on their way to one client, from its room to its socket.
//!
//! A room never waits for a reader, so what a reader has not taken is held for it, and that is
//! bounded by number and by bytes. Of what only tells a state, such as a participant's metadata,
//! the latest is held: a slow reader misses what was in between, and a reader that has stopped
//! costs one copy. Whoever lets more pile up is cut off; what was held for it goes at once, and it
//! may come back.
//!
//! What begins a session tells of everybody in the room, so its length is not its reader's doing; it
//! counts for the room instead, where all who have not read theirs yet share one limit. It counts
//! until its reader comes for the next message: a socket that does not read has it in its buffers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::signal::envelope::{Envelope, Subject};

/// Bytes that begin sessions and are unread, of one room together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginnings(Arc<AtomicUsize>);

/// A queue to one client: the room's end and the socket's.
pub(crate) fn outbox(beginnings: &Beginnings) -> (OutboxSender, Outbox) {
    let shared = Arc::new(Shared {
        queue: Mutex::new(Queue {
            beginnings: beginnings.clone(),
            ..Queue::default()
        }),
        changed: Notify::new(),
    });
    let sender = OutboxSender {
        shared: Arc::clone(&shared),
    };
    (sender, Outbox { shared })
}

/// The room's end. Dropping it lets the socket write what is queued and then close.
#[derive(Debug)]
pub(crate) struct OutboxSender {
    shared: Arc<Shared>,
}

/// The socket's end.
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
}

/// The reader has left too much unread. It has been cut off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stuck;

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Envelope>,
    /// Of those, what counts towards the limit.
    bytes: usize,
    /// What begins the session, waiting or on its way: this much of what the room has in
    /// `beginnings`.
    beginning: usize,
    /// Of that, what is on its way.
    going: usize,
    beginnings: Beginnings,
    over: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A queue is whole between any two statements, also where a thread panicked.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn put(&mut self, message: Envelope) {
        if message.begins() {
            self.beginning += message.length();
            let Beginnings(all) = &self.beginnings;
            all.fetch_add(message.length(), Ordering::Relaxed);
            self.waiting.push_back(message);
            return;
        }
        let added = message.length();
        match message.subject().and_then(|about| self.find(&about)) {
            Some(older) => {
                let replaced = std::mem::replace(older, message);
                self.bytes -= replaced.length();
            }
            None => self.waiting.push_back(message),
        }
        self.bytes += added;
    }

    /// What is unread about the same. It is replaced where it stands: what follows it, such as an
    /// offer, may build on what the newer one says too.
    fn find(&mut self, about: &Subject<'_>) -> Option<&mut Envelope> {
        let mut unread = self.waiting.iter_mut();
        unread.find(|message| message.subject().as_ref() == Some(about))
    }

    fn take(&mut self) -> Option<Envelope> {
        self.read_beginning(self.going);
        self.going = 0;
        let message = self.waiting.pop_front()?;
        if message.begins() {
            self.going = message.length();
        } else {
            self.bytes -= message.length();
        }
        Some(message)
    }

    fn read_beginning(&mut self, bytes: usize) {
        self.beginning -= bytes;
        let Beginnings(all) = &self.beginnings;
        all.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn is_over_full(&self) -> bool {
        self.waiting.len() > MAX_MESSAGES || self.bytes > MAX_BYTES
    }

    /// Whether the room has too much of it unread. One alone may have as much as there is to say.
    fn begins_too_much(&self) -> bool {
        let Beginnings(all) = &self.beginnings;
        let all = all.load(Ordering::Relaxed);
        all > MAX_BEGINNINGS && all > self.beginning
    }

    /// It ends, and holds nothing more.
    fn end(&mut self) {
        self.read_beginning(self.beginning);
        self.waiting = VecDeque::new();
        (self.bytes, self.going) = (0, 0);
        self.over = true;
    }
}

impl OutboxSender {
    /// Queues a message.
    ///
    /// # Errors
    /// The reader has left too much unread; it gets nothing more.
    pub(crate) fn send(&self, message: Envelope) -> Result<(), Stuck> {
        let mut queue = self.shared.queue();
        if queue.over {
            // The socket is gone, which its other end reports.
            return Ok(());
        }
        let begins = message.begins();
        queue.put(message);
        let stuck = queue.is_over_full() || (begins && queue.begins_too_much());
        if stuck {
            queue.end();
        }
        drop(queue);
        self.shared.changed.notify_one();
        if stuck { Err(Stuck) } else { Ok(()) }
    }
}

impl Drop for OutboxSender {
    fn drop(&mut self) {
        self.shared.queue().over = true;
        self.shared.changed.notify_one();
    }
}

impl Outbox {
    /// The next message; `None` when the session is over and everything was read.
    ///
    /// # Cancel safety
    /// Cancel safe: a message is taken only when it is given.
    pub async fn recv(&mut self) -> Option<Envelope> {
        loop {
            let changed = self.shared.changed.notified();
            {
                let mut queue = self.shared.queue();
                if let Some(message) = queue.take() {
                    return Some(message);
                }
                if queue.over {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// What is queued, without waiting.
    #[cfg(test)]
    pub(crate) fn try_recv(&mut self) -> Option<Envelope> {
        self.shared.queue().take()
    }

    /// Bytes queued.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        let queue = self.shared.queue();
        queue.waiting.iter().map(Envelope::length).sum()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shared.queue().end();
    }
}

/// Messages unread. Somebody who joins a full room hears a burst of a few for each participant.
const MAX_MESSAGES: usize = 1_024;

/// Bytes unread: eight of the largest updates a participant may cause. At 2 Mbit/s a client reads
/// as much in 16 s, and it is given up after 10 s without any progress.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that begin sessions, unread in one room: a hundred who come at once to a room of a hundred
/// read less together, unless its participants say a page each of themselves.
const MAX_BEGINNINGS: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use livekit_protocol as proto;
    use proto::participant_info::State;
    use proto::signal_response::Message;

    use super::*;
    use crate::signal::message;

    fn opened() -> (OutboxSender, Outbox) {
        outbox(&Beginnings::default())
    }

    fn update(sid: &str, version: u32, metadata: usize) -> Envelope {
        let info = proto::ParticipantInfo {
            sid: sid.to_owned(),
            version,
            metadata: "m".repeat(metadata),
            ..proto::ParticipantInfo::default()
        };
        message::update(vec![info]).into()
    }

    fn pong(n: i64) -> Envelope {
        message::wrap(Message::Pong(n)).into()
    }

    fn read(outbox: &mut Outbox) -> Vec<String> {
        let word = |envelope: Envelope| match &envelope.message().message {
            Some(Message::Update(update)) => {
                let info = &update.participants[0];
                format!("{} v{}", info.sid, info.version)
            }
            Some(Message::Pong(n)) => format!("pong {n}"),
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(|| outbox.try_recv()).map(word).collect()
    }

    /// Three hundred changes of half a megabyte for ten who did not read took 1.3 GB.
    #[test]
    fn a_reader_that_has_stopped_holds_the_latest_of_each_participant() {
        let (sender, mut outbox) = opened();
        for version in 0..300 {
            sender.send(update("PA_ann", version, 500_000)).unwrap();
            sender.send(update("PA_bob", version, 10)).unwrap();
        }
        assert!(outbox.held() < 500_200, "{}", outbox.held());
        assert_eq!(read(&mut outbox), ["PA_ann v299", "PA_bob v299"]);
    }

    /// Clients read of a goodbye only that somebody went.
    #[test]
    fn what_somebody_said_last_is_heard_before_its_goodbye() {
        let (sender, mut outbox) = opened();
        sender.send(update("PA_ann", 1, 10)).unwrap();
        sender.send(update("PA_ann", 2, 10)).unwrap();
        let gone = proto::ParticipantInfo {
            sid: "PA_ann".to_owned(),
            version: 3,
            state: State::Disconnected.into(),
            ..proto::ParticipantInfo::default()
        };
        sender.send(message::update(vec![gone]).into()).unwrap();
        assert_eq!(read(&mut outbox), ["PA_ann v2", "PA_ann v3"]);
    }

    #[test]
    fn a_reader_that_reads_misses_nothing() {
        let (sender, mut outbox) = opened();
        let mut heard = Vec::new();
        for version in 0..3 {
            sender.send(update("PA_ann", version, 10)).unwrap();
            heard.extend(read(&mut outbox));
        }
        assert_eq!(heard, ["PA_ann v0", "PA_ann v1", "PA_ann v2"]);
    }

    #[test]
    fn what_is_newer_stands_where_the_older_stood() {
        let (sender, mut outbox) = opened();
        sender.send(update("PA_ann", 1, 10)).unwrap();
        sender.send(pong(1)).unwrap();
        sender.send(update("PA_ann", 2, 10)).unwrap();
        sender.send(pong(2)).unwrap();
        assert_eq!(read(&mut outbox), ["PA_ann v2", "pong 1", "pong 2"]);
    }

    #[tokio::test]
    async fn who_leaves_too_many_bytes_unread_is_cut_off_and_nothing_is_held_for_it() {
        let (sender, mut outbox) = opened();
        let mut most = 0;
        let cut = (0..1_000).find(|n| {
            let outcome = sender.send(update(&format!("PA_{n}"), 1, 500_000));
            most = most.max(outbox.held());
            outcome.is_err()
        });
        assert_eq!(cut, Some(8));
        assert!(most <= MAX_BYTES);
        assert_eq!(outbox.held(), 0);
        assert!(outbox.recv().await.is_none());
        assert!(sender.send(pong(1)).is_ok(), "it was said once");
        assert_eq!(outbox.held(), 0);
    }

    #[tokio::test]
    async fn who_leaves_too_many_messages_unread_is_cut_off() {
        let (sender, outbox) = opened();
        let cut = (0..10_000).find(|n| sender.send(pong(*n)).is_err());
        assert_eq!(cut, Some(1_024));
        drop(outbox);
    }

    fn join(bytes: usize) -> Envelope {
        let join = proto::JoinResponse {
            server_version: "v".repeat(bytes),
            ..proto::JoinResponse::default()
        };
        message::wrap(Message::Join(join)).into()
    }

    /// A room of two hundred with much to say of themselves is told in one message, however long.
    #[test]
    fn what_begins_a_session_does_not_count_for_its_reader() {
        let (sender, outbox) = opened();
        sender.send(join(MAX_BEGINNINGS + 1)).unwrap();
        sender.send(update("PA_ann", 1, 500_000)).unwrap();
        drop(outbox);
    }

    /// Each who joined a room of large profiles and did not read held a copy of them all.
    #[test]
    fn those_who_join_and_do_not_read_share_one_limit() {
        let room = Beginnings::default();
        let mut readers = Vec::new();
        for n in 0..40 {
            let (sender, reader) = outbox(&room);
            let sent = sender.send(join(MAX_BEGINNINGS / 16));
            assert_eq!(sent.is_err(), n >= 15, "{n}");
            readers.push((sender, reader));
        }
        let held: usize = readers.iter().map(|(_, reader)| reader.held()).sum();
        assert!(held <= MAX_BEGINNINGS, "{held}");
        let (_, reader) = &mut readers[0];
        assert!(reader.try_recv().is_some());
        let (early, refused) = outbox(&room);
        assert!(
            early.send(join(MAX_BEGINNINGS / 16)).is_err(),
            "it is on its way"
        );
        drop(refused);
        let (_, reader) = &mut readers[0];
        assert!(reader.try_recv().is_none());
        let (late, unread) = outbox(&room);
        assert!(late.send(join(MAX_BEGINNINGS / 16)).is_ok());
        readers.clear();
        drop(late);
        drop(unread);
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn the_end_of_a_session_waits_until_all_is_read() {
        let (sender, mut outbox) = opened();
        sender.send(pong(1)).unwrap();
        drop(sender);
        assert!(outbox.recv().await.is_some());
        assert!(outbox.recv().await.is_none());
    }
}
