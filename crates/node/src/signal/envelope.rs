//! A message as its readers share it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message as _;
use proto::participant_info::State;
use proto::signal_response::Message;

/// A message for one client or for many: made once, encoded once, held once.
#[derive(Debug, Clone)]
pub struct Envelope(Arc<Letter>);

#[derive(Debug)]
struct Letter {
    message: proto::SignalResponse,
    length: usize,
    protobuf: OnceLock<Bytes>,
}

/// What a message tells the state of. Of two unread ones about the same, the later says all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// A participant, by its session.
    Participant(&'a str),
    Room,
    Token,
}

impl Envelope {
    pub fn message(&self) -> &proto::SignalResponse {
        &self.0.message
    }

    /// Bytes on the wire.
    pub(crate) fn length(&self) -> usize {
        self.0.length
    }

    /// As it goes over the wire.
    pub(crate) fn protobuf(&self) -> Bytes {
        let encoded = || self.0.message.encode_to_vec().into();
        self.0.protobuf.get_or_init(encoded).clone()
    }

    pub(crate) fn subject(&self) -> Option<Subject<'_>> {
        match self.0.message.message.as_ref()? {
            Message::Update(update) => match update.participants.as_slice() {
                // A goodbye replaces nothing: clients read of it only that somebody went, and what that
                // one said last, such as why a call failed, would be said to nobody.
                [participant] if participant.state() == State::Disconnected => None,
                [participant] => Some(Subject::Participant(&participant.sid)),
                _ => None,
            },
            Message::RoomUpdate(_) => Some(Subject::Room),
            Message::RefreshToken(_) => Some(Subject::Token),
            _ => None,
        }
    }

    /// Whether it begins a session. How long such a message is depends on the room, not on how
    /// much a client has left unread.
    pub(crate) fn begins(&self) -> bool {
        match &self.0.message.message {
            Some(Message::Join(_) | Message::Reconnect(_)) => true,
            Some(Message::Update(update)) => update.participants.len() > 1,
            _ => false,
        }
    }
}

impl From<proto::SignalResponse> for Envelope {
    fn from(message: proto::SignalResponse) -> Self {
        Self(Arc::new(Letter {
            length: message.encoded_len(),
            message,
            protobuf: OnceLock::new(),
        }))
    }
}
