//! The signalling sockets of one room.

use std::collections::BTreeMap;
use std::pin::Pin;

use futures::stream::{Stream, StreamExt as _, once};
use livekit_protocol as proto;
use tokio::sync::mpsc;
use tokio_stream::StreamMap;
use tokio_stream::wrappers::ReceiverStream;
use trunkline_base::id::ParticipantSid;

use crate::room::join::Session;
use crate::room::outbox::{Beginnings, OutboxSender, Stuck, outbox};
use crate::signal::envelope::Envelope;

/// What came from a socket.
#[derive(Debug)]
pub(super) enum Heard {
    Request(ParticipantSid, Box<proto::SignalRequest>),
    /// The socket is gone.
    Lost(ParticipantSid),
    /// A socket that no longer counts.
    Nothing,
}

type Incoming = Pin<Box<dyn Stream<Item = Option<proto::SignalRequest>> + Send>>;

/// Open sockets by participant. A resumed session replaces its socket, so each has a number, and
/// only the newest speaks for the participant.
#[derive(Default)]
pub(super) struct Sessions {
    open: BTreeMap<ParticipantSid, Open>,
    incoming: StreamMap<(ParticipantSid, u64), Incoming>,
    opened: u64,
    beginnings: Beginnings,
}

struct Open {
    number: u64,
    outgoing: OutboxSender,
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("open", &self.open.keys())
            .finish_non_exhaustive()
    }
}

impl Sessions {
    /// Opens a socket for a participant, closing the one it had.
    pub(super) fn open(&mut self, sid: ParticipantSid) -> Session {
        self.close(&sid);
        self.opened += 1;
        let number = self.opened;
        let (outgoing, to_client) = outbox(&self.beginnings);
        let (from_client, incoming) = mpsc::channel(INCOMING);
        let requests = ReceiverStream::new(incoming).map(Some);
        let until_lost: Incoming = Box::pin(requests.chain(once(std::future::ready(None))));
        self.incoming.insert((sid.clone(), number), until_lost);
        self.open.insert(sid.clone(), Open { number, outgoing });
        Session {
            participant: sid,
            outgoing: to_client,
            incoming: from_client,
        }
    }

    /// A session whose only word is a refusal.
    pub(super) fn refusal(sid: ParticipantSid, message: proto::SignalResponse) -> Session {
        let (outgoing, to_client) = outbox(&Beginnings::default());
        let (from_client, _nobody) = mpsc::channel(1);
        // An empty queue takes one message.
        let _queued = outgoing.send(message.into());
        Session {
            participant: sid,
            outgoing: to_client,
            incoming: from_client,
        }
    }

    /// Queues a message; nothing happens when the participant has no socket.
    ///
    /// # Errors
    /// The client does not read: its socket is closed, and nothing is held for it any more.
    pub(super) fn send(&self, to: &ParticipantSid, message: Envelope) -> Result<(), Stuck> {
        self.open
            .get(to)
            .map_or(Ok(()), |open| open.outgoing.send(message))
    }

    /// Ends a socket after what is queued.
    pub(super) fn close(&mut self, of: &ParticipantSid) {
        if let Some(open) = self.open.remove(of) {
            self.incoming.remove(&(of.clone(), open.number));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.incoming.is_empty()
    }

    /// The next thing heard from any socket.
    ///
    /// # Cancel safety
    /// Cancel safe: a stream map holds no item between polls.
    pub(super) async fn next(&mut self) -> Heard {
        let Some(((sid, number), request)) = self.incoming.next().await else {
            return Heard::Nothing;
        };
        match request {
            Some(request) => Heard::Request(sid, Box::new(request)),
            None if self
                .open
                .get(&sid)
                .is_some_and(|open| open.number == number) =>
            {
                self.close(&sid);
                Heard::Lost(sid)
            }
            None => Heard::Nothing,
        }
    }
}

/// Requests waiting for the room; the socket's reader waits when it is full.
const INCOMING: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn sid() -> ParticipantSid {
        ParticipantSid::parse("PA_1").unwrap()
    }

    #[tokio::test]
    async fn a_lost_socket_is_heard_once() {
        let mut sessions = Sessions::default();
        let session = sessions.open(sid());
        session
            .incoming
            .send(proto::SignalRequest::default())
            .await
            .unwrap();
        drop(session);
        assert!(matches!(sessions.next().await, Heard::Request(..)));
        assert!(matches!(sessions.next().await, Heard::Lost(_)));
        assert!(matches!(sessions.next().await, Heard::Nothing));
        assert!(sessions.is_empty());
    }

    #[tokio::test]
    async fn the_socket_a_resume_replaced_says_nothing_any_more() {
        let mut sessions = Sessions::default();
        let old = sessions.open(sid());
        let mut new = sessions.open(sid());
        drop(old);
        sessions
            .send(&sid(), proto::SignalResponse::default().into())
            .unwrap();
        assert!(new.outgoing.recv().await.is_some());
        new.incoming
            .send(proto::SignalRequest::default())
            .await
            .unwrap();
        assert!(matches!(sessions.next().await, Heard::Request(..)));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_stuck() {
        let mut sessions = Sessions::default();
        let session = sessions.open(sid());
        let message = Envelope::from(proto::SignalResponse::default());
        let outcome = (0..10_000)
            .map(|_| sessions.send(&sid(), message.clone()))
            .find(Result::is_err);
        assert_eq!(outcome, Some(Err(Stuck)));
        drop(session);
    }
}
