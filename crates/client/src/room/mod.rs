//! A participant in a LiveKit room.
//!
//! [`Room::connect`] joins and returns a cheap handle and the room's events. One task owns the
//! session: the signal socket, the media socket and the pure machine `rtc::participant`. Handles
//! reach it over three lanes: requests (bounded, answered), state (a `watch`, latest wins) and
//! media (bounded, drops the oldest).
//!
//! When the signal socket is lost the task resumes the session, and joins anew and publishes again
//! when that is refused; handles stay valid throughout.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use trunkline_base::id::{ParticipantIdentity, RoomName, RoomSid, TrackSid};
use trunkline_base::lane::lane;
use trunkline_rtc::participant::{Participant, ParticipantConfig};

pub mod audio;
mod command;
mod error;
mod event;
mod incoming;
mod media;
mod message;
mod options;
mod outlet;
mod signal;
mod snapshot;
mod task;
mod text;
mod token;
mod track;
mod tracks;
mod udp;
mod wire;

pub use error::{ConnectError, PublishError, RequestError};
pub use event::{DataReceived, RoomEvent, RoomEvents, Speaker, TextReceived};
pub use media::{AudioOptions, MediaPacket, MediaReceiver, OpusFrame, RemoteTrack, SenderReport};
pub use message::DataMessage;
pub use options::RoomOptions;
pub use snapshot::{
    ConnectionState, DisconnectReason, ParticipantInfo, ParticipantKind, Permission, RoomSnapshot,
    TrackInfo, TrackKind, TrackSource,
};
pub use text::{
    ATTRIBUTE_FINAL, ATTRIBUTE_SEGMENT, ATTRIBUTE_TRACK, TRANSCRIPTION_TOPIC, TextOptions,
    TextWriter, Transcription,
};
pub use token::RoomToken;
pub use track::AudioTrack;

use command::{COMMAND_DEPTH, Command, LocalChange, OUTGOING_DEPTH, ask};
use task::{RoomTask, Setup};
use udp::MediaSockets;

use crate::clock::now;
use crate::url::{IntoServerUrl, ServerUrl};

/// A joined room. A cheap handle; the session ends with [`Room::leave`] or with the last handle.
#[derive(Clone, Debug)]
pub struct Room {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<Arc<RoomSnapshot>>,
}

impl Room {
    /// Joins. Whoever stays longer than a token lives gives one that is kept fresh.
    ///
    /// # Errors
    /// [`ConnectError`] says whose fault it was.
    pub async fn connect(
        url: impl IntoServerUrl,
        token: impl Into<RoomToken>,
        options: RoomOptions,
    ) -> Result<(Self, RoomEvents), ConnectError> {
        let url = url.into_server_url()?;
        let limit = options.connect_timeout;
        match timeout(limit, Self::join(url, token.into(), options)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(ConnectError::Timeout),
        }
    }

    async fn join(
        url: ServerUrl,
        token: RoomToken,
        options: RoomOptions,
    ) -> Result<(Self, RoomEvents), ConnectError> {
        let sockets = MediaSockets::bind(&url, options.media_ip, &options.wire)
            .await
            .map_err(ConnectError::Socket)?;
        let config = ParticipantConfig {
            local_candidates: sockets.addresses(),
            auto_subscribe: options.auto_subscribe,
            reconnect: options.reconnect,
            seed: rand::random(),
        };
        let core = Participant::new(config, now());
        let (commands, orders) = mpsc::channel(COMMAND_DEPTH);
        let (sender, events) = mpsc::channel(outlet::EVENT_DEPTH);
        let (ready, joined) = oneshot::channel();
        let task = RoomTask::new(Setup {
            url,
            token,
            options,
            sockets,
            core,
            commands: orders,
            lane: lane(OUTGOING_DEPTH),
            events: sender,
            ready,
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "ends when the last handle is dropped"
        )]
        drop(tokio::spawn(task.run()));
        let gone = ConnectError::Protocol {
            what: "session ended while joining",
        };
        let state = joined.await.map_err(|_| gone)??;
        Ok((Self { commands, state }, RoomEvents { events }))
    }

    /// The room's name.
    pub fn name(&self) -> RoomName {
        self.state.borrow().name.clone()
    }

    /// This life of the room, once the server has told it.
    pub fn sid(&self) -> Option<RoomSid> {
        self.state.borrow().sid.clone()
    }

    pub fn local_identity(&self) -> ParticipantIdentity {
        self.state.borrow().local.identity.clone()
    }

    /// The room as it is now.
    pub fn snapshot(&self) -> Arc<RoomSnapshot> {
        Arc::clone(&self.state.borrow())
    }

    /// Every later state, latest wins.
    pub fn watch(&self) -> watch::Receiver<Arc<RoomSnapshot>> {
        self.state.clone()
    }

    /// Publishes an Opus track.
    ///
    /// # Errors
    /// [`PublishError`] when the server refuses or the room is over.
    pub async fn publish_audio(&self, options: AudioOptions) -> Result<AudioTrack, PublishError> {
        let published = ask(&self.commands, |answer| Command::Publish {
            options,
            answer,
        });
        Ok(AudioTrack::new(published.await?, self.commands.downgrade()))
    }

    /// Sets attributes; an empty value removes the key. Waits for the server's word.
    ///
    /// # Errors
    /// [`RequestError::Refused`] without the right to, [`RequestError::Timeout`], or closed.
    pub async fn set_attributes(
        &self,
        attributes: BTreeMap<String, String>,
    ) -> Result<(), RequestError> {
        self.update(LocalChange {
            attributes,
            ..LocalChange::default()
        })
        .await
    }

    /// Sets our metadata.
    ///
    /// # Errors
    /// As [`Room::set_attributes`].
    pub async fn set_metadata(&self, metadata: impl Into<String>) -> Result<(), RequestError> {
        self.update(LocalChange {
            metadata: metadata.into(),
            ..LocalChange::default()
        })
        .await
    }

    /// Sets our display name.
    ///
    /// # Errors
    /// As [`Room::set_attributes`].
    pub async fn set_name(&self, name: impl Into<String>) -> Result<(), RequestError> {
        self.update(LocalChange {
            name: name.into(),
            ..LocalChange::default()
        })
        .await
    }

    /// Subscribes to a track or lets it go; needed where `auto_subscribe` is off.
    ///
    /// # Errors
    /// [`RequestError::Closed`] when the room is over.
    pub async fn set_subscribed(&self, sid: TrackSid, wanted: bool) -> Result<(), RequestError> {
        ask(&self.commands, |answer| Command::Subscribe {
            sid,
            wanted,
            answer,
        })
        .await
    }

    /// Sends a data packet.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`], [`RequestError::NotReady`] or closed.
    pub async fn send_data(&self, message: DataMessage) -> Result<(), RequestError> {
        ask(&self.commands, |answer| Command::Data { message, answer }).await
    }

    /// Sends a telephone key to everybody: RFC 4733 event code and its character.
    ///
    /// # Errors
    /// As [`Room::send_data`].
    pub async fn send_dtmf(&self, code: u32, digit: &str) -> Result<(), RequestError> {
        let digit = digit.to_owned();
        ask(&self.commands, |answer| Command::Dtmf {
            code,
            digit,
            to: Vec::new(),
            answer,
        })
        .await
    }

    /// Sends a whole text and returns the stream's id.
    ///
    /// # Errors
    /// As [`Room::send_data`].
    pub async fn send_text(
        &self,
        text: &str,
        options: TextOptions,
    ) -> Result<String, RequestError> {
        let total = u64::try_from(text.len()).ok();
        let mut writer = TextWriter::open(self.commands.clone(), options, total).await?;
        writer.write(text).await?;
        let id = writer.id().to_owned();
        writer.close(BTreeMap::new()).await?;
        Ok(id)
    }

    /// Opens a text stream to be written as the text comes.
    ///
    /// # Errors
    /// As [`Room::send_data`].
    pub async fn open_text(&self, options: TextOptions) -> Result<TextWriter, RequestError> {
        TextWriter::open(self.commands.clone(), options, None).await
    }

    /// Publishes one whole piece of transcript on `lk.transcription`.
    ///
    /// # Errors
    /// As [`Room::send_data`].
    pub async fn publish_transcription(
        &self,
        text: &str,
        transcription: Transcription,
    ) -> Result<(), RequestError> {
        self.send_text(text, transcription.into_options())
            .await
            .map(drop)
    }

    /// Opens a transcript segment that grows while it is spoken.
    ///
    /// # Errors
    /// As [`Room::send_data`].
    pub async fn open_transcription(
        &self,
        transcription: Transcription,
    ) -> Result<TextWriter, RequestError> {
        self.open_text(transcription.into_options()).await
    }

    /// Leaves, telling the server, and waits until the session is over.
    pub async fn leave(self) {
        self.leave_because(DisconnectReason::ClientInitiated).await;
    }

    /// Leaves with a reason others see; LiveKit honours `ClientInitiated`, `UserUnavailable`,
    /// `UserRejected` and `AgentError`.
    pub async fn leave_because(self, reason: DisconnectReason) {
        let left: Result<(), RequestError> =
            ask(&self.commands, |answer| Command::Leave { reason, answer }).await;
        drop(left);
    }

    async fn update(&self, change: LocalChange) -> Result<(), RequestError> {
        ask(&self.commands, |answer| Command::Update { change, answer }).await
    }
}

#[cfg(test)]
mod tests;
